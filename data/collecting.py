"""A gathering from beginning to end: wishes into the journal, the collector, the shards, and what it came to."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from data.build import BuildSummary
from data.checks import number_within, one_of
from data.collector import Collector, Ending, Tell
from data.errors import InputError
from data.files import hold_alone, reason_of
from data.journal import JOURNAL, Journal
from data.publish import publish
from data.shards import PATTERN
from data.sources.base import Source
from data.sources.http import Http, Patience
from data.sources.secrets import read_secrets

_LOCK = ".collecting"


@dataclass(frozen=True)
class Gathering:
    """What came of it: how it ended, and the dataset where it was written anew."""

    ending: Ending
    summary: BuildSummary | None


def collect(
    source: Source,
    dataset: str | os.PathLike[str],
    wishes: Sequence[tuple[str, str]] = (),
    *,
    limit: int | None = None,
    minutes: float | None = None,
    part: tuple[int, int] = (1, 1),
    enrich: Sequence[Source] = (),
    retry: bool = False,
    patience: Patience | None = None,
    route: str | None = None,
    limits: Path | None = None,
    tell: Tell | None = None,
) -> Gathering:
    """Gathers from `source` into `dataset` what is wished for, and goes on with what an earlier run left.

    `limit`: so many tracks of this source; `minutes`: so long; `part` (k, n): the k-th of n shares; `enrich`: who is
    then asked for what the records lack; `retry`: what failed or was closed is tried again. `route` and `limits` as for
    `Http`.

    Raises `InputError`: a wish that makes no sense, none at all at the first time, a key that is not set or that the
    service does not accept, another collector at work there, a dataset that was not gathered, another part than before.
    """
    for name, _ in wishes:
        one_of("want", name, source.wants)
    if limit is not None:
        number_within("limit", limit, 1, float("inf"))
    deadline = None if minutes is None else time.monotonic() + 60 * minutes

    def http_of(one: Source) -> Http:
        secrets = read_secrets(one.needs_secrets)
        return Http(one.name, one.service, secrets=secrets, patience=patience, route=route, limits=limits)

    https = [http_of(one) for one in (source, *enrich)]
    with opened(dataset) as journal:
        _keep_part(journal, source, part)
        ending = Ending()
        for one, http in zip((source, *enrich), https, strict=True):
            if retry:
                journal.keep(f"closed {one.name}", {})  # an app may have got more rights meanwhile
                journal.items.reopen_failed(one.name)
                journal.records.reopen_failed(one.name)
            http.closed.update(journal.note(f"closed {one.name}", {}))
            seconds = None if deadline is None else deadline - time.monotonic()
            collector = Collector(
                one, journal, http, limit=limit if one is source else None, seconds=seconds, part=part, tell=tell
            )
            if one is source:
                collector.put_items(one.start(wishes))
                if not journal.items.known(one.name):
                    wants = "; ".join(f"{name}: {help}" for name, help in one.wants.items())
                    raise InputError(one.name, f"nothing is wished for ({wants})")
            else:
                _put_enriching(journal, collector, one)
            rest = journal.note(f"until {one.name}")
            if rest and rest["until"] > time.time():
                collector.rest(rest["reason"], rest["until"])
            try:
                ended = collector.run()
            except InputError:
                publish(journal, Path(dataset), tell)  # what came before it
                raise
            journal.keep(f"until {one.name}", ended.until and {"reason": ended.reason, "until": ended.until})
            ending = ending if ending.reason is not None else ended
        return Gathering(ending, publish(journal, Path(dataset), tell))


@contextmanager
def opened(dataset: str | os.PathLike[str]) -> Iterator[Journal]:
    """The journal of a dataset that is gathered, for us alone; `InputError` as from `collect`."""
    folder = Path(dataset)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.glob(PATTERN)) and not (folder / JOURNAL).exists():
            raise InputError(folder, "already holds a dataset that was not collected; give another folder")
        lock = hold_alone(folder / _LOCK, folder, "another collector is at work there")
    except OSError as error:
        raise InputError(folder, reason_of(error)) from error
    with lock, Journal(folder) as journal:
        yield journal


def _keep_part(journal: Journal, source: Source, part: tuple[int, int]) -> None:
    k, n = part
    if not 1 <= k <= n:
        raise InputError(f"part {k}/{n}", "is written k/n, k from 1 to n")
    before = journal.note(f"part {source.name}", [k, n])
    if before != [k, n]:
        raise InputError(f"part {k}/{n}", f"this dataset holds part {before[0]}/{before[1]}; give each part its own")
    journal.keep(f"part {source.name}", [k, n])


def _put_enriching(journal: Journal, collector: Collector, source: Source) -> None:
    """Asks `source` about every record; about those that it was asked before nothing is asked again."""
    items = (source.enrich(row) for row in journal.records.rows())
    collector.put_items(item for item in items if item is not None)
