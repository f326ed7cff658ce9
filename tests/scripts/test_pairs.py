"""The pairs of the shipped model: genres found under their other names, kinds as tags, draws around the right means."""

import numpy as np
import pytest

from data.attributes import ATTRIBUTE_NAMES
from data.errors import InputError
from scripts.pairs import GenreTable, painting_details, pair, wanted

ENERGY = ATTRIBUTE_NAMES.index("energy")


def table(tmp_path, genres):
    path = tmp_path / "genres.csv"
    lines = [",".join(["mode", "genres", *ATTRIBUTE_NAMES])]
    for name, energy in genres.items():
        values = [50, 0.5, 0.5, energy, 0.5, 0.2, -10, 0.05, 120, 0.5]
        lines.append(",".join(map(str, [1, name, *values])))
    path.write_text("\n".join(lines))
    return GenreTable.read(path)


def covers(n):
    return np.random.default_rng(0).integers(0, 256, (n, 3, 8, 8), dtype=np.uint8)


def test_a_genre_is_found_under_its_other_spellings(tmp_path):
    genres = table(tmp_path, {"intelligent dance music": 0.5, "post-rock": 0.6, "dub techno": 0.4})
    assert genres.find(["Netlabel", "IDM"]) == "intelligent dance music"
    assert genres.find(["postrock"]) == "post rock"
    assert genres.find(["DubTechno", "idm"]) == "dub techno"
    assert genres.find(["nothing known"]) is None


@pytest.mark.parametrize("text", ["", "genres\nambient\n", "genres,energy\nambient,loud\n"])
def test_a_table_that_is_none_is_refused(tmp_path, text):
    path = tmp_path / "genres.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=r"genres\.csv"):
        GenreTable.read(path)


def test_rows_draw_around_their_own_genre(tmp_path):
    genres = table(tmp_path, {"ambient": 0.2, "techno": 0.8})
    rows = [{"genres": [name]} for name in ["ambient"] * 60 + ["techno"] * 60 + ["unheard of"] * 60]
    energy = pair(rows, covers(180), genres)[:, ENERGY]
    assert energy[:60].mean() == pytest.approx(0.2, abs=0.06)
    assert energy[60:120].mean() == pytest.approx(0.8, abs=0.06)
    assert energy[120:].mean() == pytest.approx(0.5, abs=0.12)  # genres picked at random
    assert np.array_equal(energy, pair(rows, covers(180), genres)[:, ENERGY])


def test_a_genre_of_few_covers_still_draws_around_its_own_mean(tmp_path):
    genres = table(tmp_path, {"ambient": 0.05, "techno": 0.95})
    rows = [{"genres": ["ambient"]}] * 5 + [{"genres": ["techno"]}] * 5
    energy = np.sort(pair(rows, covers(10), genres)[:, ENERGY])
    assert energy[:5].max() < 0.5 < energy[5:].min()


def test_only_coloured_paintings_of_later_painters_are_wanted_and_kinds_become_tags():
    rows = [{"track_id": name, "genres": ["Symbolism,Art Nouveau"]} for name in ("late", "early", "grey", "unknown")]
    details = {
        "late": {"born": 1862, "grey": False},
        "early": {"born": 1606, "grey": False},
        "grey": {"born": 1862, "grey": True},
    }
    (kept,) = wanted(rows, "painting", details)
    assert (kept["track_id"], kept["genres"]) == ("late", ["symbolism", "art nouveau", "painting"])
    (graphic,) = wanted([{"track_id": "x", "genres": ["IDM"]}], "graphic", {})
    assert graphic["genres"] == ["idm", "graphic"]
    assert kept["licence"] == "public domain"


def test_painting_details_are_read_or_refused_by_name(tmp_path):
    path = tmp_path / "paintings.csv"
    path.write_text("id,born,grey\na,1862,False\nb,1471,True\n")
    assert painting_details(path) == {"a": {"born": 1862, "grey": False}, "b": {"born": 1471, "grey": True}}
    for text in ("born,grey\n1862,False\n", "id,born,grey\na,long ago,False\n", "id,born,grey\na,1862,perhaps\n"):
        path.write_text(text)
        with pytest.raises(InputError, match=r"paintings\.csv: not a table of paintings"):
            painting_details(path)
