"""Encoders that hear together: their codes side by side, their answers averaged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from data.errors import InputError
from encoders import load_encoder
from encoders.base import Encoder
from encoders.heads import Heads

JOIN = "+"
"""Between the names of encoders that hear together: `cnn+rnn`."""


class Together(Encoder):
    """Two or more encoders as one: it hears what they hear, and what one mistakes the others may not.

    The code is theirs, one after the other. Genres and tags have the mean of the members' calibrated logits, emotions
    the mean of their answers (Hansen and Salamon 1990). The first member that knows genres (or tags) decides
    which; one that knows others has no say.
    """

    def __init__(self, members: Sequence[Encoder]) -> None:
        """`InputError` where there are fewer than two, one stands there twice, or they do not hear the same."""
        members = [each for member in members for each in members_of(member)]
        self.name = check_joined([(member.name, member.hears) for member in members])
        self.members = tuple(members)
        self.hears = members[0].hears
        self.code_dim = sum(member.code_dim for member in members)
        self.heads = _averaged([member.heads for member in members], [member.code_dim for member in members])

    def fit(self, heard: np.ndarray | Sequence[np.ndarray]) -> Self:
        """Fits every member, where it can be fitted at once."""
        return type(self)([member.fit(heard) for member in self.members])

    def encode_heard(self, heard: np.ndarray | Sequence[np.ndarray]) -> np.ndarray:
        """Codes float32 `[N, code_dim]`: those of the members, one after the other."""
        return np.concatenate([member.encode_heard(heard) for member in self.members], axis=1)

    def config(self) -> dict[str, Any]:
        """The members' names and their own."""
        return {"members": [{"name": member.name, "config": member.config()} for member in self.members]}

    def tensors(self) -> dict[str, np.ndarray]:
        """The members' own, each as `name/…`."""
        return {f"{member.name}/{key}": each for member in self.members for key, each in member.tensors().items()}

    @classmethod
    def from_state(cls, config: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> Self:
        """The members of this state together, without answers; `InputError` where one of them does not fit."""
        listed = config.get("members")
        if not isinstance(listed, list) or not all(
            isinstance(each, Mapping) and set(each) == {"name", "config"} for each in listed
        ):
            raise InputError("encoder", "its configuration is not that of encoders that hear together")
        members = []
        for each in listed:
            prefix = f"{each['name']}/"
            own = {key.removeprefix(prefix): array for key, array in tensors.items() if key.startswith(prefix)}
            members.append(load_encoder(each["name"], each["config"], own))
        return cls(members)


def check_joined(members: Sequence[tuple[str, str]]) -> str:
    """The name of those that hear together, from the name of each and what it hears; `InputError` as of `Together`."""
    names = [name for name, _ in members]
    joined = JOIN.join(names)
    if len(set(names)) < max(2, len(names)):
        raise InputError(joined, "two or more different encoders can hear together")
    if len({hears for _, hears in members}) > 1:
        told = ", ".join(f"{name} hears {hears}" for name, hears in members)
        raise InputError(joined, f"these cannot hear together: {told}")
    return joined


def members_of(encoder: Encoder) -> tuple[Encoder, ...]:
    """The encoders that hear together as this one; of a single one, itself."""
    return encoder.members if isinstance(encoder, Together) else (encoder,)


def _averaged(heads: Sequence[Heads], sizes: Sequence[int]) -> Heads:
    """Heads on codes `[N, Σ sizes]` that answer what `heads` on codes of `sizes` answer on the average."""
    genres = next((each.genres for each in heads if each.genres), ())
    tags = next((each.tags for each in heads if each.tags), ())
    voices = {
        "genre": [(each.genres == genres) / each.temperature for each in heads] if genres else [],
        "tag": [float(each.tags == tags) for each in heads] if tags else [],
        "emotion": [float(each.emotion_bias.size > 0) for each in heads],
    }
    arrays: dict[str, Any] = {}
    for kind, scales in voices.items():
        count = sum(scale > 0 for scale in scales)
        if count:
            own = [(getattr(each, f"{kind}_weight"), getattr(each, f"{kind}_bias")) for each in heads]
            bias = np.sum([scale / count * b for scale, (_, b) in zip(scales, own, strict=True) if scale], axis=0)
            weights = [
                scale / count * weight if scale else np.zeros((size, len(bias)))
                for scale, size, (weight, _) in zip(scales, sizes, own, strict=True)
            ]
            arrays |= {f"{kind}_weight": np.concatenate(weights), f"{kind}_bias": bias}
    return Heads(genres, tags=tags, **{name: array.astype(np.float32) for name, array in arrays.items()})
