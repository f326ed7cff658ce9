"""`gatefold compare-encoders`: every encoder trained anew without some artists, and asked about those."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from data.errors import InputError, printable
from scripts.shell import complain, run_verb

if TYPE_CHECKING:
    from scripts.comparison import Measured
    from scripts.trials import Trial
    from scripts.yardsticks import Yardstick


def compare_encoders(
    dataset: Annotated[Path, typer.Argument(help="A dataset whose tracks have audio and genres or emotions.")],
    encoder: Annotated[list[str] | None, typer.Option(help="May be repeated; default: all encoders.")] = None,
    folds: Annotated[int, typer.Option(min=2, max=20, help="Parts that the artists are split into.")] = 5,
    world: Annotated[
        int, typer.Option(min=0, help="Ask for tempo, energy and mode too, in so many synthesised tracks.")
    ] = 0,
    teachers: Annotated[
        Path | None, typer.Option(help="A folder of taggers: to learn from, and as yardsticks.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Keeps work, so that a killed run goes on; default: the dataset's cache.")
    ] = None,
    also: Annotated[
        list[Path] | None, typer.Option(help="A dataset whose sound is learnt from too; may be repeated.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="ENCODER.KEY=VALUE", help="An option of a training; may be repeated."),
    ] = None,
    map_to: Annotated[Path | None, typer.Option("--map", help="Draw t-SNE maps of the codes: a PNG.")] = None,
    table: Annotated[bool, typer.Option("--table", help="A table for people instead of JSON lines.")] = False,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1, …")] = "cpu",
    jobs: Annotated[int, typer.Option(help="Processes that listen; -1: one a core.")] = 1,
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Another number, other folds and weights.")] = 0,
) -> None:
    """Compare encoders on artists they never heard; prints one JSON object a measured thing."""
    from data.shards import Dataset
    from encoders import ENCODERS
    from scripts.comparison import as_table
    from scripts.train import open_device
    from scripts.trials import Training, Trial, draw_codes, open_world, write_png
    from scripts.yardsticks import yardsticks

    names = list(dict.fromkeys(encoder or ENCODERS))
    for name in names:
        if name not in ENCODERS:
            raise InputError("--encoder", f"no such encoder: {printable(name)}; known: {', '.join(ENCODERS)}")
    for text in settings or []:
        if text.partition(".")[0] not in names:
            raise InputError(text, f"begins with the name of an encoder and a point: {names[0]}.KEY=VALUE")
    opened = Dataset(dataset)
    training = Training(
        folder=out or opened.cache_dir / "comparison",
        teachers=teachers,
        also=tuple(Dataset(folder) for folder in also or []),
        settings=tuple(settings or []),
        seed=seed,
        device=str(open_device(device)),
        jobs=jobs,
    )
    held_against = yardsticks(teachers)
    for name in names:
        training.options(name)  # a mistake in the last one is told before the first is trained
    trial = Trial.open(opened, folds, training)
    small = None
    if world:
        alone = replace(training, teachers=None, also=())  # what is heard elsewhere says nothing of this world's rule
        small = Trial.open(open_world(training.folder / f"world-{world}", world), folds, alone)
    measured, maps = [], {}
    for figures, codes in _compare(names, held_against, trial, small):
        measured += figures
        if codes is not None:
            maps[figures[0].subject] = codes
        if not table:
            print("\n".join(figure.to_json() for figure in figures), flush=True)
    if table:
        print(as_table(measured))
    if map_to is not None:
        write_png(map_to, draw_codes(maps, trial.questions))
        complain(f"drawn: {map_to}")


def _compare(
    names: Sequence[str], held_against: Sequence[Yardstick], trial: Trial, world: Trial | None
) -> Iterator[tuple[list[Measured], Any]]:
    """All that is measured of one encoder or yardstick after the other, with an encoder's held-out codes `[n, d]`."""
    from scripts.comparison import Answers, score_encoder, score_rule
    from scripts.trials import encoder_costs, held_out_codes, world_truths, yardstick_costs

    truths = world_truths(world.dataset, world.questions.rows) if world else {}
    for name in names:
        answers = [trial.answers(name, fold) for fold in range(trial.questions.n_folds)]
        figures = list(score_encoder(name, trial.questions, answers))
        if world:
            figures += score_rule(name, world.answers(name, 0).codes, truths, world.questions)
        figures += [trial.reversal(name), *encoder_costs(trial.encoder(name, 0))]
        yield figures, held_out_codes(trial.questions, answers)
    for yardstick in held_against:
        answers = [Answers(trial.described(yardstick))] * trial.questions.n_folds
        figures = list(score_encoder(yardstick.name, trial.questions, answers))
        if world:
            figures += score_rule(yardstick.name, world.described(yardstick), truths, world.questions)
        yield [*figures, *yardstick_costs(yardstick)], None


if __name__ == "__main__":
    run_verb(compare_encoders)
