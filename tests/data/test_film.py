"""Films: what is read back has the frames, the time and the sound that were asked for; nothing else is overwritten."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from data import film
from data.covers import read_png
from data.errors import InputError
from data.film import check_film, film_kind, film_text, write_film


def frames(n: int, side: int = 32):
    """A light square that moves over a ground of changing colour; no two frames are equal."""
    for place in range(n):
        frame = np.empty((3, side, side), np.uint8)
        frame[:] = np.array([place * 5 % 256, 100, 200 - place * 3 % 200])[:, None, None]
        frame[:, 4:12, place % 20 : place % 20 + 8] = 240
        yield frame


@pytest.mark.parametrize(("n", "fps"), [(2, 25), (30, 24), (31, 50), (17, 7)])
def test_a_gif_has_its_frames_and_its_time(tmp_path, n, fps):
    path = tmp_path / "a.gif"
    assert write_film(path, frames(n), fps, text="x" * 600, side=48) == n
    with Image.open(path) as gif:
        assert (gif.n_frames, gif.size, gif.info["loop"]) == (n, (48, 48), 0)
        lasts = []
        for place in range(n):
            gif.seek(place)
            lasts.append(gif.info["duration"])
    assert sum(lasts) == pytest.approx(1000 * n / fps, abs=5.1)
    assert max(lasts) - min(lasts) <= 10
    assert film_text(path) == f"{film.MARK} {'x' * 600}"


def test_a_gif_of_equal_frames_lasts_as_long(tmp_path):
    write_film(tmp_path / "a.gif", [next(frames(1))] * 3 + list(frames(2)), 10)
    with Image.open(tmp_path / "a.gif") as gif:
        assert sum(gif.seek(place) or gif.info["duration"] for place in range(gif.n_frames)) == 500


def test_a_gif_too_long_is_said_and_nothing_is_left(tmp_path, monkeypatch):
    monkeypatch.setattr(film, "MAX_GIF_FRAMES", 5)
    with pytest.raises(InputError, match="more than 5 frames"):
        write_film(tmp_path / "a.gif", frames(6), 25)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("codec", ["h264", "mpeg4"])
@pytest.mark.parametrize(("n", "fps", "side"), [(30, 25, 48), (10, 12, 33)])
def test_an_mp4_has_its_frames_its_time_and_its_colours(tmp_path, monkeypatch, codec, n, fps, side):
    if codec == "mpeg4":
        monkeypatch.setattr(film, "_video_codec", lambda: "mpeg4")
    path = tmp_path / "a.mp4"
    assert write_film(path, frames(n), fps, text='{"é": 1}', side=side) == n
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == codec or film._video_codec() == "mpeg4"
        assert float(stream.duration * stream.time_base) == pytest.approx(n / fps, abs=1e-3)
        shown = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
    assert len(shown) == n
    assert shown[0].shape == (side // 2 * 2, side // 2 * 2, 3)
    for frame, picture in zip(frames(n), shown, strict=True):
        assert np.abs(picture.mean((0, 1)) - frame.mean((1, 2))).max() < 12
    assert film_text(path) == film.MARK + ' {"é": 1}'


def test_an_mp4_sounds_as_long_as_it_is_seen(tmp_path):
    sr, fps, n = 22_050, 25, 50
    y = (0.5 * np.sin(2 * np.pi * 440 * np.arange(3 * sr) / sr)).astype(np.float32)  # a second too long
    write_film(tmp_path / "a.mp4", frames(n), fps, sound=(y, sr))
    with av.open(str(tmp_path / "a.mp4")) as container:
        stream = container.streams.audio[0]
        heard = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(stream)])
    assert len(heard) / sr == pytest.approx(n / fps, abs=0.1)
    spectrum = np.abs(np.fft.rfft(heard[4000:26050]))
    assert spectrum.argmax() == pytest.approx(440, abs=2)


def test_a_folder_has_every_pixel(tmp_path):
    write_film(tmp_path / "walk", frames(4), 25, text="here")
    paths = sorted((tmp_path / "walk").iterdir())
    assert [path.name for path in paths] == [f"frame-{place:05d}.png" for place in range(4)]
    for path, frame in zip(paths, frames(4), strict=True):
        image, text = read_png(path)
        np.testing.assert_array_equal(image, frame)
        assert text == {film.MARK: f"{film.MARK} here"}


@pytest.mark.parametrize("name", ["a.gif", "a.mp4", "a"])
def test_what_breaks_off_leaves_nothing(tmp_path, name):
    def broken():
        yield from frames(3)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_film(tmp_path / name, broken(), 25)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a.gif", "a.mp4"])
def test_only_a_film_is_overwritten(tmp_path, name):
    path = tmp_path / name
    for n in (3, 5):
        write_film(path, frames(n), 25)
    Image.new("RGB", (32, 32)).save(tmp_path / "mine.gif")
    for content in ((tmp_path / "mine.gif").read_bytes(), b"", b"mine"):
        path.write_bytes(content)
        with pytest.raises(InputError, match="not a film"):
            write_film(path, frames(2), 25)
        assert path.read_bytes() == content
    path.unlink()
    path.mkdir()
    with pytest.raises(InputError, match="not a film"):
        check_film(path)


def test_frames_go_into_a_folder_of_their_own(tmp_path):
    (tmp_path / "empty").mkdir()
    write_film(tmp_path / "empty", frames(2), 25)
    for taken in ("empty", "file"):
        (tmp_path / "file").write_text("mine")
        with pytest.raises(InputError, match="folder of their own"):
            write_film(tmp_path / taken, frames(2), 25)


def test_other_endings_are_refused():
    assert [film_kind(Path(name)) for name in ("a.GIF", "b.mp4", "c")] == ["GIF", "MP4", "PNG"]
    with pytest.raises(InputError, match=r"^a\.avi: .*\.avi is neither"):
        film_kind(Path("a.avi"))
    with pytest.raises(ValueError, match="frames a second"):
        write_film(Path("a.gif"), [], 51)
