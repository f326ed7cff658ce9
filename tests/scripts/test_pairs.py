"""What pairs are made from: genres under their other names, families, kinds as tags, draws around the right means."""

import numpy as np
import pytest

from data.associations import MUSIC, TRAITS
from data.attributes import ATTRIBUTE_NAMES
from data.emotions import EMOTIONS
from data.errors import InputError
from encoders.features import DESCRIPTOR_NAMES
from scripts.pairs import (
    GenreTable,
    families,
    music_of_clips,
    painting_details,
    pair_by_genre,
    strangers,
    wanted,
)

ENERGY = ATTRIBUTE_NAMES.index("energy")


def table(tmp_path, genres):
    path = tmp_path / "genres.csv"
    lines = [",".join(["mode", "genres", *ATTRIBUTE_NAMES])]
    for name, energy in genres.items():
        values = [50, 0.5, 0.5, energy, 0.5, 0.2, -10, 0.05, 120, 0.5]
        lines.append(",".join(map(str, [1, name, *values])))
    path.write_text("\n".join(lines))
    return GenreTable.read(path)


def draw(genres, names):
    traits = np.random.default_rng(0).random((len(names), len(TRAITS)))
    return pair_by_genre([[name] for name in names], traits, genres, np.random.default_rng(0))[:, ENERGY]


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
    names = ["ambient", "techno"] * 60
    energy = draw(genres, names)
    assert energy[::2].mean() == pytest.approx(0.2, abs=0.06)
    assert energy[1::2].mean() == pytest.approx(0.8, abs=0.06)
    assert np.array_equal(energy, draw(genres, names))


def test_a_genre_of_few_covers_still_draws_around_its_own_mean(tmp_path):
    energy = np.sort(draw(table(tmp_path, {"ambient": 0.05, "techno": 0.95}), ["ambient", "techno"] * 5))
    assert energy[:5].max() < 0.5 < energy[5:].min()


def test_strangers_are_those_whose_families_are_known_and_other_ones():
    covers = [["IDM", "graphic"], ["postrock"], ["realism", "painting"], ["dub techno", "post-rock"]]
    clips = [["electronic"], ["rock"], []]
    assert strangers(covers, clips).tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 0], [0, 0, 0]]
    assert families(["chipmusic"]) == {"electronic"}


def test_what_clips_are_known_to_be_stands_in_its_column():
    attributes = np.full((2, len(ATTRIBUTE_NAMES)), np.nan)
    attributes[:, ENERGY] = 0.25, 0.75
    descriptors = np.zeros((2, len(DESCRIPTOR_NAMES)))
    descriptors[:, DESCRIPTOR_NAMES.index("majorness")] = -1, 1
    descriptors[1, DESCRIPTOR_NAMES.index("mfcc5_std")] = 12
    felt = dict.fromkeys(EMOTIONS, 0.0) | {"joyful_activation": 0.5, "sadness": 0.25, "calmness": 0.125}
    known = music_of_clips(attributes, descriptors, np.array([list(felt.values()), [np.nan] * len(EMOTIONS)]))
    columns = {name: known[:, place].tolist() for place, name in enumerate(MUSIC)}
    assert columns["energy"] == [0.25, 0.75]
    assert columns["majorness"] == [-1, 1]
    assert columns["complexity"] == [0, 1]
    assert (columns["joy"][0], columns["arousal"][0]) == (0.25, -0.125)
    assert np.isnan([columns["joy"][1], columns["arousal"][1], columns["tempo"][0]]).all()


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
