"""What was struck out of a gathered dataset stays out, whatever is gathered or merged later."""

from data.collecting import collect
from data.merging import merge
from data.shards import Dataset
from data.striking import strike
from data.tally import status
from tests.sources.conftest import QUICK
from tests.sources.shop import FILES, Shop, ShopStandIn
from tests.sources.standin import StandIn


def tracks(folder):
    return Dataset(folder).read(["track_id"])["track_id"].to_pylist()


def test_what_was_struck_out_stays_out(tmp_path):
    shop = ShopStandIn(albums=4)
    with StandIn(shop.routes, file_hosts=[FILES]) as server:

        def gather(folder, **how):
            return collect(Shop(), folder, [("shelf", "1")], route=server.url, patience=QUICK, **how)

        gather(tmp_path / "d")
        all_tracks = tracks(tmp_path / "d")
        bad = all_tracks[3:6]
        assert [row["track_id"] for row in strike(tmp_path / "d", bad)] == bad
        left = [track for track in all_tracks if track not in bad]
        assert tracks(tmp_path / "d") == left
        gather(tmp_path / "d", retry=True)
        gather(tmp_path / "other")
        merge(tmp_path / "d", [tmp_path / "other"])
        assert tracks(tmp_path / "other") == all_tracks
        assert tracks(tmp_path / "d") == left
    told = next(line for line in status(tmp_path / "d") if line["what"] == "tracks")
    assert told["why"]["struck out"] == 3
    assert told["waiting"] == 0
