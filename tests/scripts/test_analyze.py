"""`gatefold analyze`: the real command on small datasets, odd ones too, and its page in a real browser."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data.shards import DatasetWriter
from data.synthetic import draw_tracks, render_cover, write_world
from data.table import make_row

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0))).save(buffer, "PNG")  # [3, H, W] -> [H, W, 3]
    return buffer.getvalue()


def write_dataset(folder: Path, n: int, *, genres: tuple[str, ...] = ("techno", "folk"), same: bool = False) -> Path:
    """`n` synthetic covers in turn of these genres, of the world's years; all the same one where `same`."""
    with DatasetWriter(folder) as writer:
        for place, track in enumerate(draw_tracks(n, seed=3)):
            cover = png(render_cover(draw_tracks(1, seed=3)[0] if same else track, 64))
            known = {"track_id": f"t{place}", "artist": f"{track.artist} <b>", "title": "a & b"}
            genre = [genres[place % len(genres)]] if genres else []
            row = make_row(**known, genres=genre, release_date=f"{1980 + 10 * (place % 2)}", split="train",
                           cover={"bytes": cover, "path": None})  # fmt: skip
            writer.write(row)
    return folder


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("small") / "store", 40)


@pytest.fixture(scope="module")
def report(small, bundle, tmp_path_factory) -> Path:
    """The report on 40 covers and 12 that a bundle drew."""
    from scripts.analyze import write_report
    from scripts.study import open_study

    out = tmp_path_factory.mktemp("out")
    write_report(open_study(small, bundle, lambda stage, done, total: None, count=12, maps=("tsne",)), out)
    return out


def figures(folder: Path) -> dict[str, dict]:
    told = json.loads((folder / "report.json").read_text())
    return {figure["name"]: figure for figure in told["figures"]}


@pytest.mark.slow
def test_a_report_has_every_part(report):
    page = (report / "report.html").read_text()
    for title in (
        "What was looked at",
        "Maps",
        "Generated beside real",
        "Traits",
        "Clusters of covers",
        "Genres and decades",
    ):
        assert f"<h2>{title}</h2>" in page
    told = figures(report)
    assert 0.5 < told["trustworthiness of tsne"]["value"] <= 1
    assert told["Fréchet distance"]["value"] > told["Fréchet distance"]["chance"] > 0
    assert 0 < told["ARI of k-means clusters (covers) with colour"]["p"] <= 1
    assert json.loads((report / "report.json").read_text())["provenance"]["generated"]["covers"] == 12
    assert 0 < told["lightness of real covers"]["value"] < 100
    low, high = told["lightness, generated less real"]["interval"]
    assert low < told["lightness, generated less real"]["value"] < high
    assert "<b>" not in page


@pytest.mark.slow
def test_tracks_that_are_heard_stand_beside_their_covers_and_attributes_are_moved(tmp_path, hearing):
    from scripts.moving_section import matched, moves
    from scripts.study import open_study

    world = write_world(tmp_path / "world", 5, 1, duration_s=2.0, resolution=32).folder
    study = open_study(world, hearing, lambda stage, done, total: None, count=4, maps=("tsne",))
    assert [picture.name for picture in matched(study).pictures] == ["matched-tracks"]
    section = moves(study)
    assert [len(table.rows) for table in section.tables] == [10, 10]
    told = {number.name: number for number in section.numbers}
    assert told["hue by tempo"].n == 4
    alone = open_study(world, None, lambda stage, done, total: None, maps=("tsne",))
    assert matched(alone) is None
    assert moves(alone) is None


def test_the_music_is_asked_about_or_why_not_is_said(small, bundle):
    from scripts.listening_section import TITLE, listening
    from scripts.study import open_study

    def told(stage: str, done: int, total: int | None) -> None:
        pass

    asked = listening(open_study(small, bundle, told, count=2, maps=("tsne",), listen=True))
    assert asked.title == TITLE
    assert asked.words[0].startswith("It could not be asked: ")
    assert listening(open_study(small, None, told, listen=True)) is None


@pytest.mark.slow
def test_tensorboard_has_sprites_metadata_and_numbers(report):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = report / "board"
    lines = (board / "metadata.tsv").read_text().splitlines()
    assert len(lines) == 1 + 40 + 12
    assert {line.count("\t") for line in lines} == {5}
    assert len((board / "covers.tsv").read_text().splitlines()) == 52
    with Image.open(board / "sprites.png") as sheet:
        assert sheet.size == (8 * 64, 8 * 64)
    events = EventAccumulator(str(board)).Reload()
    assert "Maps/trustworthiness_of_tsne" in events.Tags()["scalars"]
    assert "covers-on-the-map" in events.Tags()["images"]


