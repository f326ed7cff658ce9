"""What Spotify is asked for, one step for each kind of item.

In development mode there are no batches, a page has ten entries, and some hundreds of requests are a day's worth; a
page of the search gives ten whole tracks, and is the best that can be had there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from spotipy import Spotify

from data.cells import clean_text
from data.sources.answers import entries, inner, isrc_of, texts
from data.sources.base import Found, Gone, Item, Skip, check
from data.sources.spotify_client import LARGE_PAGE, SMALL_PAGE, Client
from data.sources.spotify_tracks import id_of, main_artist, record_of
from data.splits import normalised_artist

_DEEPEST = 1_000  # results of one search
_ROUND = 20  # ranks between two pages of one genre, in which its artists' first albums find room
_LONGEST_WORDS = 100  # characters of a name in a search

# Below an artist, all items carry a label: {"artist": id, "genre": wished, "genres": given to that artist's tracks}.
# Spotify's own genres are the artist's. Where it shows none, the genre stands for them under which one was found, and
# who is found under two is asked for under each: only then is "genre", a part of the items' keys, not empty.
Label = Mapping[str, Any]
NOBODY: Label = {"artist": "", "genre": "", "genres": []}


def genre_item(text: str, offset: int = 0, rank: int = 0) -> Item:
    genre = text.lower()
    return Item("genre", f"{genre}+{offset}", {"genre": genre, "offset": offset}, rank)


def below(label: Label, kind: str, what: str, offset: int = 0, rank: int = 0, **more: Any) -> Item:
    """An item that asks for `what` (an id), from `offset` on, of the artist and genre of a label."""
    payload = {name: label[name] for name in NOBODY} | {"id": what, "offset": offset} | more
    return Item(kind, f"{what}+{offset}/{label['artist']}/{label['genre']}", payload, rank)


def _next_offset(page: Any, size: int, offset: int) -> int | None:
    """Where the next page begins, None where this one says that it is the last, or is empty."""
    return offset + size if inner(page, "next") and inner(page, "items") else None


def _words(text: str | None) -> str:
    return (text or "").replace('"', " ")[:_LONGEST_WORDS]


def _genre(client: Client, item: Item) -> Iterator[Found]:
    genre, offset = item.payload["genre"], item.payload["offset"]
    asked = f'genre:"{_words(genre)}"'
    page, size = client.page(
        "search", lambda api, limit: api.search(asked, limit=limit, offset=offset, type="artist,track")
    )
    check(inner(page, "artists", "items"), list, "artists")
    for artist in entries(page, "artists", "items"):
        yield from _artist_found(artist, genre, item.rank)
        native = id_of(artist.get("id"))
        if native and "related artists" not in client.http.closed:
            yield Item("related", native, rank=item.rank + _ROUND // 2)
    yield from _records(client, entries(page, "tracks", "items"), {**NOBODY, "genres": [genre]})
    more = [_next_offset(inner(page, kind), size, offset) for kind in ("artists", "tracks")]
    if any(more) and offset + size < _DEEPEST:
        yield genre_item(genre, offset + size, item.rank + _ROUND)


def _artist_found(artist: Mapping[str, Any], genre: str, rank: int) -> Iterator[Found]:
    native, own = id_of(artist.get("id")), texts(artist, "genres")
    if native is None:
        yield Skip(f"artist {clean_text(artist.get('name'))}", "no id")
        return
    # An artist's own genres are the same however he was found, and so is all below him.
    label = {"artist": native, "genre": "" if own else genre, "genres": own or [genre] * bool(genre)}
    yield below(label, "albums", native, rank=rank + 1)


def _name(client: Client, item: Item) -> Iterator[Found]:
    asked = f'artist:"{_words(item.key)}"'
    page = client.ask(lambda api: api.search(asked, limit=SMALL_PAGE, type="artist"))
    for artist in entries(page, "artists", "items"):
        if normalised_artist(clean_text(artist.get("name"))) == normalised_artist(item.key):
            yield from _artist_found(artist, "", item.rank)
            return
    raise Gone("no artist of this name")


def _artist(client: Client, item: Item) -> Iterator[Found]:
    artist = check(client.ask(lambda api: api.artist(item.key)), dict, "artist")
    yield from _artist_found(artist | {"id": item.key}, "", item.rank)


def _related(client: Client, item: Item) -> Iterator[Found]:
    answer = client.ask_open("related artists", lambda: client.ask(lambda api: api.artist_related_artists(item.key)))
    for artist in entries(answer, "artists"):
        yield from _artist_found(artist, "", item.rank)


def _albums(client: Client, item: Item) -> Iterator[Found]:
    artist, offset = item.payload["id"], item.payload["offset"]
    page, size = client.page(
        "artist albums",
        lambda api, limit: api.artist_albums(artist, include_groups="album,single", limit=limit, offset=offset),
    )
    check(inner(page, "items"), list, "albums")
    for number, album in enumerate(entries(page, "items")):
        native = id_of(album.get("id"))
        if native:
            yield below(item.payload, "album", native, rank=item.rank + 1 + number)
        else:
            yield Skip(f"album {clean_text(album.get('name'))} of {artist}", "no id")
    following = _next_offset(page, size, offset)
    if following:
        yield below(item.payload, "albums", artist, following, rank=item.rank + size)


def _album(client: Client, item: Item) -> Iterator[Found]:
    album = check(client.ask(lambda api: api.album(item.payload["id"])), dict, "album")
    about = {"album": clean_text(album.get("name")), "by": main_artist(album)}
    yield from _tracks_of(item, album.get("tracks"), about, LARGE_PAGE)


def _rest(client: Client, item: Item) -> Iterator[Found]:
    album, offset = item.payload["id"], item.payload["offset"]
    page, size = client.page("album tracks", lambda api, limit: api.album_tracks(album, limit=limit, offset=offset))
    check(inner(page, "items"), list, "tracks")
    about = {name: item.payload[name] for name in ("album", "by")}
    yield from _tracks_of(item, page, about, size)


def _tracks_of(item: Item, page: Any, about: Mapping[str, Any], size: int) -> Iterator[Found]:
    """Items that ask for the whole tracks of a page of an album, and for its next page."""
    album, offset = item.payload["id"], item.payload["offset"]
    found = entries(page, "items")
    ids = [native for native in (id_of(track.get("id")) for track in found) if native]
    for start in range(0, len(ids), LARGE_PAGE):
        these = ids[start : start + LARGE_PAGE]
        yield below(item.payload, "batch", album, offset + start, ids=these, **about)
    for track in found:
        if id_of(track.get("id")) is None:
            yield Skip(f"track {clean_text(track.get('name'))} of album {album}", "no id")
    limit = inner(page, "limit")
    following = _next_offset(page, limit if isinstance(limit, int) and 0 < limit < size else size, offset)
    if following or (page is None and offset == 0):
        yield below(item.payload, "rest", album, following or 0, rank=item.rank, **about)


def _batch(client: Client, item: Item) -> Iterator[Found]:
    ids = list(dict.fromkeys(item.payload["ids"]))
    try:
        together = client.ask_open("tracks at once", lambda: client.ask(lambda api: api.tracks(ids)))
    except Gone:  # for the sake of one of them
        together = None
    if together is not None:
        check(inner(together, "tracks"), list, "tracks")
        shown = {id_of(track.get("id")): track for track in entries(together, "tracks")}
        yield from _records(client, [shown[native] for native in ids if native in shown], item.payload)
        yield from (Skip(f"track {native}", "not shown") for native in ids if native not in shown)
        return
    found = _searched(client, item) if len(ids) > 1 else {}
    yield from _records(client, list(found.values()), item.payload)
    yield from (below(item.payload, "track", native) for native in ids if native not in found)


def _searched(client: Client, item: Item) -> dict[str, dict[str, Any]]:
    """Those of an album's tracks that a search for the album finds, by their ids: ten in one request."""
    ids = set(item.payload["ids"])
    asked = f'album:"{_words(item.payload["album"])}" artist:"{_words(item.payload["by"])}"'
    found: dict[str, dict[str, Any]] = {}
    offset: int | None = 0

    def search(api: Spotify, limit: int) -> Any:
        return api.search(asked, limit=limit, offset=offset, type="track")

    while offset is not None and len(ids - set(found)) > 1:
        page, size = client.page("search", search)
        new = {track["id"]: track for track in entries(page, "tracks", "items") if id_of(track.get("id")) in ids}
        offset = _next_offset(inner(page, "tracks"), size, offset) if new.keys() - found.keys() else None
        found |= new
    return found


