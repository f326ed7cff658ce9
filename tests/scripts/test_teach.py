"""The shipped model's ears: which are taught, and from what."""

from pathlib import Path

from data.files import read_json
from data.synthetic import write_world
from encoders.stored import read_encoder
from encoders.training import CONFIG_FILE
from scripts.ears import BEST
from scripts.teach import teach


def test_all_four_are_taught_once_and_networks_hear_further_sound_too(tmp_path: Path) -> None:
    music = write_world(tmp_path / "music", 24, seed=1, duration_s=1.5, resolution=16)
    more = write_world(tmp_path / "more", 6, seed=2, duration_s=1.5, resolution=16)
    ears = teach(music, tmp_path / "no teachers", tmp_path / "ears", steps=2, also=[more])
    assert tuple(encoder.name for encoder in ears) == BEST
    for encoder in ears:
        folder = tmp_path / "ears" / encoder.name
        assert read_encoder(folder).fingerprint == encoder.fingerprint
        assert read_json(folder / CONFIG_FILE)["data"]["also"] == [more.fingerprint]
    again = teach(music, tmp_path / "no teachers", tmp_path / "ears", steps=3)  # what is there is not taught again
    assert [encoder.fingerprint for encoder in again] == [encoder.fingerprint for encoder in ears]
