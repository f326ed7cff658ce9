"""The parts of `gatefold analyze`'s report in order, one function each: a study in, a section out, None for nothing."""

from __future__ import annotations

from collections.abc import Callable

from analysis.report import Section
from scripts.cluster_sections import clusters, music
from scripts.copy_section import copies
from scripts.listening_section import listening
from scripts.map_sections import beside, genres_and_decades, looked_at, maps
from scripts.moving_section import matched, moves
from scripts.study import Study
from scripts.trait_section import traits

SECTIONS: tuple[Callable[[Study], Section | None], ...] = (
    looked_at,
    maps,
    beside,
    copies,
    traits,
    matched,
    moves,
    listening,
    clusters,
    genres_and_decades,
    music,
)


def write_sections(study: Study) -> list[Section]:
    """All parts that have something to say."""
    return [section for section in (part(study) for part in SECTIONS) if section is not None]
