"""Tracks struck out: exactly those are gone, and a kill at any moment of the swap comes to the same end."""

import contextlib
from pathlib import Path

import pytest

from data.errors import InputError
from data.shards import Dataset, DatasetWriter
from data.striking import strike
from data.table import SPLITS, make_row


class KilledError(Exception):
    """As if the process had ended here."""


def write(folder, count=7):
    with DatasetWriter(folder, rows_per_shard=3) as writer:
        for number in range(count):
            cover = {"bytes": bytes([number]) * 50, "path": "cover.jpg"}
            writer.write(
                make_row(track_id=f"t{number}", title=f"title {number}", tempo=number / 3, cover=cover, genres=["a"],
                         split=SPLITS[number % 3])
            )  # fmt: skip
    return list(Dataset(folder).iter_rows())


def files(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != ".striking.lock")


def test_struck_rows_are_gone_and_all_others_as_they_were(tmp_path):
    rows = write(tmp_path)
    struck = strike(tmp_path, ["t5", "t0", "t1", "t5"])
    assert [row["track_id"] for row in struck] == ["t0", "t1", "t5"]
    assert struck[0] == {"track_id": "t0", "artist": None, "album": None, "title": "title 0"}
    assert list(Dataset(tmp_path).iter_rows()) == [rows[number] for number in (2, 3, 4, 6)]
    assert files(tmp_path) == ["part-00000.parquet"]


@pytest.mark.parametrize(
    ("ids", "says"),
    [
        (["t1", "t9", "t8"], r"holds no track 't8' \(nor 1 more\)"),
        (["t1\n"], "holds no track"),
        ([f"t{number}" for number in range(7)], "nothing would be left"),
    ],
)
def test_what_cannot_be_struck_is_one_line_and_nothing_changes(tmp_path, ids, says):
    rows = write(tmp_path)
    with pytest.raises(InputError, match=says) as caught:
        strike(tmp_path, ids)
    assert "\n" not in str(caught.value)
    assert list(Dataset(tmp_path).iter_rows()) == rows


def test_no_dataset_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such dataset"):
        strike(tmp_path / "none", ["t"])
    with pytest.raises(InputError, match="holds no dataset"):
        strike(tmp_path, ["t"])


@pytest.mark.parametrize("step", range(9))
def test_killed_at_any_step_it_is_old_or_new_or_finished_by_the_next_call(tmp_path, monkeypatch, step):
    """Every rename and removal in the dataset's folder is a step; two more than there are is a run without a kill."""
    rows = write(tmp_path / "d", 9)
    steps = iter(range(step))

    def counted(real):
        def change(path, *rest, **how):
            if path.name.startswith(("part-", ".unfinished")) and next(steps, None) is None:
                raise KilledError
            return real(path, *rest, **how)

        return change

    wanted = [rows[number] for number in range(9) if number not in (1, 2, 6)]
    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", counted(Path.replace))
        patched.setattr(Path, "unlink", counted(Path.unlink))
        with contextlib.suppress(KilledError):
            strike(tmp_path / "d", ["t1", "t2", "t6"])
    left = None
    with contextlib.suppress(InputError):
        left = list(Dataset(tmp_path / "d").iter_rows())
    assert left in (rows, wanted) or (tmp_path / "d" / ".unfinished").exists()
    if left != wanted:
        struck = strike(tmp_path / "d", ["t1", "t2", "t6"])
        assert sorted(row["track_id"] for row in struck) == ["t1", "t2", "t6"]
    assert list(Dataset(tmp_path / "d").iter_rows()) == wanted


def test_two_at_once_is_one_too_many(tmp_path):
    from data.striking import _alone

    write(tmp_path)
    with _alone(tmp_path), pytest.raises(InputError, match="by another process"):
        strike(tmp_path, ["t1"])
