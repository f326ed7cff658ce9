"""The report's part about copies: planted ones are named with their originals, honest ones are not flagged."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.themes import LIGHT, render
from data.covers import write_png
from data.shards import DatasetWriter
from data.table import make_row
from scripts.copy_section import copies
from scripts.embedding_figures import plant
from scripts.study import open_study
from tests.analysis.test_copies import collages
from tests.scripts.test_analyze import png

REAL, NEW = collages(130, 0), collages(12, 7)


def write_store(folder, covers):
    with DatasetWriter(folder) as writer:
        for place, cover in enumerate(covers):
            row = make_row(
                track_id=f"t{place}", artist=f"Artist {place}", split="train", cover={"bytes": png(cover), "path": None}
            )
            writer.write(row)
    return folder


def opened(store, folder, covers):
    folder.mkdir()
    for place, cover in enumerate(covers):
        write_png(folder / f"{place:02d}.png", cover)
    return open_study(store, folder, lambda stage, done, total: None, maps=("tsne",))


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return write_store(tmp_path_factory.mktemp("store") / "store", REAL)


def test_planted_copies_are_named_with_their_originals(store, tmp_path):
    rng = np.random.default_rng(0)
    planted = [plant(REAL[3], "mirror", rng), plant(REAL[8], "JPEG of quality 30", rng)]
    section = copies(opened(store, tmp_path / "made", [*planted, *NEW]))
    assert section is not None
    told = {(row[0], row[1]) for row in section.tables[1].rows}
    for generated, real in (("00", "Artist 3"), ("01", "Artist 8")):
        assert any(first == generated and second.startswith(real) for first, second in told)
    shares = {number.name: number for number in section.numbers}
    assert shares["flagged by perceptual hash"].value >= 2 / 14
    assert shares["flagged by embedding and thumbnail"].chance <= 0.01
    assert "Flagged pairs come first" in section.pictures[0].caption
    for picture in section.pictures:
        assert render(picture.draw, LIGHT, picture.width, picture.height).startswith(b"\x89PNG")


def test_honest_covers_are_shown_and_not_flagged(store, tmp_path):
    section = copies(opened(store, tmp_path / "made", NEW))
    assert section is not None
    assert section.words[0].startswith("Of 12 generated covers 0 are flagged")
    assert len(section.tables) == 1
    assert "None is flagged" in section.pictures[0].caption


def test_covers_that_are_all_the_same_have_a_word(tmp_path):
    store = write_store(tmp_path / "store", [REAL[0]] * 6)
    section = copies(opened(store, tmp_path / "made", NEW[:2]))
    assert section is not None
    assert "cannot be told" in section.words[1]


def test_without_generated_covers_there_is_nothing_to_say(store):
    assert copies(open_study(store, None, lambda stage, done, total: None)) is None
