"""Spotify's Web API through spotipy's own client: its keys, its errors in our words, and what this app may ask.

Which endpoints an app may ask depends on its age and its quota, and Spotify tells it nowhere: the first question to
each shows it (`Client.ask_open`), and those that are shut are remembered.
"""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from contextlib import nullcontext
from typing import Any, TypeVar

import requests
import spotipy

from data.errors import InputError
from data.sources.answers import entries
from data.sources.base import Gone, Later, Refused, SourceError, Trouble
from data.sources.http import Http

# Its messages quote whole addresses, and at their most talkative the keys.
logging.getLogger("spotipy").setLevel(logging.CRITICAL)

LARGE_PAGE, SMALL_PAGE = 50, 10
SHUT = frozenset({403, 404, 410})
_INVALID_LIMIT = 4000  # a number of our own for status 400 where it complains of a page's size

T = TypeVar("T")


class Client:
    """One app's access. Safe to use from several threads."""

    def __init__(self, http: Http) -> None:
        self.http = http
        keys = _Keys(
            http.secrets["SPOTIPY_CLIENT_ID"],
            http.secrets["SPOTIPY_CLIENT_SECRET"],
            requests_session=http.session,
            cache_handler=spotipy.MemoryCacheHandler(),  # the default is a file in the working directory
        )
        self._keys = keys
        self._api = spotipy.Spotify(auth_manager=keys, requests_session=http.session)
        self._open: set[str] = set()
        self._first: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def ask(self, question: Callable[[spotipy.Spotify], Any]) -> Any:
        """The answer to one call of spotipy's; errors are those of `Http.json`, and for wrong keys `InputError`."""
        try:
            return self._ask_once(question)
        except _Denied as error:
            if error.status != 401:
                raise
            self._keys.forget_token()  # it has expired before its time
            return self._ask_once(question)

    def ask_open(self, endpoint: str, question: Callable[[], T], shut: Collection[int] = SHUT) -> T | None:
        """The answer, or None where the endpoint is shut to this app.

        It is shut where the first answer has one of the statuses `shut`; until that has come, nobody else asks. Once it
        has answered well, such a status is an error of the one question.
        """
        with nullcontext() if endpoint in self._open else self._first[endpoint]:
            if endpoint in self.http.closed:
                return None
            try:
                answer = question()
            except _Answered as error:
                if error.status not in shut or endpoint in self._open:
                    raise
                self.http.close(endpoint, f"{error}, not for this app")
                return None
            self._open.add(endpoint)
            return answer

    def page(self, endpoint: str, question: Callable[[spotipy.Spotify, int], Any]) -> tuple[Any, int]:
        """A page and the size that was asked for: as large as this app may have it (status 400, "Invalid limit")."""
        large = self.ask_open(
            f"{endpoint}, {LARGE_PAGE} a page",
            lambda: self.ask(lambda api: question(api, LARGE_PAGE)),
            shut={_INVALID_LIMIT},
        )
        if large is not None:
            return large, LARGE_PAGE
        return self.ask(lambda api: question(api, SMALL_PAGE)), SMALL_PAGE

    def features(self, tracks: Sequence[str]) -> dict[str, dict[str, Any]]:
        """The audio features of tracks by their ids, of as many as there are: none where they are shut to this app."""
        if not tracks:
            return {}
        try:
            answer = self.ask_open("audio features", lambda: self.ask(lambda api: api.audio_features(list(tracks))))
        except (Gone, Refused):
            return {}
        return {one["id"]: one for one in entries(answer) if isinstance(one.get("id"), str)}

    def _ask_once(self, question: Callable[[spotipy.Spotify], Any]) -> Any:
        try:
            answer = question(self._api)
        except spotipy.SpotifyOauthError:
            raise InputError("SPOTIPY_CLIENT_ID and SPOTIPY_CLIENT_SECRET", "not accepted by Spotify") from None
        except spotipy.SpotifyException as error:
            raise self._error_of(error) from None
        except (ValueError, KeyError, TypeError, AttributeError):  # what spotipy makes of half an answer
            raise Trouble("an answer of an unknown shape") from None
        except requests.RequestException:
            raise Gone("not a usable address") from None
        if answer is None:
            raise Trouble("answer is not JSON")
        return answer

    def _error_of(self, error: spotipy.SpotifyException) -> SourceError:
        status, said = int(error.http_status), str(error.msg).partition("\n")[2].lower()
        if status == 403 and "premium" in said:
            # Ends the run with all that is wanted still wanted: it is for the user to change.
            wait_s = self.http.patience.longest_wait_s + 1
            return Later("status 403: the owner of a development app needs Spotify Premium", wait_s)
        if status >= 500:
            return Trouble(f"status {status}")
        if status in (401, 403):
            return _Denied(status)
        return _Missing(_INVALID_LIMIT if status == 400 and "limit" in said else status)


class _Answered(SourceError):
    """An answer whose status is an error."""

    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}" if status != _INVALID_LIMIT else "status 400, invalid limit")
        self.status = status


class _Denied(_Answered, Refused):
    pass


class _Missing(_Answered, Gone):
    pass


class _Keys(spotipy.SpotifyClientCredentials):
    """A token for all threads: the first who needs one asks, the others wait for it."""

    def __init__(self, *given: Any, **named: Any) -> None:
        self._alone = threading.Lock()
        super().__init__(*given, **named)

    def get_access_token(self, as_dict: bool = True, check_cache: bool = True) -> Any:
        with self._alone:
            return super().get_access_token(as_dict, check_cache)

    def forget_token(self) -> None:
        with self._alone:
            self.cache_handler.save_token_to_cache(None)
