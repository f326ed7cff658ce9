"""What the learned embedding is worth: `python -m scripts.embedding_figures store/netlabels store/paintings`.

Prints one JSON object a measured thing. Copies: planted in covers that training saw, to be found among all of these,
with the threshold from held-out covers; false alarms: of each half of the held-out artists at the other half's
threshold. Probes: what held-out artists' covers are, learnt from the training split's. Each beside the same
network with random weights, the descriptors, and (copies) the perceptual hash.
"""

from __future__ import annotations

import dataclasses
import io
import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from PIL import Image

from data.files import read_json, write_json
from scripts.shell import run_verb

if TYPE_CHECKING:
    from analysis.copies import Eye
    from data.shards import Dataset
    from scripts.comparison import Measured

MOST_PLANTED, MOST_HONEST, MOST_LEARNT, MOST_ASKED = 100, 300, 1000, 3000
NEIGHBOURS, LEAST_OF_A_KIND = 10, 20
PLANTS = ("crop of 80 %", "crop of 60 %", "mirror", "JPEG of quality 30", "colour shift", "all but the smaller crop")


@dataclass(frozen=True)
class Pool:
    """Covers uint8 `[N, 3, 64, 64]` with their artists `[N]`, first genres `[N]` (empty: none), the dataset `[N]` they
    are of, and whether they are of a training split `[N]`."""

    covers: np.ndarray
    artists: np.ndarray
    genres: np.ndarray
    sources: np.ndarray
    seen: np.ndarray

    @classmethod
    def open(cls, datasets: Sequence[Dataset]) -> Pool:
        from analysis.embedding import SIDE
        from data.cache import cover_cache, has_cover
        from data.splits import owner_of

        covers, table, sources = [], [], []
        for dataset in datasets:
            rows = np.flatnonzero(has_cover(dataset))
            covers.append(np.array(cover_cache(dataset, SIDE)[rows]))
            known = dataset.read(["track_id", "artist", "genres", "split"]).to_pylist()
            table += [known[row] for row in rows]
            sources += [dataset.folder.resolve().name] * len(rows)
        artists = [owner_of(row["artist"], row["track_id"]) for row in table]
        genres = [(row["genres"] or [""])[0].lower() for row in table]
        seen = np.array([row["split"] == "train" for row in table])
        return cls(np.concatenate(covers), np.array(artists), np.array(genres), np.array(sources), seen)


def embedding_figures(
    data: Annotated[list[Path], typer.Argument(help="Datasets with covers, those that it was trained on first.")],
    model: Annotated[Path | None, typer.Option(help="The folder of a trained one; else the shipped.")] = None,
    note: Annotated[bool, typer.Option("--note", help="Write the embedding's own figures into its card.")] = False,
) -> None:
    """Measure the embedding on held-out covers; prints one JSON object a measured thing."""
    import torch

    from analysis.copies import EMBEDDING, HASH, Eye, euclidean, with_thumbnails
    from analysis.descriptors import compute_descriptors
    from analysis.embedding import CARD, PRETRAINED, CoverNetwork, compute_embeddings, read_embedding
    from data.shards import Dataset
    from gans.precision import keep_large_blocks

    keep_large_blocks()
    folder = model or PRETRAINED
    trained = read_embedding(folder)
    torch.manual_seed(0)
    fresh = CoverNetwork()
    pool = Pool.open([Dataset(path) for path in data])
    describe: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "embedding": lambda images: compute_embeddings(images, trained),
        "random weights": lambda images: compute_embeddings(images, fresh),
        "descriptors": compute_descriptors,
    }
    used = Eye(EMBEDDING.name, lambda images: with_thumbnails(images, compute_embeddings(images, trained)), euclidean)
    eyes = [used, *(Eye(name, compute, euclidean) for name, compute in describe.items()), HASH]
    own = []
    for figure in itertools.chain(find_planted(pool, eyes), probe(pool, describe)):
        print(figure.to_json(), flush=True)
        if figure.subject in (used.name, "embedding"):
            own.append(dataclasses.asdict(figure))
    if note:
        write_json(folder / CARD, {**read_json(folder / CARD), "figures": own})


def find_planted(pool: Pool, eyes: Sequence[Eye]) -> Iterator[Measured]:
    """How many planted copies each eye finds (the right cover, nearer than the threshold), and its false alarms."""
    from analysis.copies import RATE, CopyCheck
    from analysis.probes import score_sums
    from scripts.comparison import Measured

    known, artists = pool.covers[pool.seen], pool.artists[pool.seen]
    names = np.random.default_rng(1).permutation(np.unique(pool.artists[~pool.seen]))
    first = np.isin(pool.artists, names[::2])
    halves = [some(np.flatnonzero(~pool.seen & half), MOST_HONEST) for half in (first, ~first)]
    honest, chosen = np.concatenate(halves[::-1]), some(np.arange(len(known)), MOST_PLANTED)

    def share(sums: np.ndarray) -> np.ndarray:
        return np.asarray(sums[..., 0] / sums[..., 1])

    for eye in eyes:
        check = CopyCheck.fit(eye, known, pool.covers[halves[0]])
        second = check.look(pool.covers[halves[1]])
        check = dataclasses.replace(check, honest=np.sort(second.distance))
        found = check.look(pool.covers[halves[0]])
        parts = np.stack([np.concatenate([second.flagged, found.flagged]), np.ones(len(honest))], axis=1)
        score = score_sums(parts, share, pool.artists[honest], RATE)
        yield Measured.of(score, "false alarms", eye.name, "share")
        check = dataclasses.replace(check, honest=np.sort(np.concatenate([second.distance, found.distance])))
        for kind in PLANTS:
            rng = np.random.default_rng(1)
            found = check.look(np.stack([plant(known[row], kind, rng) for row in chosen]))
            hits = np.stack([found.flagged & (found.nearest == chosen), np.ones(len(chosen))], axis=1)
            yield Measured.of(
                score_sums(hits, share, artists[chosen], score.value), f"found: {kind}", eye.name, "share"
            )


