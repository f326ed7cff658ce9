"""`--enrich`: what one service could not give, another fills; what is known stays as it is."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from data.collecting import collect
from data.shards import Dataset
from data.sources.base import Item, Record, Service, Source, Terms
from data.sources.deezer import Deezer
from data.sources.http import Http, Patience
from data.sources.musicbrainz import MusicBrainz
from data.table import make_row
from scripts import cli, shell
from tests.sources import deezer_standin, musicbrainz_standin
from tests.sources.clips import clip
from tests.sources.deezer_standin import DeezerStandIn
from tests.sources.musicbrainz_standin import MusicBrainzStandIn
from tests.sources.standin import NOT_FOUND, Faults, StandIn

FILES = (*deezer_standin.FILES, *musicbrainz_standin.FILES)


class FastDeezer(Deezer):
    """The same, without its limit."""

    service = replace(Deezer.service, per_s=0.001)


class FastMusicBrainz(MusicBrainz):
    """The same, without its limit."""

    service = replace(MusicBrainz.service, per_s=0.001)


def rows_of(folder: Path) -> dict[str, dict[str, Any]]:
    return {row["track_id"]: row for row in Dataset(folder).iter_rows()}


def test_the_command_fills_one_source_from_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """MusicBrainz has covers, genres and dates; Deezer adds tempo and previews to those that have an ISRC."""
    music, deezer = MusicBrainzStandIn(albums=3), DeezerStandIn(artists=1, albums=3, stale=1)
    monkeypatch.setattr(MusicBrainz, "service", FastMusicBrainz.service)
    monkeypatch.setattr(Deezer, "service", FastDeezer.service)
    faults = Faults().once("track/isrc:GBDUW0010001", "html").once("/api/1/10101.mp3", "html")
    with StandIn({**music.routes, **deezer.routes}, faults, file_hosts=FILES) as server:
        monkeypatch.setenv("GATEFOLD_ROUTE", server.url)
        words = ["gatefold", "collect", "musicbrainz", str(tmp_path / "store"), f"artist={music.artist}"]
        monkeypatch.setattr(sys, "argv", [*words, "--enrich", "deezer"])
        for _ in range(2):
            with pytest.raises(SystemExit) as ended:
                shell.run(cli.app)
            assert ended.value.code in (0, None)
            out, err = capfd.readouterr()
            assert out == f"{tmp_path / 'store'}\n", err
        assert "deezer: Deezer's API" in err
        # Asked for once, although the command ran twice; an expired link is asked for again, by the track's id.
        assert len(server.asked("/track/isrc:")) == 3 + 1
        assert len(server.asked("/track/1")) >= 1
    rows = rows_of(tmp_path / "store")
    assert len(rows) == 5
    for album in range(3):
        for track in range(2):
            if (album, track) == (2, 0):
                continue  # without a cover and an ISRC
            row = rows[f"musicbrainz:{musicbrainz_standin.mbid('recording', album, track)}"]
            native = 10_000 + 100 * album + track
            filled = track == 1  # the others have no ISRC
            assert row["isrc"] == (DeezerStandIn.isrc(native) if filled else None)
            assert row["audio"] == ({"bytes": clip(native), "path": "clip.mp3"} if filled else None)
            assert row["tempo"] == (native % 7 * 20 or None if filled else None)
            # What was known is not overwritten.
            assert (row["title"], row["release_date"]) == (f"Recording {album}.{track}", f"19{70 + album}")
            assert row["cover"]["bytes"] == (music.cover(album) if album < 2 else deezer.cover(100 + album))
            assert row["source"] == ("musicbrainz+deezer" if filled else "musicbrainz")
            assert row["artist"] == "Ärtist, The"


class Sparse(Source):
    """A source that knows of three tracks an ISRC and little else."""

    name = "sparse"
    service = Service(hosts=(), file_hosts=(), requests=1, per_s=0.0)
    terms = Terms("for tests", may_train=True)
    wants = {"all": "x"}  # noqa: RUF012

    def start(self, wishes: Sequence[tuple[str, str]]) -> list[Item]:
        return [Item("all", "0")]

    def expand(self, item: Item, http: Http) -> list[Record]:
        none = make_row(track_id="sparse:none", title="no ISRC", source="sparse")
        bare = make_row(track_id="sparse:bare", isrc=DeezerStandIn.isrc(10_001), source="sparse")
        full = bare | {"track_id": "sparse:full", "title": "kept", "genres": ["mine"], "tempo": 0.0, "popularity": 0}
        return [Record(none, needs=()), Record(bare), Record(full, needs=())]


@pytest.mark.parametrize("faulty", [False, True])
def test_several_sources_fill_one_after_the_other(tmp_path: Path, quick: Patience, faulty: bool) -> None:
    music, deezer = MusicBrainzStandIn(albums=3), DeezerStandIn(artists=1, albums=3)
    faults = Faults(0.3, seed=3, ignored=("hdnea",)) if faulty else Faults()
    with StandIn({**music.routes, **deezer.routes}, faults, file_hosts=FILES) as server:
        how: dict[str, Any] = {"route": server.url, "patience": quick}
        others = [FastMusicBrainz(), FastDeezer()]
        assert collect(Sparse(), tmp_path / "store", [("all", "1")], enrich=others, **how).ending.reason is None
    rows = rows_of(tmp_path / "store")
    assert set(rows) == {"sparse:none", "sparse:bare", "sparse:full"}
    bare, full, none = rows["sparse:bare"], rows["sparse:full"], rows["sparse:none"]
    assert (none["audio"], none["cover"], none["genres"]) == (None, None, [])
    # MusicBrainz came first: its names and its cover; Deezer had the rest. A record without its cover is saved so.
    assert (bare["title"], bare["genres"]) == ("Recording 0.1", ["art rock", "krautrock"])
    assert bare["tempo"] == 10_001 % 7 * 20
    for row in (bare, full):
        assert row["cover"]["bytes"] == music.cover(0)
        assert row["audio"]["bytes"] == clip(10_001)
        assert (row["release_date"], row["source"]) == ("1970", "sparse+deezer+musicbrainz")
    assert none["source"] == "sparse"
    assert (full["title"], full["genres"], full["tempo"], full["popularity"]) == ("kept", ["mine"], 0.0, 0.0)


@pytest.mark.parametrize("what", ["preview", "cover"])
def test_files_that_cannot_be_had_cost_the_record_nothing(tmp_path: Path, quick: Patience, what: str) -> None:
    deezer = DeezerStandIn(artists=1, albums=1, uses=0 if what == "preview" else 99)
    routes = deezer.routes | ({deezer_standin.IMAGES: lambda request: NOT_FOUND} if what == "cover" else {})
    with StandIn(routes, file_hosts=FILES) as server:
        how: dict[str, Any] = {"route": server.url, "patience": quick, "enrich": [FastDeezer()]}
        assert collect(Sparse(), tmp_path / "store", [("all", "1")], **how).ending.reason is None
    rows = rows_of(tmp_path / "store")
    assert set(rows) == {"sparse:none", "sparse:full"} | ({"sparse:bare"} if what == "preview" else set())
    full = rows["sparse:full"]
    assert (full["cover"] is None, full["audio"] is None) == (what == "cover", what == "preview")
    assert (full["title"], full["release_date"]) == ("kept", "2001-03-07")


def test_the_stand_ins_speak_of_the_same_recordings() -> None:
    assert MusicBrainzStandIn.isrc(1, 1) == DeezerStandIn.isrc(10_101)
