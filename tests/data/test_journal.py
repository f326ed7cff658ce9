"""The journal: what was committed stays, the order of findings does not matter, and shards follow from it."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.collecting import opened
from data.duplicates import near_duplicate_groups
from data.errors import InputError
from data.frontier import DONE, FAILED, LEFT, STALE, WANTED
from data.journal import Journal
from data.merging import merge
from data.publish import publish
from data.records import make_file
from data.shards import Dataset
from data.sources.base import Fill, Item, Record
from data.splits import assign_splits
from data.striking import strike
from data.table import make_row


def record(number: int, **known: Any) -> Record:
    return Record(make_row(track_id=f"s:{number}", source="s", **known), needs=())


def test_what_was_not_committed_is_as_if_it_had_not_been(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        journal.items.put("s", Item("page", "1", {"é": [1, None]}), ours=True)
        journal.keep("fact", {"a": 1})
        journal.commit()
        journal.items.put("s", Item("page", "2"), ours=False)
        journal.keep("fact", {"a": 2})
    with opened(tmp_path) as journal:
        (only,) = journal.items.wanted("s", 10, ())
        assert (only.item, only.ours, only.attempts) == (Item("page", "1", {"é": [1, None]}), True, 0)
        assert journal.note("fact") == {"a": 1}
        assert journal.items.wanted("s", 10, {only.id}) == []
        journal.items.put_off(only.id, 60.0)
        assert journal.items.wanted("s", 10, ()) == []
        assert journal.items.next_due("s") is not None
        journal.items.close(only.id)
        journal.items.put("s", Item("page", "1"), ours=True)  # known, whatever became of it
        assert journal.items.next_due("s") is None


def test_lower_ranks_and_older_items_come_first(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        for key, rank in (("a", 1), ("b", 0), ("c", 1), ("d", -1), ("e", 0)):
            journal.items.put("s", Item("page", key, rank=rank), ours=True)
        assert [asking.item.key for asking in journal.items.wanted("s", 4, ())] == ["d", "b", "e", "a"]


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_findings_does_not_matter(tmp_path: Path, seed: int) -> None:
    """Rows that know more win whole, equals by their letters, and genres are united, in every order."""
    rng = random.Random(seed)
    found = [
        record(rng.randrange(6), title=rng.choice(["a", "b", None]), album=rng.choice(["x", None]),
               genres=rng.sample(["pop", "rock", "folk"], 2))
        for _ in range(40)
    ]  # fmt: skip
    fingerprints = set()
    for turn in range(3):
        rng.shuffle(found)
        with opened(tmp_path / str(turn)) as journal:
            for one in found:
                journal.records.put("s", 1, one)
            publish(journal, tmp_path / str(turn))
        fingerprints.add(Dataset(tmp_path / str(turn)).fingerprint)
    assert len(fingerprints) == 1


def test_another_albums_row_brings_its_own_cover(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        put = journal.records.put
        poor = Record(make_row(track_id="s:1", source="s"), ["http://a/1"])
        rich = Record(make_row(track_id="s:1", source="s", album="x"), ["http://a/2"])
        assert put("s", 1, poor) == (None, WANTED)
        (wanted,) = journal.records.wanted("s", 9, ())
        assert journal.records.close(wanted, make_file({"bytes": b"1", "path": "c"}), None)
        assert put("s", 2, rich) == (DONE, WANTED)
        (wanted,) = journal.records.wanted("s", 9, ())
        assert wanted.covers == ["http://a/2"]
        assert put("s", 1, poor) is None
        fresh = Record(rich.row, ["http://a/2?token=2"])
        assert put("s", 2, fresh) == (WANTED, WANTED)
        assert not journal.records.close(wanted, make_file({"bytes": b"2", "path": "c"}), None)  # of outdated links
        (wanted,) = journal.records.wanted("s", 9, ())
        assert journal.records.renew(wanted)
        assert put("s", 2, rich)
        assert [one.covers for one in journal.records.wanted("s", 9, ())] == [["http://a/2"]]
        assert put("s", 3, Record(make_row(track_id="s:2", source="s")), left=True) == (None, LEFT)


def test_a_fill_fills_and_does_not_replace(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        journal.records.put("s", 1, record(1, title="own"))
        assert (
            journal.records.put_fill("t", 2, Fill("s:1", {"title": "other", "tempo": 120.0, "genres": ["pop"]})) is None
        )
        assert journal.records.put_fill("t", 2, Fill("s:unknown", {"title": "x"})) is None
        (row,) = journal.records.rows()
        assert (row["title"], row["tempo"], row["genres"], row["cover"]) == ("own", 120.0, ["pop"], None)
        assert journal.records.put_fill("t", 2, Fill("s:1", covers=["http://t/1"])) == (None, WANTED)
        (wanted,) = journal.records.wanted("t", 9, ())
        assert journal.records.close(wanted, None, None)  # it could not be had: the track stays as it was
        assert journal.records.counts("s") == {DONE: 1}


def test_a_row_names_all_who_gave_something_that_is_in_it(tmp_path: Path) -> None:
    def sources() -> dict[str, str]:
        return {row["track_id"]: row["source"] for row in journal.records.rows()}

    with opened(tmp_path / "d") as journal:
        records = journal.records
        for number in range(5):
            records.put("s", 1, record(number, title="own"))
        records.put_fill("t", 2, Fill("s:1", {"title": "other"}))  # which it does not need
        records.put_fill("t", 2, Fill("s:2", {"tempo": 120.0}))
        records.put_fill("u", 3, Fill("s:2", {"tempo": 90.0}))  # which came too late
        records.put_fill("u", 3, Fill("s:3", {"genres": ["pop"]}, clips=["http://u/1"]))
        records.put_fill("t", 2, Fill("s:4", covers=["http://t/1"]))
        for source, files in (("u", (None, b"clip")), ("t", (b"cover", None))):
            (wanted,) = records.wanted(source, 9, ())
            records.close(wanted, *(content and make_file({"bytes": content, "path": "x"}) for content in files))
        assert sources() == {"s:0": "s", "s:1": "s", "s:2": "s+t", "s:3": "s+u", "s:4": "s+t"}
        records.put("s", 9, record(4, title="own", album="better"))  # a better row brings its own files
        assert sources()["s:4"] == "s"
        publish(journal, tmp_path / "d")
    merge(tmp_path / "one", [tmp_path / "d"])
    assert Dataset(tmp_path / "one").fingerprint == Dataset(tmp_path / "d").fingerprint
    assert merge(tmp_path / "one", [tmp_path / "d"]) is None


def test_what_others_may_still_add_keeps_no_track_out(tmp_path: Path) -> None:
    """A filling that was cut off, or whose links have expired: the track stays in the dataset as it was."""

    def published() -> list[str]:
        publish(journal, tmp_path / "d")
        return Dataset(tmp_path / "d").read(["track_id"])["track_id"].to_pylist()

    with opened(tmp_path / "d") as journal:
        records = journal.records
        records.put("s", 1, record(1))
        records.put("s", 1, Record(make_row(track_id="s:2", source="s"), ["http://s/1"]))
        records.put("s", 1, record(3))
        assert published() == ["s:1", "s:3"]
        for number in (1, 2):
            records.put_fill("t", 2, Fill(f"s:{number}", {"tempo": 120.0}, clips=["http://t/1"]))
        assert published() == ["s:1", "s:3"]  # the other one has no cover yet
        (wanted,) = records.wanted("t", 9, ())
        assert records.renew(wanted)
        assert published() == ["s:1", "s:3"]
        merge(tmp_path / "other", [tmp_path / "d"])
        assert Dataset(tmp_path / "other").fingerprint == Dataset(tmp_path / "d").fingerprint
        assert records.put("s", 1, Record(record(1).row, ["http://s/2"], needs=())) is None  # its links are another's
        assert records.wanted("s", 9, {"s:2"}) == []
        journal.commit()
    strike(tmp_path / "d", ["s:1"])
    assert Dataset(tmp_path / "d").read(["track_id"])["track_id"].to_pylist() == ["s:3"]


def test_a_fills_expired_link_is_renewed_and_costs_the_record_nothing(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        records = journal.records
        records.put("s", 1, record(1))
        fill = Fill("s:1", clips=["http://t/1"])
        assert records.put_fill("t", 2, fill) == (None, WANTED)
        (wanted,) = records.wanted("t", 9, ())
        assert records.renew(wanted)
        assert records.put_fill("u", 3, Fill("s:1", clips=["http://u/1"])) is None  # it waits for another's
        assert records.put_fill("t", 2, Fill("s:1", clips=["http://t/2"])) == (STALE, WANTED)
        (wanted,) = records.wanted("t", 9, ())
        assert (wanted.clips, wanted.attempts) == (["http://t/2"], 1)
        assert records.renew(wanted)
        assert records.fail_stale(2, "link expired") == [(STALE, DONE)]
        assert records.put_fill("t", 2, fill) == (None, WANTED)
        (wanted,) = records.wanted("t", 9, ())
        assert records.fail(wanted, "not understood") == (WANTED, DONE)
        assert records.counts("s") == {DONE: 1}
        # One that had failed before has failed again, and is the other source's to try once more.
        records.put("s", 1, Record(make_row(track_id="s:2", source="s"), ["http://s/1"]))
        (wanted,) = records.wanted("s", 9, ())
        assert records.fail(wanted, "gone") == (WANTED, FAILED)
        assert records.put_fill("t", 2, Fill("s:2", covers=["http://t/3"])) == (None, WANTED)
        (wanted,) = records.wanted("t", 9, ())
        assert records.fail(wanted, "gone") == (WANTED, FAILED)
        records.reopen_failed("s")
        assert records.wanted("s", 9, ()) == []
        records.reopen_failed("t")
        assert [one.covers for one in records.wanted("t", 9, ())] == [["http://t/3"]]


def test_splits_are_those_of_a_dataset_that_is_built(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    artists = [None if rng.random() < 0.1 else f"artist {rng.integers(40)}" for _ in range(200)]
    hashes = rng.choice(rng.integers(1, 2**64, 60, dtype=np.uint64), 200)
    keys = [f"s:{number:03d}" for number in range(200)]
    with opened(tmp_path) as journal:
        for key, artist, seen in zip(keys, artists, hashes.tolist(), strict=True):
            row = make_row(track_id=key, artist=artist, source="s")
            journal.records.put("s", 1, Record(row, ["http://a/1"]))
            (wanted,) = journal.records.wanted("s", 1, ())
            journal.records.close(wanted, make_file({"bytes": key.encode(), "path": "c.png"}, seen), None)
        summary = publish(journal, tmp_path)
        assert publish(journal, tmp_path) is None
    groups = near_duplicate_groups(hashes)
    wanted_splits = assign_splits(artists, groups, keys=keys)
    assert Dataset(tmp_path).read(["split"]).column(0).to_pylist() == wanted_splits
    assert summary is not None
    assert summary.splits == {split: wanted_splits.count(split) for split in summary.splits}
    assert summary.near_duplicates == int((np.bincount(groups) > 1)[groups].sum())


def test_a_journal_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing was collected"):
        Journal(tmp_path, read_only=True)
    import sqlite3

    other = sqlite3.connect(tmp_path / "journal.sqlite")
    other.execute("CREATE TABLE t (x)")
    other.commit()
    other.close()
    for read_only in (False, True):
        with pytest.raises(InputError, match="not a journal that this version can read"):
            Journal(tmp_path, read_only=read_only)
