"""What is set on a cover: the user's words or those of the file's own tags, in a style that suits the music."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from data.errors import InputError, printable
from scripts.making import Lettering
from scripts.shell import complain


@dataclass(frozen=True)
class Words:
    """What the user wants set: a title and an artist in words or, where `titled`, as each file's tags have them; in a
    style of this name, or in the one that suits the music.
    """

    title: str | None = None
    artist: str | None = None
    titled: bool = False
    style: str | None = None

    @classmethod
    def parse(cls, title: str | None, artist: str | None, titled: bool, style: str | None, covers_for: int) -> Words:
        """From the command line's options, for covers of so many tracks or albums; `InputError` names the one that is
        wrong.
        """
        if style is not None and not titled and title is None and artist is None:
            raise InputError("--type", "there is nothing to set: give --title, --artist or --titled")
        if title is not None and covers_for > 1:
            raise InputError("--title", "is for one track or an --album; --titled takes each track's own title")
        if style is not None:
            from gans.typestyles import make_style

            make_style(style)
        return cls(_checked(title, "--title"), _checked(artist, "--artist"), titled, style)

    def for_track(self, track: Path, attributes: Mapping[str, float], tags: Sequence[str]) -> Lettering | None:
        """What is set on the cover of a track with these attributes and wished tags; None for nothing.

        Where tags are read and have no title, the file's name is it. What cannot be set of them is told and left out.
        """
        artist = title = None
        if self.titled:
            artist, _, title = _names(track)
            title = title or track.stem.replace("_", " ")
        return self._lettering(title, artist, track, [track], attributes, tags)

    def for_wishes(self, attributes: Mapping[str, float], tags: Sequence[str]) -> Lettering | None:
        """What is set on a cover that no track was heard for: the user's own words."""
        return self._lettering(None, None, "cover", [], attributes, tags)

    def for_album(
        self, name: str, tracks: Sequence[Path], attributes: Mapping[str, float], tags: Sequence[str]
    ) -> Lettering | None:
        """What is set on an album's cover: its name, and whose it is where all tracks say the same."""
        artists = {_album_artist(track) for track in tracks} if self.titled else set()
        artist = artists.pop() if len(artists) == 1 else None
        return self._lettering(name, artist, name, tracks, attributes, tags)

    def _lettering(
        self,
        title: str | None,
        artist: str | None,
        subject: str | Path,
        tracks: Sequence[Path],
        attributes: Mapping[str, float],
        tags: Sequence[str],
    ) -> Lettering | None:
        """Of what the files say, where that is wished."""
        found = [_settable(text or "", subject) if self.titled else "" for text in (title, artist)]
        title, artist = (
            own if text is None else text for own, text in zip(found, (self.title, self.artist), strict=True)
        )
        if not title and not artist:
            return None
        from gans.typestyles import choose_style

        genres = chain(tags, (genre for track in tracks for genre in _genres(track)))  # read where no tag decides
        style = self.style or choose_style(attributes, genres)
        return Lettering(title, artist, style, round(attributes.get("energy", 0.5), 2))


def _checked(text: str | None, option: str) -> str | None:
    """A user's own words as they can be set; `InputError` where they cannot."""
    if text is None:
        return None
    from gans.typefaces import clean_type

    clean, left_out = clean_type(text, option)
    _remark(option, clean, left_out)
    return clean


def _settable(text: str, subject: str | Path) -> str:
    """Of what a file says, what can be set; the rest is told."""
    from gans.typefaces import clean_type

    try:
        clean, left_out = clean_type(text, str(subject))
    except InputError as error:
        complain(f"{error}; left out")
        return ""
    _remark(str(subject), clean, left_out)
    return clean


def _remark(subject: str, clean: str, left_out: str) -> None:
    from gans.typefaces import can_shape, needs_shaping

    if left_out:
        complain(f"{printable(subject)}: no typeface here has {printable(left_out)}; left out")
    if needs_shaping(clean) and not can_shape():
        complain(f"{printable(subject)}: set letter by letter, since this machine's Pillow lacks libraqm and FriBiDi")


def _names(track: Path) -> tuple[str | None, str | None, str | None]:
    from data.library import read_names  # it loads what reads tags and tables: without --titled none is needed

    return read_names(track)


def _album_artist(track: Path) -> str | None:
    from data.library import read_album

    return read_album(track)[0]


def _genres(track: Path) -> list[str]:
    from data.library import read_genres

    return read_genres(track)
