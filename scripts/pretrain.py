"""Trains the shipped bundle anew: `python -m scripts.pretrain DATA` (or `make pretrained DATA=…`).

DATA holds `netlabels/` and `paintings/` (covers with their tables), `spotify/genres.csv` (mean attributes of genres),
`music/` (clips, for the pairs and the encoders) and, where they are there, `teachers/` (taggers that the encoders learn
from) and `pairs/` and `clips/` (further sound that they learn from, as they do from remixes of `music/`). The same
command on the same folders goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from data.errors import InputError
from data.pairing import CROSSMODAL, GENRE
from scripts.shell import INTERRUPTED, complain, print_path, run_verb

if TYPE_CHECKING:
    from torch import Tensor

    from data.shards import Dataset
    from encoders.base import Encoder
    from encoders.schema import ConditionSchema
    from gans.bundle import Bundle
    from gans.fine_tune import Start
    from gans.generator import GeneratorNetwork

RECIPE = "small"
RESOLUTION = 128
SOURCES = ("netlabels", "paintings", "music")
OPTIONS: dict[str, Any] = {
    "total_images": 200_000,
    "condition_dropout": 0.35,
    "panel_every": 20_000,
    "snapshot_every": 50_000,
}
FURTHER: dict[str, Any] = {
    **OPTIONS,
    "total_images": 88_000,
    "lead_images": 16_000,
    "warm_images": 1_500,
    "g_lr": 2e-4,
    "d_lr": 3e-4,
    "schedule_images": 80_000,
    "lr_end": 0.5,
    "augment": ("ada",),
    "ada_images": 100_000,
    "mirror": True,
    "mismatch": 0.1,
    "restoration": 0.3,
    "r1": 0.05,
    "snapshot_every": 16_000,
}
"""Of a training that begins with another's weights. Colours are changed no more than ada asks: changed in every image,
they hid from the discriminator just what the music decides."""
LEARNT = 0.75
"""How far a finished bundle's weights go from those that its training began with to those that it ended with: between
them lie covers nearer to unseen ones than at either end (Wortsman et al., CVPR 2022)."""
FOLLOWED = (
    ("energy", "edges"),
    ("energy", "saturation"),
    ("valence", "lightness"),
    ("valence", "saturation"),
    ("tempo", "yellowness"),
)
CARD = {
    "name": "Gatefold shipped model",
    "what": f"Draws {RESOLUTION} px album covers from a track's sound, from numbers (attributes, felt emotions, a "
    "year) or from tags; whatever is not given is left open.",
    "kinds_of_pairs": [CROSSMODAL, GENRE],
    "pairs": "No true pairs of music and cover were used: no cover belonged to the music that it was shown with. "
    "crossmodal: covers of net labels and paintings were matched with clips of other music by optimal transport (every "
    "cover and every clip is used, entropy leaves chance in it) under associations that people make between music and "
    "pictures (data/associations.py: Palmer et al. 2013, Whiteford et al. 2018, and others). Where a cover's tags name "
    "a genre it got music of that family; those are electronic nearly all, so electronic music has mostly graphic "
    "covers, other music mostly paintings. A third of these rows told the clip alone, the others also its measured "
    "attributes, its raters' emotions, its year and tags. genre: net labels' covers with genre tags were also shown "
    "without sound, with attributes drawn around the mean of their own genre. Net labels' covers were shown at least "
    "twice as often as paintings. The genres' mean attributes are averages of Spotify's audio features over each "
    "genre, no track's own; the spread around them is a round figure of ours.",
    "learned": "Rules that were found in people and written down here: fast, happy music in major looks light and "
    "yellow, slow, sad music in minor dark and blue; energetic and fast music looks saturated, calm music grey; energy "
    "and dense onsets give edges and contrast, a bright sound light pictures, changing timbre many colours. Of genres: "
    "what net labels' electronic releases look like. It has not learned what covers of real tracks look like. That its "
    "covers follow the music says that it learned these rules, not that designers keep to them. Tracks are heard at "
    "full scale, so the level of a file says nothing. It knows nothing of lyrics, artists or titles.",
    "reading": "metrics: frechet and kernel are distances between descriptors of covers (analysis/descriptors.py) of "
    "held-out artists, real and generated. …_of_training_covers are what covers of other artists get, drawn without "
    "regard to kind; generated ones were told the held-out tracks' own tags: a lower figure is not better than real. "
    "follows: correlations over clips by artists of no training pair, 95 % intervals and what chance would give.",
    "weaknesses": "Composition without objects; letters and faces are at best hinted at. Attributes of a bare track "
    "are estimates. Tags of few covers do little, and a year says little: those of the pairs are of a few hundred "
    "clips and releases. The music of the pairs is of four genres: classical, electronic, pop, rock.",
    "licences": "netlabels: art of freely distributed net-label releases, Creative Commons by the labels' practice, "
    "proven per file for one label only. paintings: public domain (painters who died before 1945). Music and encoders: "
    "Magnatune research excerpts (Emotify), CC BY-NC-SA, and what three taggers (MIT licence) say of them, of remixes "
    "of them, and of 31 further clips in the public domain or under Creative Commons. No image and no sound of any "
    "of them is in the model's folder.",
}


def pretrain(
    data: Annotated[Path, typer.Argument(help="The folder with netlabels/, paintings/, spotify/ and music/.")],
    store: Annotated[Path, typer.Option(help="Where the datasets are made.")] = Path("store"),
    out: Annotated[Path, typer.Option(help="The run's folder; the same command on it goes on.")] = Path("runs/shipped"),
    images: Annotated[int | None, typer.Option(min=1, help="Covers to show before the run is done.")] = None,
    minutes: Annotated[float | None, typer.Option(min=0.0, help="Stop after this long; go on another time.")] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, …")] = "cpu",
    bundle: Annotated[Path | None, typer.Option(help="Write the finished bundle here, at half precision.")] = None,
    ears: Annotated[Path, typer.Option(help="Where the bundle's encoders are trained.")] = Path("runs/ears"),
    start: Annotated[
        Path | None, typer.Option(help="Begin with the weights of this bundle or run, and hear as it does.")
    ] = None,
    ears_steps: Annotated[int | None, typer.Option(min=1, help="Steps of each encoder's training.")] = None,
) -> None:
    """Train the encoders, make the pairs, train on them, and write the bundle."""

    from gans.bundle import load_bundle
    from gans.fine_tune import Start
    from gans.recipes import resolve
    from gans.snapshots import find_bundle
    from gans.training import train
    from scripts.built import built
    from scripts.prepare import prepare
    from scripts.teach import ears_of, teach_ears
    from scripts.train import one_line_failures, open_device, showing, stopping

    music = built(data / "music", store / "music")
    start = None if start is None else find_bundle(start)
    best, *others = ears_of(start) or teach_ears(data, store, music, ears, ears_steps)
    pairs = make_pairs(data, store)
    begun = None if start is None else Start.read(start)
    asked = {} if images is None else {"total_images": images}
    config = resolve(RECIPE, {"resolution": RESOLUTION, **options_after(begun), **asked})
    prepared = prepare(pairs, RESOLUTION, str(ears / best.name), start=start)
    hardware = open_device(device)
    with stopping(minutes) as (stop, interrupted), showing(config.total_images) as show, one_line_failures(out):
        snapshot = train(config, prepared.data, out, prepared.surroundings(stop, show, begun), hardware)
    print_path(snapshot)
    if load_bundle(snapshot).model["images_shown"] < config.total_images:
        complain("stopped; the same command goes on from here, and writes the bundle when it is done")
        raise typer.Exit(INTERRUPTED if interrupted() else 0)
    if bundle is not None:
        finish(snapshot, music, bundle, [best, *others], start, prepared.score)
        print_path(bundle)


def options_after(begun: Start | None) -> dict[str, Any]:
    """How a training goes that begins with these weights; a discriminator that comes with them needs no lead."""
    if begun is None:
        return OPTIONS
    return {**FURTHER, "lead_images": 0} if begun.discriminator else FURTHER


def make_pairs(data: Path, store: Path) -> Path:
    """The dataset of pairs in `store/sleeves`, made where it is not there yet."""
    from scripts.built import built, is_complete
    from scripts.sleeves import write_sleeves

    out = store / "sleeves"
    if not is_complete(out):
        netlabels, paintings, music = (built(data / name, store / name) for name in SOURCES)
        write_sleeves(data, netlabels, paintings, music, out)
    return out


def finish(
    snapshot: Path,
    music: Dataset,
    bundle: Path,
    encoders: Sequence[Encoder],
    start: Path | None = None,
    rescore: Callable[[GeneratorNetwork], Mapping[str, float]] = lambda generator: {},
) -> None:
    """Writes the shipped bundle: the snapshot at half precision, its card, and the `encoders`, the best first.

    The best is the one that the snapshot's conditions were made with. How covers of bare tracks follow them is
    measured on the clips `music`: on those of artists that no pair was trained on. start: the bundle whose weights the
    snapshot's training began with; they are blended in, and `rescore` says what the blend gets of the run's scores.
    """
    from encoders.schema import ConditionSchema
    from gans.bundle import load_bundle, write_bundle
    from gans.fine_tune import Start
    from scripts.ears import bundle_extras, own_encoder, read_ears

    made = load_bundle(snapshot)
    best, *others = encoders
    own = own_encoder(made, read_ears(made))
    if own is None or own.fingerprint != best.fingerprint:
        raise InputError(snapshot, f"was not trained with the encoder {best.name} that is to travel with it")
    schema = ConditionSchema.from_json(made.model["condition"])
    extras, tensors = bundle_extras(schema, best, others=others)
    stages, scores = {}, made.model["metrics"]
    if start is not None:
        blend(made.generator, Start.read(start).generator)
        stages, scores = {"stages": told_of_stages(load_bundle(start).model, made.model)}, rescore(made.generator)
    metrics = {**scores, "follows": measure_following(made, bare_conditions(music, schema, best))}
    told = {**extras, "card": {**CARD, **stages}, "metrics": metrics}
    write_bundle(bundle, made.generator, {**made.model, **told}, tensors, half=True)


def blend(last: GeneratorNetwork, first: Mapping[str, Tensor]) -> None:
    """Moves every number of `last` to `LEARNT` of the way to it from that of the weights `first`; `InputError` where
    these are of other sizes."""
    own = last.state_dict()
    if {name: value.shape for name, value in own.items()} != {name: value.shape for name, value in first.items()}:
        raise InputError("--start", "its generator is of other sizes, so the finished bundle cannot lie between")
    for name, value in own.items():
        if value.is_floating_point():
            value.copy_(first[name].lerp(value, LEARNT))


def told_of_stages(first: Mapping[str, Any], last: Mapping[str, Any]) -> str:
    """In words, what came before a training, from the models that it began and ended with."""
    before = f"Begun with the weights of a model of {first['images_shown']:,} images ({last['started_from'][:12]})"
    if "started_from" in first:
        before += f", which had begun with those of another ({first['started_from'][:12]})"
    led = last["config"]["lead_images"]
    way = f"began afresh and learnt alone for {led:,}" if led else "went on from there"
    return (
        f"{before}. Its discriminator {way}; rates fell to the end. The weights here lie {LEARNT:.0%} of the way from "
        "those of the beginning to those of the end."
    )


def bare_conditions(dataset: Dataset, schema: ConditionSchema, ears: Encoder) -> tuple[np.ndarray, np.ndarray]:
    """Attributes float32 `[n, 10]` and conditions `c [n, c_dim]` of the held-out clips of `dataset`, as of bare tracks:
    whatever else is known of them is left aside.
    """
    from encoders.conditions import guess_genres, guess_tags
    from encoders.heard import dataset_codes
    from scripts.prepare import hear_dataset

    heard = hear_dataset(dataset, lambda done, total: None, encoder=ears)
    if heard is None:
        raise InputError(dataset.folder, "holds no clips")
    rows = np.setdiff1d(np.flatnonzero(heard.usable()), dataset.indices("train"))
    attributes, codes = heard.attributes(rows), np.asarray(dataset_codes(dataset, ears, heard)[rows])
    guesses = zip(guess_tags(ears.heads, codes), guess_genres(ears.heads, codes), strict=True)
    tags = [{**tags, **genres} for tags, genres in guesses]
    emotions = ears.heads.emotions(codes)
    return attributes, schema.assemble(audio=codes, attributes=attributes, emotions=emotions, tags=tags)


def measure_following(bundle: Bundle, heard: tuple[np.ndarray, np.ndarray]) -> dict[str, dict[str, Any]]:
    """How far covers of bare tracks follow what is heard in them: correlations of attribute and trait.

    heard: attributes `[N, 10]` and conditions `[N, c_dim]` of clips, none of which the generator was trained on. One
    cover a clip, each with a seed of its own. Of fewer than four clips nothing can be said.
    """
    from analysis.correlation import correlate
    from data.associations import TRAITS, cover_traits
    from data.attributes import ATTRIBUTE_NAMES
    from gans.sampling import generate_covers

    attributes, c = heard
    if len(c) < 4:
        return {}
    traits = cover_traits(generate_covers(bundle.generator, c, range(len(c))))
    follows = {}
    for attribute, trait in FOLLOWED:
        found = correlate(attributes[:, ATTRIBUTE_NAMES.index(attribute)], traits[:, TRAITS.index(trait)])
        follows[f"{attribute} → {trait}"] = {
            "r": round(found.r, 3),
            "interval": [round(found.low, 3), round(found.high, 3)],
            "chance": round(found.chance, 3),
            "n": found.n,
        }
    return follows


if __name__ == "__main__":
    run_verb(pretrain)