def _track(client: Client, item: Item) -> Iterator[Found]:
    track = check(client.ask(lambda api: api.track(item.payload["id"])), dict, "track")
    yield from _records(client, [track], item.payload)


def _isrc(client: Client, item: Item) -> Iterator[Found]:
    page = client.ask(lambda api: api.search(f"isrc:{item.key}", limit=SMALL_PAGE, type="track"))
    check(inner(page, "tracks", "items"), list, "tracks")
    found = [
        track
        for track in entries(page, "tracks", "items")
        if isrc_of(inner(track, "external_ids", "isrc")) in (item.key, None)
    ]
    if not found:
        raise Gone("no track with this ISRC")
    yield from _records(client, found, NOBODY)


def _playlist(client: Client, item: Item) -> Iterator[Found]:
    playlist, offset = item.payload["playlist"], item.payload["offset"]
    answer = client.ask_open(
        "playlists",
        lambda: client.page(
            "playlist items",
            lambda api, limit: api.playlist_items(playlist, limit=limit, offset=offset, additional_types=("track",)),
        ),
        shut={403, 410},  # 404: this playlist alone
    )
    if answer is None:
        raise Gone("playlists are not for this app")
    page, size = answer
    check(inner(page, "items"), list, "playlist")
    tracks = entries([entry.get("item") or entry.get("track") for entry in entries(page, "items")])
    yield from _records(client, [track for track in tracks if track.get("type") != "episode"], NOBODY)
    following = _next_offset(page, size, offset)
    if following:
        yield Item("playlist", f"{playlist}+{following}", {"playlist": playlist, "offset": following}, item.rank + 1)


def _records(client: Client, tracks: Sequence[Mapping[str, Any]], label: Label) -> Iterator[Found]:
    """Whole track objects as records, with their audio features where this app may have them."""
    features = client.features([native for native in (id_of(track.get("id")) for track in tracks) if native])
    for track in tracks:
        # An artist's genres are not those of others on an album of several.
        own = not label["artist"] or label["artist"] in [artist.get("id") for artist in entries(track, "artists")]
        yield record_of(track, label["genres"] if own else [], features.get(str(track.get("id")), {}))


STEPS: Mapping[str, Callable[[Client, Item], Iterator[Found]]] = {
    "genre": _genre,
    "name": _name,
    "artist": _artist,
    "related": _related,
    "albums": _albums,
    "album": _album,
    "rest": _rest,
    "batch": _batch,
    "track": _track,
    "isrc": _isrc,
    "playlist": _playlist,
}
