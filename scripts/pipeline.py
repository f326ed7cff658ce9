"""From a track and a model to the condition vector and the cover: the one road that the verbs share.

decode → features → attributes and the encoder's code → schema → `c` → generator → PNG that names its making.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from torch import Tensor

from data.audio import Excerpt, load_audio
from data.checks import number_within
from data.covers import encode_png
from data.errors import InputError, printable
from data.files import sha256_bytes, write_bytes
from data.jpeg import encode_jpeg
from encoders.attributes import estimate_attributes, on_loudness_scale
from encoders.base import Encoder
from encoders.conditions import track_condition
from encoders.features import Features, compute_features
from encoders.sets import combine_conditions, summarise_codes
from encoders.tags import normalise_tag
from gans.bundle import MODEL, SHIPPED, Bundle, load_bundle
from gans.finish import finish as finished
from gans.latents import family_latent, mix_styles
from gans.lettering import set_type
from gans.sampling import draw, generate_cover, latent_of_seed, style_of
from gans.snapshots import find_bundle
from gans.typestyles import make_style
from scripts.ears import own_encoder, pick, read_ears, read_name_encoder, read_schema
from scripts.making import NO_MUSIC, Family, Finish, Lettering, Making, Mix, Wishes, album_hash, cover_path


@dataclass(frozen=True)
class Heard:
    """What one track gives before anyone wishes for anything: features, and `attributes` as estimates on Spotify's
    scales, both of the `excerpt` at full scale."""

    excerpt: Excerpt
    features: Features
    attributes: Mapping[str, float]
    track: Path

    @classmethod
    def of(cls, excerpt: Excerpt, track: Path) -> Heard:
        """Listens to an excerpt of `track`; `InputError` where it is too short."""
        full = excerpt.at_full_scale()
        features = compute_features(full.y, full.sr)
        return cls(excerpt, features, estimate_attributes(full.y, full.sr, features), track)

    @property
    def measured(self) -> dict[str, float]:
        """The attributes with the loudness that the excerpt itself has."""
        loudness = self.attributes["loudness"] + 20 * float(np.log10(self.excerpt.peak))
        return {**self.attributes, "loudness": on_loudness_scale(loudness)}


def hear(track: Path) -> Heard:
    """Decodes the excerpt and listens once; `InputError` for what is no usable audio."""
    return Heard.of(load_audio(track), track)


@dataclass(frozen=True)
class Subject:
    """What covers are made for, a track or an album: `music` is its fingerprint, `c` float32 `[c_dim]` its condition
    with the wishes in it (None for a model that hears nothing), and so its `attributes`.
    """

    name: str
    music: str
    wishes: Wishes
    c: np.ndarray | None
    attributes: Mapping[str, float] = field(default_factory=dict)


class Listener:
    """A bundle with its ears: what is heard becomes that bundle's condition, and the condition its cover."""

    def __init__(self, bundle: Bundle) -> None:
        """Raises `InputError` where `model.json` contradicts itself."""
        self.bundle = bundle
        self.schema = read_schema(bundle)
        self.encoders = read_ears(bundle)
        self.own_encoder = own_encoder(bundle, self.encoders)
        self.name_encoder = read_name_encoder(bundle)
        sizes = dict(bundle.layout)
        for block, ears in (("audio", self.own_encoder), ("names", self.name_encoder)):
            if ears is not None and sizes.get(block, ears.code_dim) != ears.code_dim:
                mismatch = f"its block {block} has {sizes[block]} values, the code for it {ears.code_dim}"
                raise InputError(bundle.folder / MODEL, mismatch)

    @classmethod
    def open(cls, folder: Path | None = None) -> Listener:
        """The bundle in `folder`, the best of the run in `folder`, or the shipped one."""
        return cls(load_bundle(SHIPPED if folder is None else find_bundle(folder)))

    def encoder(self, name: str | None = None) -> Encoder | None:
        """The encoder `name` (or in the folder of that name); by default the one that conditions are made with."""
        return self.own_encoder if name is None else pick(self.encoders, name, self.bundle.folder)

    def condition(self, heard: Heard, wishes: Wishes) -> np.ndarray | None:
        """`c` float32 `[c_dim]`, or None for a model that hears nothing."""
        if self.schema is None:
            return None
        names = None
        if self.name_encoder is not None:
            from data.library import read_names  # it loads what reads tags and tables: most models need neither

            names = read_names(heard.track)
        return track_condition(
            self.schema,
            self.own_encoder,
            heard.features,
            attributes={**heard.attributes, **wishes.attributes},
            tags=wishes.tags,
            year=wishes.year,
            names=names,
            name_encoder=self.name_encoder,
        )

    def subject(self, track: Path, wishes: Wishes) -> Subject:
        """Hears `track`; `InputError` for what is no usable audio."""
        if track.is_dir():
            raise InputError(track, "there is no music in this folder")
        return self.subject_of(hear(track), wishes)

    def subject_of(self, heard: Heard, wishes: Wishes) -> Subject:
        """The subject of what was heard."""
        attributes = {**heard.attributes, **wishes.attributes}
        c = self.condition(heard, wishes)
        return Subject(heard.track.stem, heard.excerpt.fingerprint, wishes, c, attributes)

    def wished(self, wishes: Wishes) -> Subject:
        """What is wished for and nothing else: no track is heard, and all that is not wished for is left open.

        Raises `InputError` for a model that hears nothing.
        """
        if self.schema is None:
            raise InputError(self.bundle.folder, "hears nothing, so nothing can be wished for without a track")
        c = track_condition(self.schema, None, None, attributes=wishes.attributes, tags=wishes.tags, year=wishes.year)
        return Subject(str(wishes), NO_MUSIC, wishes, c, wishes.attributes)

    def album(self, name: str, tracks: Sequence[Subject]) -> Subject:
        """One subject of all `tracks`, which have the same wishes; of one track, that track under another name."""
        if len(tracks) == 1:
            return replace(tracks[0], name=name)
        heard = [track.c for track in tracks if track.c is not None]
        c = combine_conditions(np.stack(heard), self.schema.layout, name) if self.schema and heard else None
        means = {name: float(np.mean([track.attributes[name] for track in tracks])) for name in tracks[0].attributes}
        return Subject(name, album_hash([track.music for track in tracks]), tracks[0].wishes, c, means)

    def remarks(self, wishes: Wishes) -> Iterator[str]:
        """One line for each wish that this model does not understand and will pass over."""
        schema = self.schema
        if wishes.attributes and not (schema and schema.has("attributes")):
            yield "--attributes has no effect: this model does not listen to attributes"
        if wishes.year is not None and not (schema and schema.has("year")):
            yield "--year has no effect: this model knows no years"
        known = schema.tags if schema else ()
        for tag in wishes.tags:
            if normalise_tag(tag) not in known and schema and schema.tag_buckets:
                yield f"this model saw too little of the tag {printable(tag)}; what it makes of it is a guess"
            elif normalise_tag(tag) not in known:
                yield f"this model does not know the tag {printable(tag)}; it knows: {', '.join(known) or 'none'}"

    def draw(self, c: np.ndarray | None, seed: int, truncation: float, strength: float) -> np.ndarray:
        """The cover uint8 `[3, H, W]` of one condition and one seed."""
        return generate_cover(self.bundle.generator, c, seed, truncation, strength)

    def make(self, making: Making, c: np.ndarray | None, style_c: np.ndarray | None = None) -> np.ndarray:
        """The cover uint8 `[3, H, W]` that `making` names, under the condition of its track and of its mix's.

        Raises `InputError` where a mix is of more places than the model has.
        """
        generator, family = self.bundle.generator, making.family

        def style(seed: int, c: np.ndarray | None) -> Tensor:
            z = latent_of_seed(seed, generator.z_dim)
            if family is not None:
                z = family_latent(seed, family.seed, family.spread, generator.z_dim)
            return style_of(generator, z, c, making.truncation, making.strength)

        w = style(making.seed, c)
        if making.mix is not None:
            number_within("the level of a mix", making.mix.level, 0, generator.n_styles)
            w = mix_styles(w, style(making.mix.seed, style_c), making.mix.level)
        cover = draw(generator, w)
        if making.finish is not None:
            cover = finished(cover, making.finish.size, making.finish.look, making.seed)
        if making.lettering is not None:
            set_in = make_style(making.lettering.style, making.lettering.energy)
            cover = set_type(cover, making.lettering.title, making.lettering.artist, set_in)
        return cover


