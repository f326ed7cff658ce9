"""The data card: what is in a dataset, how it was split, what crosses the split, and what it may be used for."""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from data.duplicates import FLAT, MAX_DISTANCE, near_duplicate_groups
from data.files import write_bytes, write_json
from data.labels import Progress, cover_hashes
from data.records import JOINED
from data.shards import Dataset
from data.sources.registry import SOURCES
from data.splits import FRACTIONS, assign_sides, normalised_artist, owner_of
from data.table import BYTES_COLUMNS, COLUMNS, SPLITS

CARD, CARD_JSON = "CARD.md", "card.json"
UNKNOWN = "unknown"
_COUNTED = {"source": "sources", "licence": "licences", "subset": "subsets", "split": "splits"}
_MOST = 50  # of the values of one column, the commonest are told
_OWN = "your own files, or a source that Gatefold does not know: what may be done with them, you know best"


def make_card(dataset: Dataset, progress: Progress | None = None) -> dict[str, Any]:
    """All that the card says, as JSON.

    `crossing` counts artists and groups of near-duplicate covers that are on more than one side of the split, as found
    in the rows themselves; `split_rule.differing` the rows whose split is another than the rule gives anew.
    """
    counts, missing = _count(dataset)
    sides = dataset.read(["split"])["split"].to_pylist()
    codes = np.array([SPLITS.index(side) if side in SPLITS else len(SPLITS) for side in sides], dtype=np.uint8)
    hashes = cover_hashes(dataset, progress)
    groups = near_duplicate_groups(hashes)
    sizes = np.bincount(groups, minlength=1)
    artists = _artists(dataset)
    named = artists != 0
    covered = hashes != FLAT
    expected = assign_sides(lambda: _owners(dataset), groups)
    return {
        "fingerprint": dataset.fingerprint,
        "rows": len(dataset),
        **counts,
        "artists": len(np.unique(artists[named])),
        "missing": missing,
        "near_duplicates": {
            "covers": int((sizes[groups] > 1).sum()),
            "groups": int((sizes > 1).sum()),
            "bits": MAX_DISTANCE,
        },
        "split_rule": {
            "says": "by a hash of the artist's name; rows that share an artist or nearly a cover stay together",
            "shares": dict(zip(SPLITS, FRACTIONS, strict=True)),
            "differing": int((expected != codes).sum()),
        },
        "crossing": {
            "artists": crossing(artists[named], codes[named]),
            "near_duplicate_groups": crossing(groups[covered], codes[covered]),
        },
        "may_be_trained_on": _permissions(counts["sources"]),
    }


def crossing(groups: np.ndarray, sides: np.ndarray) -> int:
    """How many of the groups (`[N]` integers) hold rows of more than one side (`[N]` integers)."""
    numbers = np.unique(groups, return_inverse=True)[1]
    pairs = np.unique(np.stack([numbers, sides.astype(numbers.dtype)], axis=1), axis=0)  # [P, 2]
    return int((np.bincount(pairs[:, 0], minlength=1) > 1).sum())


def write_card(dataset: Dataset, card: dict[str, Any]) -> Path:
    """Writes the card into the dataset's folder, for people and for programs; where the former lies."""
    write_json(dataset.folder / CARD_JSON, card)
    write_bytes(dataset.folder / CARD, as_markdown(card, dataset.folder.resolve().name).encode())
    return dataset.folder / CARD


def _count(dataset: Dataset) -> tuple[dict[str, Any], dict[str, int]]:
    """Rows by what they say, and how many do not say it, column by column."""
    counters: dict[str, Counter[str]] = {name: Counter() for name in (*_COUNTED.values(), "genres", "years")}
    missing = {name: len(dataset) - int(dataset.present(name).sum()) for name in BYTES_COLUMNS}
    columns = [name for name in COLUMNS if name not in BYTES_COLUMNS]
    missing |= dict.fromkeys(columns, 0)
    for batch in dataset.iter_batches(columns, batch_size=10_000):
        for name in columns:
            missing[name] += batch[name].null_count
        missing["genres"] += sum(genres is not None and not genres for genres in batch["genres"].to_pylist())
        for name, plural in _COUNTED.items():
            counters[plural].update(value or UNKNOWN for value in batch[name].to_pylist())
        counters["genres"].update(genre for genres in batch["genres"].to_pylist() for genre in genres or ())
        dates = (str(date or "")[:4] for date in batch["release_date"].to_pylist())
        counters["years"].update(year if year.isdigit() else UNKNOWN for year in dates)
    counts: dict[str, Any] = {name: dict(counter.most_common()) for name, counter in counters.items()}
    counts["years"] = dict(sorted(counts["years"].items()))
    counts["splits"] = {name: counts["splits"].get(name, 0) for name in SPLITS}
    return counts, {name: missing[name] for name in COLUMNS if missing[name]}