PROBE = """<script>setTimeout(() => {
  const canvas = document.getElementById("canvas"), box = canvas.getBoundingClientRect();
  const at = (x, y) => new PointerEvent("pointermove", {clientX: box.left + x, clientY: box.top + y});
  for (let y = 5; y < box.height; y += 5) for (let x = 5; x < box.width; x += 5)
    if (document.getElementById("card").hidden) canvas.dispatchEvent(at(x, y));
  const head = document.querySelector("th"), select = document.getElementById("colours");
  head.click();
  select.value = "colour";
  select.onchange();
  document.body.dataset.hover = document.getElementById("text").textContent;
  document.body.dataset.sorted = head.getAttribute("aria-sort");
  document.body.dataset.legend = document.getElementById("legend").textContent;
}, 1500)</script></body>"""


def opened(page: Path) -> str:
    """The page as a real browser has it after a while."""
    words = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=4000", "--dump-dom"]
    done = subprocess.run([*words, page.as_uri()], capture_output=True, timeout=60, check=True, text=True)
    assert "Refused to" not in done.stderr
    assert "Uncaught" not in done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")
def test_a_real_browser_opens_the_page(report, tmp_path):
    shown = opened(report / "report.html")
    assert 'data-ready="yes"' in shown
    assert '<option value="tsne">tsne</option>' in shown
    # The page's policy lets no other script run, so a copy without it is asked to move the pointer.
    page = (report / "report.html").read_text()
    copy = tmp_path / "copy.html"
    copy.write_text(re.sub("<meta http-equiv[^>]*>", "", page).replace("</body>", PROBE))
    body = re.search("<body[^>]*>", opened(copy))[0]
    assert 'data-sorted="ascending"' in body
    assert "a &amp; b" in body or "generated for row" in body
    assert re.search(r'data-legend="\w+ \(\d+\)', body)


@pytest.mark.slow
def test_all_covers_the_same_and_one_genre_have_words(tmp_path, gatefold):
    store = write_dataset(tmp_path / "store", 6, genres=("folk",), same=True)
    done = gatefold("analyze", store, "--out", tmp_path / "report", "--maps", "tsne")
    assert done.code == 0, done.err
    assert done.lines == [str(tmp_path / "report" / "report.html")]
    page = (tmp_path / "report" / "report.html").read_text()
    assert "All covers look the same" in page
    assert "only are there, so nothing can be said of genres" in page
    assert "all points are the same" in page


@pytest.mark.slow
def test_a_folder_with_stray_files_is_placed_and_few_points_are_said(small, tmp_path, gatefold):
    folder = tmp_path / "made"
    folder.mkdir()
    (folder / "notes <i>.txt").write_text("hello")
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    for place, track in enumerate(draw_tracks(3, seed=9)):
        (folder / f"{place}.png").write_bytes(png(render_cover(track, 64)))
    out = tmp_path / "report"
    done = gatefold("analyze", small, "--generated", folder, "--out", out, "--maps", "tsne", "--most", "12")
    assert done.code == 0, done.err
    page = (out / "report.html").read_text()
    assert "2 of 5 files in the generated folder are no usable picture" in page
    assert "notes &lt;i&gt;.txt" in page
    assert "12 of 40 covers, drawn at random" in page
    assert "few points: perplexity" in page


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_covers_are_refused_in_one_line(n, tmp_path, gatefold):
    store = write_dataset(tmp_path / "store", max(n, 1))
    if not n:
        shutil.rmtree(store)
        store.mkdir()
    done = gatefold("analyze", store, "--out", tmp_path / "report")
    assert done.code == 2
    assert len(done.err.splitlines()) == 1
    assert ("too few to analyse" if n else "holds no dataset") in done.err


def test_what_cannot_be_analysed_is_refused_in_one_line(small, tmp_path, gatefold):
    empty = tmp_path / "empty"
    empty.mkdir()
    file = tmp_path / "file"
    file.write_text("x")
    broken = tmp_path / "broken"
    with DatasetWriter(broken) as writer:
        for place in range(5):
            writer.write(make_row(track_id=f"t{place}", cover={"bytes": b"not a picture", "path": None}, split="train"))
    for words, reason in [
        ((small, "--generated", empty), "holds no picture"),
        ((small, "--generated", file), "no folder of generated covers"),
        ((small, "--maps", "isomap"), "known: tsne, umap"),
        ((small, "--out", file), "is a file"),
        ((broken,), "t0"),
    ]:
        done = gatefold("analyze", *words)
        assert done.code == 2
        assert len(done.err.splitlines()) == 1, done.err
        assert reason in done.err
