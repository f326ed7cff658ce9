"""The data card: counts that were done by hand, and what crosses a split found where it was put."""

import json

import numpy as np
import pytest

from data.card import CARD, CARD_JSON, crossing, make_card, write_card
from data.shards import Dataset, DatasetWriter
from data.splits import split_of
from data.table import COLUMNS, make_row

ARTISTS = ["one", "two", "three", "four", "five", "six"]


def write(folder, rows):
    with DatasetWriter(folder) as writer:
        for number, row in enumerate(rows):
            writer.write(make_row(**{"track_id": f"t{number}"} | row))
    return Dataset(folder)


@pytest.fixture
def rows(picture):
    """Six tracks of six artists, split by the rule; the last has no cover."""
    covers = [{"bytes": picture(number), "path": "cover.png"} for number in range(5)]
    return [
        {
            "artist": artist, "split": split_of(artist), "cover": cover, "source": source, "licence": licence,
            "genres": ["dub", f"g{number}"], "release_date": date,
        }
        for number, (artist, cover, source, licence, date) in enumerate(
            zip(
                ARTISTS, [*covers, None], ["folder", "mine", "mine", "mine", None, "folder"],
                ["CC0", "CC0", "CC BY", None, None, None], ["1999", "1999-01-02", "2001", None, "soon", "2001"],
                strict=True,
            )
        )
    ]  # fmt: skip


def test_the_card_counts_what_is_there(tmp_path, rows):
    card = make_card(write(tmp_path, rows))
    assert (card["rows"], card["artists"]) == (6, 6)
    assert card["sources"] == {"mine": 3, "folder": 2, "unknown": 1}
    assert card["licences"] == {"unknown": 3, "CC0": 2, "CC BY": 1}
    assert card["genres"] == {"dub": 6} | {f"g{number}": 1 for number in range(6)}
    assert card["years"] == {"1999": 2, "2001": 2, "unknown": 2}
    assert sum(card["splits"].values()) == 6
    assert (card["missing"]["cover"], card["missing"]["audio"], card["missing"]["licence"]) == (1, 6, 3)
    assert "artist" not in card["missing"]
    assert card["near_duplicates"] == {"covers": 0, "groups": 0, "bits": 6}
    assert card["crossing"] == {"artists": 0, "near_duplicate_groups": 0}
    assert card["split_rule"]["differing"] == 0


def test_what_crosses_the_split_is_found(tmp_path, rows):
    other = {"train": "test", "validation": "train", "test": "train"}
    first, second = rows[0], rows[1]
    rows += [
        {"artist": "ONE ", "split": other[first["split"]], "cover": rows[2]["cover"]},  # an artist on two sides …
        {"artist": "nobody else", "split": other[second["split"]], "cover": second["cover"]},  # … and a cover
        {"artist": None, "split": "test"},
        {"artist": "Various Artists", "split": "train"},
    ]
    rows[2]["split"] = rows[6]["split"]
    card = make_card(write(tmp_path, rows))
    assert card["crossing"] == {"artists": 1, "near_duplicate_groups": 1}
    assert card["near_duplicates"]["covers"] == 4
    assert card["near_duplicates"]["groups"] == 2
    assert card["split_rule"]["differing"] >= 2


def test_crossing_counts_groups_with_several_sides():
    groups = np.array([7, 7, 9, 9, 9, 3, 2**63], dtype=np.uint64)
    assert crossing(groups, np.array([0, 0, 0, 1, 2, 1, 0], dtype=np.uint8)) == 1
    assert crossing(groups[:0], np.zeros(0, dtype=np.uint8)) == 0


def test_who_may_train_follows_the_terms_of_the_source(tmp_path, rows, monkeypatch):
    from data.sources.base import Terms
    from data.sources.registry import SOURCES

    class Shut:
        terms = Terms("no | training", may_train=False)

    class Open:
        terms = Terms("anything goes", may_train=True)

    monkeypatch.setitem(SOURCES, "shut", Shut)
    monkeypatch.setitem(SOURCES, "open", Open)
    for row, source in zip(rows, ["shut", "open", "open+shut", "folder+shut", "folder+open", None], strict=True):
        row["source"] = source
    dataset = write(tmp_path, rows)
    card = make_card(dataset)
    answers = {one["source"]: (one["rows"], one["may_train"]) for one in card["may_be_trained_on"]}
    assert answers == {
        "shut": (1, False), "open": (1, True), "open+shut": (1, False), "folder+shut": (1, False),
        "folder+open": (1, None), "unknown": (1, None),
    }  # fmt: skip
    write_card(dataset, card)
    assert "| open+shut | 1 | **no** | anything goes; no \\| training |" in (tmp_path / CARD).read_text()


def test_a_card_is_written_beside_shards_that_stay_readable(tmp_path, rows):
    rows[0]["genres"] = ["a|b\n# <b>"]
    dataset = write(tmp_path, rows)
    card = make_card(dataset)
    write_card(dataset, card)
    assert json.loads((tmp_path / CARD_JSON).read_text()) == card
    assert "| a\\|b # &lt;b> | 1 |" in (tmp_path / CARD).read_text()
    again = Dataset(tmp_path)
    assert again.fingerprint == dataset.fingerprint == card["fingerprint"]
    assert len(again.row(0)) == len(COLUMNS)