def _owners(dataset: Dataset) -> Iterator[str]:
    for row in dataset.iter_rows(["artist", "track_id"]):
        yield owner_of(row["artist"], row["track_id"])


def _artists(dataset: Dataset) -> np.ndarray:
    """uint64 `[N]`: a number for each row's artist, 0 where nobody is named."""
    numbers = array("Q")
    for row in dataset.iter_rows(["artist"]):
        name = normalised_artist(row["artist"])
        spelt = (name or "").encode("utf-8", "backslashreplace")
        numbers.append(0 if name is None else int.from_bytes(hashlib.blake2b(spelt, digest_size=8).digest()) | 1)
    return np.frombuffer(numbers, dtype=np.uint64)


def _permissions(sources: dict[str, int]) -> list[dict[str, Any]]:
    """For each source, or all of which rows were filled: its rows, whether the terms of all let them be trained on
    (None: the user knows), and what they say.
    """
    told = []
    for name, rows in sources.items():
        terms = [_terms(part) for part in name.split(JOINED)]
        answers = {may_train for may_train, _ in terms}
        may_train = next((answer for answer in (False, None, True) if answer in answers), None)
        says = "; ".join(dict.fromkeys(says for _, says in terms))
        told.append({"source": name, "rows": rows, "may_train": may_train, "says": says})
    return told


def _terms(source: str) -> tuple[bool | None, str]:
    if source not in SOURCES or source == "folder":
        return None, _OWN
    terms = SOURCES[source]().terms
    return terms.may_train, terms.says


def as_markdown(card: dict[str, Any], name: str) -> str:
    """The card for people."""
    rows, missing = card["rows"], card["missing"]
    has = {column: rows - missing.get(column, 0) for column in BYTES_COLUMNS}
    near, rule, across = card["near_duplicates"], card["split_rule"], card["crossing"]
    shares = ", ".join(f"{side} {share:.0%}" for side, share in rule["shares"].items())
    splits = ", ".join(f"{count:,} {side}" for side, count in card["splits"].items())
    elsewhere, them = (f"{rule['differing']:,} rows are not", "them") if rule["differing"] else ("every row is", "it")
    lines = [
        f"# {_cell(name)}",
        "",
        f"{rows:,} tracks of {card['artists']:,} artists: {has['cover']:,} with a cover, {has['audio']:,} with a clip.",
        f"Fingerprint of the rows: `{card['fingerprint']}`.",
        "",
        "## Splits",
        "",
        f"{splits}. Made {rule['says']} ({shares}); {elsewhere} where that puts {them} today.",
        "",
        "| crosses the split | found |",
        "| --- | --- |",
        f"| artists | {across['artists']:,} |",
        f"| groups of near-duplicate covers | {across['near_duplicate_groups']:,} |",
        "",
        f"{near['covers']:,} covers are nearly another's, in {near['groups']:,} groups"
        f" (hashes of 64 bits that differ in at most {near['bits']}; covers of one colour are left aside).",
        "",
        "## May it be trained on?",
        "",
        *_table(
            ("source", "rows", "may be trained on", "terms"),
            [
                (one["source"], f"{one['rows']:,}", _ANSWERS[one["may_train"]], one["says"])
                for one in card["may_be_trained_on"]
            ],
        ),
    ]
    for title in ("licences", "genres", "years", "subsets"):
        lines += ["", f"## {title.capitalize()}", "", *_commonest(title, card[title])]
    counted = [(column, f"{count:,}", f"{count / max(rows, 1):.1%}") for column, count in missing.items()]
    lines += ["", "## Missing", "", *_table(("column", "rows without", "share"), counted)]
    return "\n".join(lines) + "\n"


_ANSWERS = {True: "yes", False: "**no**", None: "you decide"}


def _commonest(title: str, counts: dict[str, int]) -> list[str]:
    """A table of the values with most rows, in the order in which they were counted."""
    kept = sorted(counts, key=lambda value: -counts[value])[:_MOST]
    rest = len(counts) - len(kept)
    rows = [(value, f"{count:,}") for value, count in counts.items() if value in set(kept)]
    return _table((title, "rows"), rows) + ([f"\n… and {rest:,} more, in `{CARD_JSON}`."] if rest else [])


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    return [f"| {' | '.join(map(_cell, row))} |" for row in (head, ("---",) * len(head), *rows)]


def _cell(text: str) -> str:
    """A text that stays within its cell, whatever it holds."""
    return " ".join(text.split()).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
