"""`gatefold evaluate`: what a generator that follows the music, and one that does not, get; and the command itself."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data.shards import Dataset
from data.synthetic import draw_tracks, render_cover, write_world
from encoders.schema import make_schema
from scripts.comparison import Measured
from scripts.ears import bundle_extras
from scripts.evaluate import as_rows
from scripts.following import Material, score_alterations, score_following, told_of
from scripts.moving import known, move, score_monotony, score_moves
from scripts.pipeline import Listener
from scripts.prepare import prepare
from tests.scripts.ears import write_hearing_bundle

N, SEED = 160, 5


def world_schema():
    """Attributes on a scale that the world fills, and its styles."""
    attributes = np.full((2, 10), np.nan)
    attributes[:, 3], attributes[:, 8], attributes[:, 9] = (0.2, 0.8), (95.0, 137.0), (0.25, 0.75)
    return make_schema(attributes=attributes, tags=[[track.style] for track in draw_tracks(N, SEED)])


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    return write_world(tmp_path_factory.mktemp("store") / "world", N, SEED, resolution=32, audio=False).folder


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("bundles") / "own"
    return write_hearing_bundle(folder, *bundle_extras(world_schema(), None))


def test_what_people_know_of_a_condition_is_told_by_name():
    schema = make_schema(
        attributes=np.random.default_rng(0).uniform(size=(50, 10)),
        tags=[["dub"], ["metal"]] * 20,
        year=np.arange(1980, 2020),
    )
    c = schema.assemble(attributes=np.full((3, 10), 0.5), tags=[["dub"], ["dub"], ["metal"]])
    names, y = told_of(schema, c)
    assert names[:2] == ["popularity", "danceability"]
    assert names[-3:] == ["dub", "metal", "year"]
    assert (y[:, names.index("dub")] > 0).tolist() == [True, True, False]
    assert np.isnan(y[:, -1]).all()


def test_a_table_has_a_row_a_thing_and_a_column_a_subject():
    figures = [
        Measured("energy", "real covers", 0.5, "r", (0.4, 0.6), 0.1, 9),
        Measured("energy", "own", 0.25, "r", (0.2, 0.3), 0.1, 9),
        Measured("copies", "own", 0.0, "share", None, None, 9),
    ]
    lines = as_rows(figures).splitlines()
    assert lines[0] == "|  | unit | real covers | own | chance |"
    assert lines[2] == "| energy | r | 0.50 (0.40 to 0.60) | 0.25 (0.20 to 0.30) | 0.10 |"
    assert lines[3] == "| copies | share |  | 0.00 |  |"
    how = "descriptors of 64 px covers, lanczos"
    told = as_rows([*figures, Measured("distance", "own", 1.5, "Fréchet", None, None, 9, how)]).splitlines()
    assert told[-3:] == ["| distance | Fréchet |  | 1.50 |  |", "", f"distance: {how}"]


def by_the_rule(c: np.ndarray, seed: int) -> np.ndarray:
    """Other covers of the world's rule for its tracks, found again by tempo and energy in their conditions."""
    tracks = draw_tracks(N, SEED)
    told = world_schema().assemble(
        attributes=np.array([[np.nan] * 3 + [t.energy] + [np.nan] * 4 + [t.tempo_bpm, t.valence] for t in tracks])
    )
    attributes = slice(1, 11)
    nearest = [int(((told[:, attributes] - row[attributes]) ** 2).sum(axis=1).argmin()) for row in c]
    return np.stack([render_cover(replace(tracks[index], seed=1000 * seed + index), 32) for index in nearest])


def deaf(c: np.ndarray, seed: int) -> np.ndarray:
    """Covers of the world for other tracks."""
    return np.stack([render_cover(track, 32) for track in draw_tracks(len(c), seed=100 + seed)])


@pytest.mark.slow
def test_shares_on_the_world_are_those_of_who_follows_and_who_does_not(store, bundle):
    material = Material.open(Dataset(store), prepare(store, 32, None, start=bundle))
    followed, ignored = (
        {(m.name, m.subject): m for m in score_following(who.__name__, who, material, ("ridge",))}
        for who in (by_the_rule, deaf)
    )
    assert followed[("energy", "real covers")].value > 0.9
    share = followed[("share of the ceiling", "by_the_rule")]
    assert share.value == pytest.approx(1, abs=0.15)
    nothing = ignored[("share of the ceiling", "deaf")]
    assert nothing.interval[0] < 0.1
    assert abs(nothing.value) < 0.35
    assert followed[("p that shuffled pairs tell as much", "real covers")].value < 0.01


