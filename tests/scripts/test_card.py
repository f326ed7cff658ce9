"""`gatefold card`: one object, or tables, and both in the folder."""

import json

from data.synthetic import write_world


def test_the_card_is_told_and_kept(gatefold, tmp_path):
    write_world(tmp_path / "d", 6, 0, audio=False)
    done = gatefold("card", tmp_path / "d")
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert told["rows"] == 6
    assert told["crossing"]["artists"] == 0
    assert json.loads((tmp_path / "d" / "card.json").read_text()) == told
    table = gatefold("card", tmp_path / "d", "--table")
    assert table.out.strip() == (tmp_path / "d" / "CARD.md").read_text().strip()
    assert "| artists | 0 |" in table.out


def test_no_dataset_is_one_line(gatefold, tmp_path):
    done = gatefold("card", tmp_path)
    assert (done.code, done.out) == (2, "")
    assert "holds no dataset" in done.err
