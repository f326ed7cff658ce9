"""Styles of lettering, and which of them suits what music.

A style says what a designer decides before the picture is there: the face, how heavy and how wide it is set, capitals
or not, where lines align, how title and artist stand together. Energy makes the same style heavier and tighter. The
table is taste, not measurement: what sleeves of these kinds have looked like since there are sleeves.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from data.checks import number_within, one_of

LEFT, CENTRE = "left", "centre"
STACK, SPLIT, POSTER = "stack", "split", "poster"
PLATE, SCRIM = "plate", "scrim"


@dataclass(frozen=True)
class Style:
    """How a sleeve is set. Lengths are parts of the cover's side, tracking is in ems.

    `arrangement`: title and artist stacked, split between top and bottom, or a title over the full width. `cap`: the
    tallest capitals of a title; `lines`: the most lines of a title while it is large; `leading`: from baseline to
    baseline in heights of capitals; `ratio`: the artist's capitals to the title's. `backing`: what is laid under type
    where no colour can be read on the picture itself. The artist's face is the title's where none is named.
    """

    name: str
    face: str
    weight: int
    tracking: float = 0.0
    cap: float = 0.08
    upper: bool = False
    align: str = LEFT
    arrangement: str = STACK
    lines: int = 3
    leading: float = 1.7
    ratio: float = 0.42
    artist_face: str = ""
    artist_weight: int = 400
    artist_tracking: float = 0.0
    artist_upper: bool = False
    artist_first: bool = False
    backing: str = SCRIM


_ROWS = (
    Style(
        "poster", "condensed", 550, 0.0, cap=0.2, upper=True, arrangement=POSTER, leading=1.16, ratio=0.3,
        artist_tracking=0.1, artist_upper=True, backing=PLATE,
    ),
    Style("signal", "grotesque", 500, -0.02, cap=0.075, arrangement=SPLIT, leading=1.5, backing=PLATE),
    Style(
        "neon", "geometric", 600, -0.01, cap=0.098, upper=True, arrangement=SPLIT, leading=1.22, ratio=0.32,
        artist_weight=500, artist_tracking=0.06, artist_upper=True, backing=PLATE,
    ),
    Style(
        "air", "geometric", 350, 0.3, cap=0.038, upper=True, align=CENTRE, lines=2, leading=2.3, ratio=0.56,
        artist_weight=350, artist_tracking=0.3, artist_upper=True,
    ),
    Style(
        "classic", "serif", 500, 0.005, cap=0.07, align=CENTRE, leading=1.75, ratio=0.4,
        artist_weight=550, artist_tracking=0.2, artist_upper=True, artist_first=True,
    ),
    Style(
        "ballad", "italic", 450, 0.0, cap=0.076, leading=1.6, ratio=0.36, artist_face="serif",
        artist_weight=550, artist_tracking=0.16, artist_upper=True,
    ),
    Style("roots", "slab", 500, -0.01, cap=0.082, leading=1.55, artist_weight=500, backing=PLATE),
    Style("swing", "condensed", 300, 0.0, cap=0.105, arrangement=SPLIT, leading=1.42, ratio=0.34, artist_weight=300),
    Style(
        "hand", "hand", 600, 0.02, cap=0.125, upper=True, align=CENTRE, leading=1.3, ratio=0.46,
        artist_weight=700, artist_tracking=0.06, artist_upper=True,
    ),
)  # fmt: skip
STYLES: dict[str, Style] = {style.name: style for style in _ROWS}
HEAVIER, TIGHTER = 200, 0.4
"""From no energy to all of it: what is added to the weight, and the part of the tracking (of 0.02 em at least) that
goes.
"""

_GENRES = {
    "poster": "metal, metalcore, punk, hardcore, grindcore, thrash, doom, sludge, rap, hip hop, hiphop, trap, drill, "
    "grime, industrial, hardstyle, gabber, ebm, noise, hard rock",
    "signal": "techno, house, electronic, electronica, idm, glitch, dub, minimal, breakbeat, jungle, drum and bass, "
    "dnb, d&b, bass, dubstep, footwork, trance, electro, edm, dance, experimental, uk garage",
    "neon": "pop, synthpop, synth pop, disco, synthwave, k pop, j pop, eurodance, new wave, italo, chiptune",
    "air": "ambient, drone, downtempo, new age, chillout, chill out, shoegaze, post rock, darkwave, trip hop, "
    "dream pop, meditation, soundscape",
    "classic": "classical, baroque, opera, orchestral, symphony, chamber, renaissance, medieval, choral, piano, "
    "soundtrack, score, contemporary classical, string quartet, early music",
    "ballad": "singer songwriter, acoustic, ballad, chanson, bossa nova, fado, vocal, easy listening, romantic",
    "roots": "country, blues, americana, bluegrass, rock, rockabilly, reggae, ska, world, folk rock, psychedelic, "
    "afrobeat, latin",
    "swing": "jazz, swing, bebop, funk, soul, rnb, r&b, rhythm and blues, fusion, big band, gospel, lounge",
    "hand": "folk, indie, indie pop, indie rock, lo fi, lofi, children, kids, freak folk, celtic, comedy",
}


def _words(genre: str) -> tuple[str, ...]:
    """The words of a genre's name, however it is joined: `Hip-Hop/Rap` has three, `Drum'n'Bass` is `drum and bass`."""
    parts = re.findall(r"&|[^\W_]+", genre.lower())
    return tuple("and" if part in ("&", "n") else part for part in parts)