def write_covers(
    listener: Listener,
    subject: Subject,
    out: Path,
    seeds: Iterable[int],
    truncation: float = 1.0,
    strength: float = 1.0,
    family: Family | None = None,
    finish: Finish | None = None,
    suffix: str = ".png",
    lettering: Lettering | None = None,
) -> Iterator[Path]:
    """Writes one cover a seed into `out`; yields each path when its file is whole."""
    for seed in seeds:
        making = making_of(listener, subject, seed, truncation, strength)
        making = replace(making, family=family, finish=finish, lettering=lettering)
        yield write_cover(listener, out, subject.name, making, subject.c, suffix=suffix)


def write_cover(
    listener: Listener,
    out: Path,
    name: str,
    making: Making,
    c: np.ndarray | None,
    style_c: np.ndarray | None = None,
    suffix: str = ".png",
) -> Path:
    """Writes the cover that `making` names into `out`, as the cover of what is called `name`; its path."""
    path = cover_path(out, name, making, suffix)
    encode = encode_jpeg if suffix == ".jpg" else encode_png
    write_bytes(path, encode(listener.make(making, c, style_c), making.to_text()))
    return path


def making_of(listener: Listener, subject: Subject, seed: int, truncation: float, strength: float) -> Making:
    """The making of a subject's own cover."""
    return Making(
        bundle=listener.bundle.hash,
        track=subject.music,
        seed=seed,
        truncation=truncation,
        strength=strength,
        wishes=subject.wishes,
        heard=condition_hash(subject.c),
    )


def mixed_with(making: Making, style: Subject, seed: int, level: int) -> Making:
    """`making` with the style of the cover of another subject under `seed`, from place `level` on."""
    return replace(making, mix=Mix(style.music, condition_hash(style.c), seed, level))


def most_typical(subjects: Sequence[Subject]) -> int | None:
    """Which of an album's tracks is the most like the others, by their conditions; None of fewer than three."""
    heard = [subject.c for subject in subjects if subject.c is not None]
    return summarise_codes(np.stack(heard)).typical if len(heard) > 2 else None


def condition_hash(c: np.ndarray | None) -> str:
    """SHA-256 of a condition's float32 values, little-endian; of nothing for a model that hears nothing."""
    return sha256_bytes(b"" if c is None else np.ascontiguousarray(c, dtype="<f4").tobytes())