def some(rows: np.ndarray, most: int) -> np.ndarray:
    """At most `most` of the rows, drawn at random, the same each time; ascending."""
    return np.sort(np.random.default_rng(0).choice(rows, min(most, len(rows)), replace=False))


def plant(cover: np.ndarray, kind: str, rng: np.random.Generator) -> np.ndarray:
    """A copy of a cover uint8 `[3, H, H]`, changed as one of `PLANTS` says; crops lie anywhere."""
    if kind == "all but the smaller crop":
        for each in PLANTS[:1] + PLANTS[2:5]:
            cover = plant(cover, each, rng)
        return cover
    side = cover.shape[-1]
    picture = Image.fromarray(np.ascontiguousarray(cover.transpose(1, 2, 0)))  # [H, H, 3]
    if kind.startswith("crop"):
        kept = round(side * (0.8 if kind == "crop of 80 %" else 0.6))
        left, top = (int(x) for x in rng.integers(0, side - kept + 1, 2))
        picture = picture.crop((left, top, left + kept, top + kept)).resize((side, side), Image.Resampling.BICUBIC)
    elif kind == "mirror":
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    elif kind == "JPEG of quality 30":
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=30)
        picture = Image.open(buffer).convert("RGB")
    else:
        warmer = np.asarray(picture) * np.array([1.08, 1.0, 0.92]) + 6
        picture = Image.fromarray(warmer.clip(0, 255).astype(np.uint8))
    return np.ascontiguousarray(np.asarray(picture).transpose(2, 0, 1))


def probe(pool: Pool, describe: Mapping[str, Callable[[np.ndarray], np.ndarray]]) -> Iterator[Measured]:
    """What a linear probe and ten nearest neighbours, of other artists, say of covers: which set they are of, and
    the genre within each set. Of neighbours all covers are asked; of the probe those of held-out artists."""
    from analysis.probes import fit_classes, score_accuracy
    from scripts.comparison import Measured

    questions = {"dataset": (np.ones(len(pool.covers), dtype=bool), pool.sources)}
    for source in dict.fromkeys(pool.sources.tolist()):
        counts = Counter(pool.genres[pool.sources == source].tolist())
        frequent = [name for name, count in counts.items() if name and count >= LEAST_OF_A_KIND]
        # What only one artist makes cannot be known from others.
        frequent = [name for name in frequent if len(set(pool.artists[pool.genres == name])) > 1]
        questions[f"genre in {source}"] = ((pool.sources == source) & np.isin(pool.genres, frequent), pool.genres)
    for subject, compute in describe.items():
        x = np.asarray(compute(pool.covers), dtype=np.float64)
        for name, (asked, labels) in questions.items():
            if len(set(labels[asked])) < 2:
                continue
            classes = np.unique(labels, return_inverse=True)[1]
            learnt = some(np.flatnonzero(asked & pool.seen), MOST_LEARNT)
            held_out = np.flatnonzero(asked & ~pool.seen & np.isin(classes, classes[learnt]))
            if len(set(pool.artists[held_out])) < 2:
                continue
            said = fit_classes(x[learnt], classes[learnt], pool.artists[learnt]).predict(x[held_out])
            score = score_accuracy(said, classes[held_out], pool.artists[held_out])
            yield Measured.of(score, f"{name}, linear", subject, "accuracy")
            rows = some(np.flatnonzero(asked), MOST_ASKED)
            near = by_neighbours(x[rows], classes[rows], pool.artists[rows])
            score = score_accuracy(near, classes[rows], pool.artists[rows])
            yield Measured.of(score, f"{name}, {NEIGHBOURS} neighbours", subject, "accuracy")


def by_neighbours(x: np.ndarray, classes: np.ndarray, artists: np.ndarray) -> np.ndarray:
    """The commonest class `[N]` among the ten nearest covers of other artists, of rows `x [N, d]`."""
    from analysis.blocks import row_blocks
    from data.rows import squared_distances

    said = np.empty_like(classes)
    for rows in row_blocks(len(x), len(x)):
        square = squared_distances(x[rows], x)
        square[artists[rows, None] == artists] = np.inf
        near = np.argpartition(square, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
        said[rows] = [np.bincount(votes).argmax() for votes in classes[near]]
    return said


if __name__ == "__main__":
    run_verb(embedding_figures)