def test_moves_say_which_attribute_acts(store):
    schema = world_schema()

    def draw(c, seed):
        grey = np.clip(100 + 40 * c[:, 1 + 3], 0, 255)  # energy is the fourth attribute
        return np.broadcast_to(grey[:, None, None, None], (len(c), 3, 16, 16)).astype(np.uint8)

    c = schema.assemble(attributes=np.tile([np.nan] * 3 + [0.5] + [np.nan] * 4 + [100, 0.5], (4, 1)))
    moved = {m.name: m for m in score_moves("own", draw, schema, c)}
    assert moved["lightness by energy"].interval[0] > 10
    assert moved["lightness by tempo"].value == 0
    assert moved["lightness by energy"].chance == 0
    assert not any("popularity" in what for what in moved)  # nothing was ever known of it


def test_steps_go_from_two_deviations_below_to_two_above_or_to_the_scales_end(tmp_path):
    schema = world_schema()
    asked = []

    def draw(c, seed):
        asked.append((c.copy(), seed))
        grey = np.clip(100 + 30 * c[:, 1 + 3] + np.random.default_rng(seed).normal(0, 3, len(c)), 0, 255)
        return np.broadcast_to(grey[:, None, None, None], (len(c), 3, 16, 16)).astype(np.uint8)

    c = schema.assemble(attributes=np.tile([np.nan] * 3 + [0.5] + [np.nan] * 4 + [100, 0.5], (4, 1)))
    moved = move(draw, schema, c, n=8, seed=3)
    assert list(moved.values) == ["energy", "tempo", "valence"] == [one[0].name for one in known(schema)]
    assert moved.values["energy"] == pytest.approx([0, 0.25, 0.5, 0.75, 1])  # its mean is 0.5, its deviation 0.3
    assert moved.values["tempo"] == pytest.approx(116 + 21 * np.linspace(-2, 2, 5))
    assert {seed for _, seed in asked} == {3}
    assert moved.strips["energy"].shape == (5, 3, 16, 16)
    assert moved.traits["energy"]["lightness"].shape == (8, 5)
    assert all((np.delete(one, 1 + 3, axis=1) == np.delete(asked[0][0], 1 + 3, axis=1)).all() for one, _ in asked[:5])
    figures = {m.name: m for m in score_monotony("own", moved)}
    assert figures["lightness rises with energy"].value == 1
    assert figures["lightness rises with energy"].chance == pytest.approx(1 / 120)
    assert figures["lightness rises with tempo"].value == 0
    moved.write(tmp_path / "moved.png")
    with Image.open(tmp_path / "moved.png") as light, Image.open(tmp_path / "moved-dark.png") as dark:
        assert light.size == dark.size
        assert light.convert("RGB").getpixel((1, 1)) > dark.convert("RGB").getpixel((1, 1))
    assert move(draw, make_schema(tags=[["dub"]] * 9), c) is None
    assert move(draw, schema, c[:0]) is None


@pytest.mark.slow
def test_a_clip_at_half_its_level_moves_covers_less_than_another_track_does(tmp_path, hearing):
    dataset = write_world(tmp_path / "world", 4, 1, duration_s=3.0, resolution=32)
    figures = {m.name: m for m in score_alterations("own", Listener.open(hearing), dataset, np.arange(4))}
    assert set(figures) == {"moved by half the level", "moved by another codec", "moved by a second's shift"}
    assert all(0 <= figure.value < 1 for figure in figures.values())


@pytest.mark.slow
def test_the_command_prints_every_figure_as_one_object_a_line(gatefold, store, bundle, tmp_path):
    picture = tmp_path / "moved.png"
    done = gatefold("evaluate", bundle, store, "--listeners", "ridge", "--picture", picture, "--seeds", "6")
    assert done.code == 0, done.err
    figures = [json.loads(line) for line in done.lines]
    names = {figure["name"] for figure in figures}
    assert {"distance", "coverage", "copies", "energy", "all", "gap", "cover → track R@1", "hue by tempo"} <= names
    assert {figure["n"] for figure in figures if "with energy" in figure["name"]} == {6}
    assert picture.exists()
    assert {"real covers", "own"} <= {figure["subject"] for figure in figures}


def test_mistakes_end_in_one_line(gatefold, bundle, tmp_path):
    few = write_world(tmp_path / "few", 4, 1, resolution=32, audio=False).folder
    for words, says in (
        ((tmp_path / "no", few), "no"),
        ((bundle, tmp_path / "nowhere"), "nowhere"),
        ((bundle, few), ""),
        ((bundle, few, "--picture", tmp_path / "picture.bmp"), "picture.bmp: is no picture"),
    ):
        done = gatefold("evaluate", *words)
        assert done.code == 2
        assert says in done.err.splitlines()[-1]
