"""Which rows are meant: each comparison against rows whose answer is plain, and one line for what is no condition."""

import pytest

from data.errors import InputError
from data.shards import Dataset, DatasetWriter
from data.table import make_row
from data.where import Condition, matching_rows

ROWS = [
    {"release_date": "1975-03-01", "genres": ["Jazz", "fusion"], "popularity": 70.0, "subset": "icons"},
    {"release_date": "1980", "genres": ["rock"], "popularity": 50.0, "subset": "boy-group", "artist": "A | B"},
    {"release_date": "2004-11", "genres": ["blues"], "popularity": 20.5, "artist": "Ä"},
    {},
]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("where")
    with DatasetWriter(folder) as writer:
        for number, row in enumerate(ROWS):
            writer.write(make_row(track_id=f"t{number}", **row))
    return Dataset(folder)


@pytest.mark.parametrize(
    ("conditions", "rows"),
    [
        ([], [0, 1, 2, 3]),
        (["year<1980"], [0]),
        (["year<=1980"], [0, 1]),
        (["year = 2004"], [2]),
        (["year!=1980"], [0, 2, 3]),
        (["release_date>=1975-03"], [0, 1, 2]),
        (["release_date=2004"], [2]),
        (["release_date>1975-03-01", "year<2000"], [1]),
        (["genres=jazz"], [0]),
        (["genres=JAZZ|Blues"], [0, 2]),
        (["genres!=rock"], [0, 2, 3]),
        (["popularity>=50"], [0, 1]),
        (["popularity=20.5"], [2]),
        (["subset=boy-group"], [1]),
        (["artist=ä"], [2]),
        (["popularity>10", "genres=rock|jazz", "year>1976"], [1]),
    ],
)
def test_rows_are_those_that_meet_every_condition(dataset, conditions, rows):
    assert matching_rows(dataset, conditions).nonzero()[0].tolist() == rows


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("year", "written COLUMN=VALUE"),
        ("=3", "written COLUMN=VALUE"),
        ("year<", "written COLUMN=VALUE"),
        ("jahr<1980", "no such column; known: .*year"),
        ("year<old", "'old' is not a number"),
        ("tempo=nan", "'nan' is not a number"),
        ("genres<jazz", "is no number"),
        ("square=maybe", "square is yes or no"),
        ("square<yes", "goes with = and != only"),
        ("width>=big", "not a number"),
        ("year<1980|1990", "several values"),
    ],
)
def test_what_is_no_condition_is_refused_in_one_line(text, says):
    with pytest.raises(InputError, match=says) as caught:
        Condition.parse(text)
    assert "\n" not in str(caught.value)


def test_conditions_that_nothing_meets_are_refused(dataset):
    with pytest.raises(InputError, match="no row meets year>2020 and genres=jazz"):
        matching_rows(dataset, ["year>2020", "genres=jazz"])
