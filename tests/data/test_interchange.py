"""A shard opens in Hugging Face `datasets`, with no script: covers are pictures there, clips are sounds."""

import io

import numpy as np
import pytest
from PIL import Image

from data.shards import DatasetWriter
from data.table import COLUMNS, make_row


def test_a_shard_opens_in_hugging_face_datasets(tmp_path, monkeypatch, picture, sound):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    cover, clip = picture(0), sound(0.5)
    row = make_row(
        track_id="가 1", artist="나", genres=["dub", "techno"], tempo=120.5, emotions=[0.125] * 9, source="folder",
        cover={"bytes": cover, "path": "cover.png"}, audio={"bytes": clip, "path": "clip.wav"},
    )  # fmt: skip
    with DatasetWriter(tmp_path / "d", rows_per_shard=2) as writer:
        for other in (row, make_row(track_id="2"), make_row(track_id="3")):
            writer.write(other)
    opened = datasets.load_dataset(
        "parquet", data_files=str(tmp_path / "d" / "part-*.parquet"), split="train", cache_dir=str(tmp_path / "hf")
    )
    assert opened.column_names == list(COLUMNS)
    assert opened["track_id"][:] == ["가 1", "2", "3"]
    assert isinstance(opened.features["cover"], datasets.Image)
    assert isinstance(opened.features["audio"], datasets.Audio)
    shown = opened.remove_columns("audio")[0]
    assert {name: shown[name] for name in ("artist", "genres", "tempo", "emotions", "split")} == {
        "artist": "나", "genres": ["dub", "techno"], "tempo": 120.5, "emotions": [0.125] * 9, "split": "train",
    }  # fmt: skip
    assert np.array_equal(np.asarray(shown["cover"].convert("RGB")), np.asarray(Image.open(io.BytesIO(cover))))
    assert opened.remove_columns("audio")[1]["cover"] is None
    undecoded = opened.cast_column("audio", datasets.Audio(decode=False))
    assert [row["audio"] and row["audio"]["bytes"] for row in undecoded] == [clip, None, None]
