"""`gatefold analyze`: what covers look like, real and generated: maps, clusters, pictures, in one report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from data.errors import InputError
from scripts.shell import print_path, run_verb, stages

if TYPE_CHECKING:
    from analysis.report import Explorer
    from scripts.study import Study

MAPS = ("tsne", "umap")
MOST_EXPLORED = 2500


def analyze(
    dataset: Annotated[Path, typer.Argument(help="A dataset.")],
    generated: Annotated[
        Path | None, typer.Option(help="Generated covers: a folder of pictures, or a bundle or run that draws them.")
    ] = None,
    out: Annotated[Path, typer.Option(help="The report's folder.")] = Path("report"),
    where: Annotated[list[str] | None, typer.Option(help="Only rows with, e.g., 'year<1980'; may be repeated.")] = None,
    most: Annotated[int | None, typer.Option(min=4, help="Look at so many covers drawn from the dataset.")] = None,
    count: Annotated[int, typer.Option(min=1, max=50_000, help="Covers that a bundle draws.")] = 500,
    maps: Annotated[str, typer.Option(help="Maps: tsne, umap, or both.")] = "tsne,umap",
    features: Annotated[
        str, typer.Option(metavar="NAME|FILE.pt", help="What distances are of: descriptors, embedding, or TorchScript.")
    ] = "descriptors",
    listening: Annotated[
        bool, typer.Option("--listening", help="Ask too whether the music matters, as evaluate does (minutes more).")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1)] = 0,
) -> None:
    """Write a report on a dataset's covers, and on generated ones beside them: report.html, report.json, figures/."""
    names = tuple(dict.fromkeys(name.strip() for name in maps.split(",")))
    for name in names:
        if name not in MAPS:
            raise InputError("--maps", f"unknown: {name or 'nothing'}; known: {', '.join(MAPS)}")
    if out.exists() and not out.is_dir():
        raise InputError(out, "is a file, not a folder")

    from analysis.detectors import open_detector
    from scripts.study import open_study

    detector = open_detector(features)
    with stages() as told:
        study = open_study(
            dataset,
            generated,
            told,
            where=where or (),
            most=most,
            count=count,
            seed=seed,
            maps=names,
            listen=listening,
            detector=detector,
        )
        told("analysing", 0, None)
        page = write_report(study, out)
    print_path(page)


def write_report(study: Study, out: Path) -> Path:
    """The whole report of a study, its TensorBoard included; the page's path."""
    import platform
    from importlib.metadata import version

    from analysis.report import Report
    from scripts.analysis_board import write_board
    from scripts.sections import write_sections

    provenance = {
        "dataset": study.dataset.folder.resolve().name,
        "fingerprint": study.dataset.fingerprint,
        "covers": len(study.rows),
        "music": len(study.codes),
        "encoder": study.code_name or None,
        "generated": study.generated.origin if study.generated else None,
        "maps": list(study.map_names),
        "features": study.detector.name,
        "seed": study.seed,
        "versions": {name: version(name) for name in ("gatefold", "numpy", "scikit-learn", "openTSNE", "umap-learn")},
        "python": platform.python_version(),
    }
    title = f"The covers of {study.dataset.folder.resolve().name}"
    report = Report(title, write_sections(study), provenance, explore(study))
    page = report.write(out)
    write_board(study, report, out / "board")
    return page


def explore(study: Study) -> Explorer | None:
    """The interactive map of at most 2,500 covers, real and generated; None where there is no map."""
    if not len(study.rows):
        return None
    import io

    import numpy as np
    from PIL import Image

    from analysis.layout import shrunk, sprite_sheet
    from analysis.maps import sample_rows
    from analysis.report import Explorer

    made, n = study.generated, len(study.rows)
    real = sample_rows(n, MOST_EXPLORED * 3 // 5 if made else MOST_EXPLORED, study.seed)
    new = sample_rows(len(made.covers), MOST_EXPLORED - len(real), study.seed) if made else np.zeros(0, dtype=np.int64)
    covers = np.concatenate([study.covers[real], *([made.covers[new]] if made else [])])
    if len(covers) > MOST_EXPLORED // 4:
        covers = np.stack([shrunk(cover, 2) for cover in covers])
    sheet, side, columns = sprite_sheet(covers)
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(sheet.transpose(1, 2, 0))).save(buffer, "JPEG", quality=88)
    texts = [study.text(int(row)) for row in study.rows[real]]
    texts += [f"generated {made.names[int(k)]}" for k in new] if made else []
    blank = [""] * len(new)
    labels = {
        "genre": [*study.genres(study.rows)[real], *blank],
        "colour": [*study.colours[real], *blank],
        "decade": [*study.decades(study.rows)[real], *blank],
        "cluster": [*(f"{k + 1}" for k in study.clusters["k-means"].labels[real]), *blank],
        "real or generated": ["real"] * len(real) + ["generated"] * len(new),
    }
    labels = {name: words for name, words in labels.items() if len(set(words) - {""}) > 1}
    places = {
        name: np.concatenate([fitted.points[real], study.placed[name][new]]) for name, fitted in study.maps.items()
    }
    return Explorer(buffer.getvalue(), side, columns, places, labels, texts, [False] * len(real) + [True] * len(new))


if __name__ == "__main__":
    run_verb(analyze)
