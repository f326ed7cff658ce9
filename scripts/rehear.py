"""Gives a finished bundle other ears without training its generator: `python -m scripts.rehear BUNDLE DATASET …`.

The old encoder's code is foretold from the new one's, by a ridge regression over what both hear in the dataset, and
that map goes into the generator's first layer (gans/rehear.py). How much of the old code is foretold of artists left
out is printed and written into the card.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from data.errors import InputError
from scripts.shell import complain, print_path, progress, run_verb

if TYPE_CHECKING:
    from data.shards import Dataset
    from encoders.base import Encoder

PIECE_S = 10.0
"""Pieces of a clip that are heard beside the whole of it: there are few clips, and a map has thousands of numbers."""

FOLDS = 5


def rehear(
    bundle: Annotated[Path, typer.Argument(help="A bundle that hears with an encoder.")],
    dataset: Annotated[Path, typer.Argument(help="Tracks to hear by both ears.")],
    out: Annotated[Path, typer.Option(help="The new bundle's folder.")],
    encoder: Annotated[
        list[str],
        typer.Option(help="A folder of train-encoder, or one of the bundle's; it hears with the first given."),
    ],
    pairs: Annotated[Path | None, typer.Option(help="The pairs that it was trained on, to score it anew.")] = None,
) -> None:
    """Write the same generator behind other encoders (those of other names stay); prints the new bundle's folder."""
    from dataclasses import replace

    from data.shards import Dataset
    from encoders.schema import Block
    from gans.align import AlignedGenerator
    from gans.bundle import load_bundle, write_bundle
    from gans.rehear import rehear as behind
    from scripts.adopt import check_new
    from scripts.ears import bundle_extras, own_encoder, pick, read_ears, read_name_encoder, read_schema
    from scripts.prepare import prepare
    from scripts.pretrain import CARD, bare_conditions, measure_following

    check_new(out)
    made, music = load_bundle(bundle), Dataset(dataset)
    has, schema = read_ears(made), read_schema(made)
    old = own_encoder(made, has)
    if old is None or schema is None or not schema.has("audio"):
        raise InputError(bundle, "hears no code of a track, so there is nothing to put in its place")
    new, *others = [pick(has, wish, bundle) for wish in encoder]
    if isinstance(made.generator, AlignedGenerator):
        raise InputError(bundle, "is aligned to its code, not trained by it: gatefold align gives it another")
    matrix, offset, foretold = foretell(old, new, music)
    complain(f"{dataset}: {foretold:.3f} of the variance of the old code is foretold for artists left out")
    generator, changed = behind(made.generator, made.model, "audio", matrix, offset)
    blocks = tuple(Block(block.name, new.code_dim) if block.name == "audio" else block for block in schema.blocks)
    schema = replace(schema, blocks=blocks)
    named = {each.name for each in (new, *others)}
    staying = [each for name, each in has.items() if name not in named]
    extras, tensors = bundle_extras(schema, new, read_name_encoder(made), [*others, *staying])
    told = f"It learned to draw by another code, of which {foretold:.1%} is foretold from the one it hears now."
    card = made.model.get("card", {})
    words = CARD if card.get("name") == CARD["name"] else {}  # of the shipped model, those of this version
    card = {**card, **words, "ears": told}
    model = {**made.model, **changed, **extras, "card": card, "metrics": {}}
    made = load_bundle(write_bundle(out, generator, model, tensors, half=True))
    scores = {} if pairs is None else prepare(pairs, generator.resolution, None, start=out).score(made.generator)
    metrics = {**scores, "follows": measure_following(made, bare_conditions(music, schema, new))}
    print_path(write_bundle(out, generator, {**model, "metrics": metrics}, tensors, half=True))


def foretell(old: Encoder, new: Encoder, dataset: Dataset) -> tuple[np.ndarray, np.ndarray, float]:
    """`matrix [d_old, d_new]` and `offset [d_old]` that foretell old codes from new ones, and the share of the old
    code's variance that they foretell for artists left out. `InputError` where too few artists can be heard."""
    from analysis.probes import artist_folds, fit_ridge
    from data.audio import load_audio
    from data.splits import normalised_artist
    from encoders.schema import CODE_CLIP
    from scripts.trials import encode_samples

    codes: list[tuple[np.ndarray, np.ndarray]] = []
    artists: list[str] = []
    for row in progress(range(len(dataset)), "clips"):
        track = dataset.row(row)
        if not track["audio"]:
            continue
        try:
            clip = load_audio(track["audio"]["bytes"], name=track["track_id"]).at_full_scale()
        except InputError:
            continue  # what cannot be heard by either says nothing of both
        n = round(PIECE_S * clip.sr)
        pieces = [clip.y[start : start + n] for start in range(0, len(clip.y) - n + 1, n)]
        for y in (clip.y, *pieces):
            before, after = encode_samples([old, new], y, clip.sr)
            codes.append((before, after))
            artists.append(normalised_artist(track["artist"]) or f"row:{row}")
    if len(set(artists)) < FOLDS:
        raise InputError(dataset.folder, f"{len(set(artists))} artists can be heard, and {FOLDS} are needed")
    # As conditions hold them.
    y, x = (np.clip(np.stack(each), -CODE_CLIP, CODE_CLIP).astype(np.float64) for each in zip(*codes, strict=True))
    folds, left = artist_folds(artists, np.zeros(len(x), dtype=np.int64), FOLDS), np.zeros_like(y)
    for fold in range(FOLDS):
        rest = folds != fold
        left[~rest] = y[~rest] - fit_ridge(x[rest], y[rest], np.array(artists)[rest]).answers(x[~rest])
    probe = fit_ridge(x, y, artists)
    matrix = (probe.weight / probe.scale[:, None]).T
    return matrix, probe.bias - matrix @ probe.mean, 1 - float(np.square(left).sum() / np.square(y - y.mean(0)).sum())


if __name__ == "__main__":
    run_verb(rehear)