_STYLE_OF = {_words(genre): name for name, genres in _GENRES.items() for genre in genres.split(", ")}
_AXES = ("energy", "acousticness", "danceability", "valence", "instrumentalness")
_SOUNDS_LIKE = {
    "poster": (0.95, 0.02, 0.55, 0.35, 0.2),
    "signal": (0.75, 0.05, 0.75, 0.35, 0.8),
    "neon": (0.75, 0.15, 0.75, 0.8, 0.1),
    "air": (0.2, 0.6, 0.25, 0.15, 0.9),
    "classic": (0.15, 0.95, 0.25, 0.3, 0.8),
    "ballad": (0.25, 0.8, 0.45, 0.3, 0.1),
    "roots": (0.65, 0.35, 0.5, 0.65, 0.1),
    "swing": (0.45, 0.6, 0.6, 0.65, 0.5),
    "hand": (0.35, 0.7, 0.55, 0.6, 0.1),
}
"""A typical track of each style's music by `_AXES`, on Spotify's scales."""


def make_style(name: str, energy: float = 0.5) -> Style:
    """The style `name` for music of this energy (0 to 1): more energy, never lighter and never wider set.

    Raises `InputError` for an unknown name or an energy off its scale.
    """
    one_of("--type", name, STYLES)
    number_within("energy", energy, 0, 1)
    style = STYLES[name]
    return replace(
        style,
        weight=style.weight + round(HEAVIER * (energy - 0.5) / 50) * 50,
        tracking=style.tracking - TIGHTER * max(style.tracking, 0.02) * (energy - 0.5),
    )


def choose_style(attributes: Mapping[str, float], genres: Iterable[str] = ()) -> str:
    """The name of the style that suits music of these attributes (on Spotify's scales) and these genres.

    The first genre that is known decides, by the most words of it that are (`folk metal` is metal, `post rock` is not
    rock); without one the style whose typical track is nearest by the attributes that are there.
    """
    for genre in genres:
        words = _words(genre)
        parts = [words[i:j] for i in range(len(words)) for j in range(i + 1, len(words) + 1)]
        known = [part for part in parts if part in _STYLE_OF]
        if known:
            return _STYLE_OF[max(enumerate(known), key=lambda part: (len(part[1]), part[0]))[1]]
    heard = {axis: attributes[axis] for axis in _AXES if axis in attributes}

    def distance(name: str) -> float:
        typical = dict(zip(_AXES, _SOUNDS_LIKE[name], strict=True))
        return sum((value - typical[axis]) ** 2 for axis, value in heard.items())

    return min(STYLES, key=distance) if heard else "signal"
