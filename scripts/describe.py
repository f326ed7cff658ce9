"""What is heard of tracks, for `gatefold encode`: one track, its windows, an album, and the same in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from data.audio import MAX_DURATION_S, SILENCE_PEAK, Excerpt, load_audio
from data.emotions import EMOTIONS
from data.errors import printable
from encoders.attributes import RESIDUALS
from encoders.base import Encoder
from encoders.conditions import guess_genres, guess_tags
from encoders.features import compute_features
from encoders.heads import Heads
from encoders.sets import plan_windows, smooth_path, summarise_codes
from scripts.pipeline import hear
from scripts.shell import complain, progress

_MOST_TAGS = 5
_BAR = 20


def describe(track: Path, ears: Encoder | None) -> dict[str, Any]:
    """What is heard of `track` as JSON values: code, attributes, emotions, tags, and which part of the file."""
    heard = hear(track)
    excerpt, heads = heard.excerpt, ears.heads if ears else Heads()
    code = ears.encode([heard.features]) if ears else np.zeros((1, 0), dtype=np.float32)  # [1, code_dim]
    felt = zip(EMOTIONS, heads.emotions(code)[0].tolist(), strict=True)
    return {
        "track": str(track),
        "encoder": ears.name if ears else None,
        "code": code[0].tolist(),
        "attributes": heard.measured,
        "emotions": {name: share for name, share in felt if np.isfinite(share)},
        "tags": guess_genres(heads, code)[0],
        "other_tags": guess_tags(heads, code)[0],
        "fingerprint": excerpt.fingerprint,
        "start_s": excerpt.start_s,
        "duration_s": len(excerpt.y) / excerpt.sr,
        "total_s": excerpt.total_s,
    }


def describe_album(tracks: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One object for an album, from those of `describe` of its tracks: means, the codes' spread, the most typical."""
    codes = summarise_codes(np.array([track["code"] for track in tracks]), "album")
    means = {
        kind: {name: float(np.mean([track[kind][name] for track in tracks])) for name in tracks[0][kind]}
        for kind in ("attributes", "emotions", "tags", "other_tags")
    }
    return {
        "album": [track["track"] for track in tracks],
        "encoder": tracks[0]["encoder"],
        "code": codes.mean.tolist(),
        "spread": codes.spread.tolist(),
        "typical": tracks[codes.typical]["track"],
        **means,
    }


def describe_windows(
    track: Path, ears: Encoder, window_s: float, hop_s: float, smooth: float
) -> Iterator[dict[str, Any]]:
    """One object a window that slides over `track` (its first hour): a path, smoothed over `smooth` windows.

    Each window is heard as if it were all there is, but at the level that it has in the track, whose loudest moment is
    at full scale; a silent one lies between its neighbours.
    """
    whole = load_audio(track, duration_s=MAX_DURATION_S, offset_s=0.0).at_full_scale()
    duration_s = len(whole.y) / whole.sr
    if whole.total_s > duration_s + 1:
        complain(f"{printable(str(track))}: only its first {duration_s / 60:.0f} minutes are heard")
    windows = plan_windows(duration_s, window_s=window_s, hop_s=hop_s, name=str(track))
    codes = [_code_at(whole, start, stop - start, ears) for start, stop in progress(windows, "windows")]
    for (start, stop), code in zip(windows, smooth_path(np.array(codes), smooth, str(track)), strict=True):
        yield {
            "track": str(track),
            "encoder": ears.name,
            "start_s": float(start),
            "duration_s": float(stop - start),
            "code": code.tolist(),
        }


def _code_at(whole: Excerpt, start_s: float, length_s: float, ears: Encoder) -> np.ndarray:
    """The code float32 `[code_dim]` of one window, NaN where that is silent."""
    length = round(length_s * whole.sr)
    first = min(round(start_s * whole.sr), len(whole.y) - length)  # rounding takes no sample from a window
    y = whole.y[first : first + length]
    if np.abs(y).max() < SILENCE_PEAK:
        return np.full(ears.code_dim, np.nan, dtype=np.float32)
    code: np.ndarray = ears.encode([compute_features(y, whole.sr)])[0]
    return code


def explain(described: Mapping[str, Any]) -> str:
    """The object of one track in words: attributes with their residual errors, emotions, the likeliest tags."""
    length, start, total = (f"{described[key]:.1f} s" for key in ("duration_s", "start_s", "total_s"))
    lines = [
        printable(described["track"]),
        f"  heard: {length} from {start} on, of {total}; encoder: {described['encoder'] or 'none'}",
        "  attributes (Gatefold's estimates on Spotify's scales, never Spotify's own values; ± is the distance of",
        "  their distribution from Spotify's, in the mean of four kinds of music; a single track's error is unknown)",
    ]
    for name, value in described["attributes"].items():
        lines.append(f"    {name:<18}{value:>8.2f}   {RESIDUALS[name].told}")
    lines.append(f"    {'popularity':<18}{'—':>8}   cannot be heard")
    sections = {
        "emotions": "emotions (estimated share of listeners who would feel it)",
        "tags": "likeliest genres (estimated probability)",
        "other_tags": "tags that a tagger would give (estimated probability of each)",
    }
    for kind, title in sections.items():
        shares = list(described[kind].items())
        if kind != "emotions":
            shares = sorted(shares, key=lambda share: -share[1])[:_MOST_TAGS]
        lines += [f"  {title}"] * bool(shares)
        lines += [f"    {printable(name):<18}{share:>8.2f}   {'█' * round(_BAR * share)}" for name, share in shares]
    if described["encoder"] and not any(described[kind] for kind in sections):
        lines.append("  genres, emotions, tags: this encoder has learnt none")
    return "\n".join(lines)
