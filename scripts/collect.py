"""`gatefold collect`: tracks and covers from a service into a dataset; the same command goes on where it stopped."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from data.errors import InputError, printable
from data.sources.registry import SOURCES
from scripts.shell import complain, print_path, run_verb, stages

if TYPE_CHECKING:
    from data.collecting import Gathering

LATER = 75  # EX_TEMPFAIL: nothing is wrong, the same command goes on later


def collect(
    source: Annotated[str, typer.Argument(help=f"Where from: {', '.join(SOURCES)}.")],
    dataset: Annotated[Path, typer.Argument(help="The folder of the dataset, new or gathered before.")],
    wishes: Annotated[list[str] | None, typer.Argument(metavar="[NAME=VALUE]...", help="What is wished for.")] = None,
    limit: Annotated[int | None, typer.Option(help="So many tracks of this source at most.")] = None,
    minutes: Annotated[float | None, typer.Option(help="So long at most.")] = None,
    part: Annotated[str, typer.Option(help="k/n: the k-th of n shares, for n collectors with a dataset each.")] = "1/1",
    enrich: Annotated[str, typer.Option(help="Sources, as a,b, that are asked for what the tracks lack.")] = "",
    retry: Annotated[bool, typer.Option("--retry", help="Try again what failed or was closed before.")] = False,
) -> None:
    """Gather tracks and covers from a service; run it again to go on. Exit code 75: the service wants us to wait."""
    from data.collecting import collect as gather
    from data.sources.http import ROUTE_VARIABLE
    from data.sources.registry import source_named
    from data.tally import as_table, status

    chosen = source_named(source)
    enriching = [source_named(name.strip()) for name in enrich.split(",") if name.strip()]
    for one in (chosen, *enriching):
        complain(f"{one.name}: {one.terms.says}")
    with stages() as progress:
        gathering = gather(
            chosen,
            dataset,
            [_wish(wish) for wish in wishes or []],
            limit=limit,
            minutes=minutes,
            part=_part(part),
            enrich=enriching,
            retry=retry,
            route=os.environ.get(ROUTE_VARIABLE),
            limits=_limits_folder(),
            tell=progress,
        )
    complain(as_table(status(dataset)))
    _say_how_it_ended(gathering, dataset)


def _say_how_it_ended(gathering: Gathering, dataset: Path) -> None:
    from data.collector import TIME_OVER
    from data.tally import moment

    summary, ending = gathering.summary, gathering.ending
    if summary is not None and summary.rows:
        parts = ", ".join(f"{count} {split}" for split, count in summary.splits.items())
        complain(f"{summary.rows} tracks: {parts}; {summary.with_cover} with a cover, {summary.with_audio} with a clip")
    if any(dataset.glob("part-*.parquet")):
        print_path(dataset)
    if ending.reason == TIME_OVER:
        complain(f"{TIME_OVER}; the same command goes on")
    elif ending.reason is not None:
        when = "later" if ending.until is None else f"after {moment(ending.until)}"
        complain(printable(f"stopped: {ending.reason}; all is saved: give the same command again {when}", longest=600))
        raise typer.Exit(LATER)


def _wish(text: str) -> tuple[str, str]:
    name, equals, value = (part.strip() for part in text.partition("="))
    if not equals or not value:
        raise InputError(text, "a wish is written name=value")
    return name, value


def _part(text: str) -> tuple[int, int]:
    k, _, n = text.partition("/")
    if not (k.isdecimal() and n.isdecimal() and 1 <= int(k) <= int(n)):
        raise InputError(text, "a part is written k/n, k from 1 to n")
    return int(k), int(n)


def _limits_folder() -> Path:
    """Where all collectors of this machine count their requests."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache, "gatefold", "limits")


if __name__ == "__main__":
    run_verb(collect)
