"""Asking over HTTP: within a service's limits, with patience, and trusting no answer.

Every request, those of a service's own client library (`Http.session`) too, passes through one adapter. It waits for
its turn, refuses foreign hosts and private addresses, reads the body within a bound of bytes and of time, asks again
what may have been an accident, and keeps short waits that the service asks for. Redirects pass through it like first
requests.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
import threading
import time
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from data.covers import MAX_BYTES
from data.errors import InputError
from data.sources.addresses import NotPublic, check_address, pools
from data.sources.base import Expired, Gone, Later, Refused, Service, Trouble
from data.sources.limits import Limiter
from data.sources.secrets import Secrets

MAX_ANSWER_BYTES = 16 * 2**20
ROUTE_VARIABLE = "GATEFOLD_ROUTE"
"""Environment: a stand-in, `http://127.0.0.1:PORT`, to which all requests go, the host as the path's first folder."""
QUOTA_WAIT_S = 3600.0
_LONGEST_WAIT_S = 30 * 86_400.0
_CHUNK = 2**16
_MAY_PASS = frozenset({408, 425, 500, 502, 503, 504, 520, 521, 522, 524})
_GONE = frozenset({404, 410, 451})


@dataclass(frozen=True)
class Patience:
    """How long things are waited for, in seconds, and how often they are asked."""

    silence_s: float = 20.0  # between two parts of an answer
    answer_s: float = 60.0  # for a whole answer
    longest_wait_s: float = 60.0  # that a service may ask for before all is saved and left
    backoff_s: float = 0.5  # before the second try; doubled before each further one
    tries: int = 3  # of one request
    attempts: int = 4  # of one item or record, in one run


class Http:
    """What a source asks through. Safe to use from several threads."""

    def __init__(
        self,
        name: str,
        service: Service,
        *,
        secrets: Secrets | None = None,
        patience: Patience | None = None,
        route: str | None = None,
        limits: Path | None = None,
    ) -> None:
        """`route` sends all requests to a stand-in on this machine; in the folder `limits` all collectors count."""
        self.secrets = Secrets({}) if secrets is None else secrets
        self.patience = patience or Patience()
        self.closed: dict[str, str] = {}
        """Endpoints that this user may not or no longer ask, and why. A source writes it, the journal keeps it."""
        self._asked = 0
        self._service = service
        self._count = threading.Lock()
        self._stop = threading.Event()
        self._limiter = Limiter(service.requests, service.per_s, limits and limits / f"{name}.slots")
        self.session = self._session(service.hosts, MAX_ANSWER_BYTES, self._limiter, route)
        """A `requests.Session` to hand to a service's own client library; other hosts than the API's are refused."""
        self._files = self._session(service.file_hosts, MAX_BYTES, None, route)

    def _session(
        self, hosts: tuple[str, ...], max_bytes: int, limiter: Limiter | None, route: str | None
    ) -> requests.Session:
        session = requests.Session()
        session.headers["User-Agent"] = user_agent()
        session.auth = lambda request: request  # else ~/.netrc would be sent along
        adapter = _Adapter(self, hosts, max_bytes, limiter, route)
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        return session

    def json(
        self,
        url: str,
        params: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        check: Callable[[Any], None] | None = None,
    ) -> Any:
        """The JSON value that the API answers with.

        `check(value)` may raise a `SourceError` for an error that comes with status 200.
        Raises `Gone` (404, 410), `Refused` (401, 403), `Later`, `Trouble`.
        """
        with _told(self.secrets):
            answer = self.session.get(url, params=params, headers=headers)
            _raise_for(answer.status_code)
            try:
                value = json.loads(answer.content)
            except (ValueError, RecursionError) as error:
                raise Trouble("answer is not JSON") from error
            if check is not None:
                check(value)
            return value

    def file(self, url: str) -> bytes:
        """The bytes of a cover or clip; `Expired` where the service's links expire and this one seems to have."""
        with _told(self.secrets):
            answer = self._files.get(self.secrets.reveal(url))
            if self._service.links_expire and answer.status_code in (401, 403, *_GONE):
                raise Expired(f"link expired (status {answer.status_code})")
            _raise_for(answer.status_code)
            return answer.content

    def take_count(self) -> int:
        """How many requests were made since the last call."""
        with self._count:
            asked, self._asked = self._asked, 0
            return asked

    def close(self, endpoint: str, why: str) -> None:
        """Remembers that `endpoint` gives nothing to this user: it is told in the summary and not asked again."""
        self.closed[endpoint] = self.secrets.hide(why)

    def pause(self, seconds: float) -> None:
        """Lets no request to the API begin for so long, in no collector of this machine."""
        self._limiter.pause(seconds)

    def stop(self) -> None:
        """Ends all waiting: requests under way come to an end, those that wait for their turn raise `Trouble`."""
        self._stop.set()

    @property
    def stopped(self) -> bool:
        return self._stop.is_set()

    def _sleep(self, seconds: float) -> None:
        if self._stop.wait(seconds):
            raise Trouble("interrupted")

    def _asking(self) -> None:
        with self._count:
            self._asked += 1


def user_agent() -> str:
    """The name under which we ask, with the version, and a way to reach the user where `GATEFOLD_CONTACT` gives one."""
    contact = os.environ.get("GATEFOLD_CONTACT", "album cover research")
    return f"Gatefold/{version('gatefold')} ( {contact.encode('ascii', 'replace').decode()} )"


def _raise_for(status: int) -> None:
    if status in _GONE:
        raise Gone(f"status {status}")
    if status in (401, 403):
        raise Refused(f"status {status}")
    if not 200 <= status < 300:
        raise (Trouble if status >= 500 else Gone)(f"status {status}")


@contextlib.contextmanager
def _told(secrets: Secrets) -> Any:
    """What `requests` raises in words of ours, which never quote an address: it may hold a key."""
    try:
        yield
    except requests.TooManyRedirects as error:
        raise Gone("redirected in a circle") from error
    except (requests.RequestException, urllib3.exceptions.HTTPError, UnicodeError, ValueError) as error:
        raise Gone("not a usable address") from error


class _Adapter(HTTPAdapter):
    """What every request passes through; see the module."""

    def __init__(
        self, http: Http, hosts: tuple[str, ...], max_bytes: int, limiter: Limiter | None, route: str | None
    ) -> None:
        self._http, self._hosts, self._max_bytes = http, hosts, max_bytes
        self._limiter, self._route = limiter, route and _checked_route(route)
        super().__init__(pool_connections=8, pool_maxsize=64, max_retries=Retry(0, read=False))
        self.poolmanager.pool_classes_by_scheme = pools(http.patience.answer_s, public=not route)

    def proxy_manager_for(self, proxy: str, **how: Any) -> urllib3.ProxyManager:
        """A proxy, which may well be within our own network, but is not waited for any longer."""
        manager = super().proxy_manager_for(proxy, **how)
        manager.pool_classes_by_scheme = pools(self._http.patience.answer_s, public=False)
        return manager

    def send(self, request: requests.PreparedRequest, *_: Any, proxies: Any = None, **__: Any) -> requests.Response:
        """Sends a request until it is answered for good; the answer's body is read whole."""
        url = request.url or ""
        check_address(url, self._hosts)
        patience = self._http.patience
        factor, jitter = patience.backoff_s / 2, patience.backoff_s / 4
        schedule = Retry(patience.tries - 1, backoff_factor=factor, backoff_jitter=jitter)
        while True:
            try:
                response = self._once(request, proxies)
                trouble = self._trouble_of(response)
                if trouble is None:
                    return response
            except Trouble as error:
                trouble = error
            except (requests.Timeout, urllib3.exceptions.TimeoutError):
                trouble = Trouble("no answer in time")
            except TimeoutError:
                raise Trouble("interrupted") from None
            except (requests.ConnectionError, urllib3.exceptions.HTTPError) as error:
                if _comes_from(error, NotPublic):
                    raise Refused("a private address") from error
                trouble = Trouble("connection failed or broke")
            try:
                schedule = schedule.increment(request.method, url, error=trouble)
            except urllib3.exceptions.MaxRetryError:
                raise trouble from None
            self._http._sleep(schedule.get_backoff_time())

    def _once(self, request: requests.PreparedRequest, proxies: Any) -> requests.Response:
        patience = self._http.patience
        sent = request.copy()
        if self._route:
            host, rest = urllib.parse.urlsplit(request.url or "").netloc, urllib.parse.urlsplit(request.url or "")
            sent.url = f"{self._route}/{host}{urllib.parse.urlunsplit(('', '', rest.path or '/', rest.query, ''))}"
            proxies = None
        with self._limiter.slot(lambda: self._http.stopped) if self._limiter else contextlib.nullcontext():
            self._http._asking()
            timeout = (patience.silence_s, patience.silence_s)
            response = super().send(sent, stream=True, timeout=timeout, proxies=proxies)
            response.url, response.request = request.url or "", request
            response._content = _read_body(response, self._max_bytes)
            response._content_consumed = True
        return response

    def _trouble_of(self, response: requests.Response) -> Trouble | None:
        """Why this answer is none yet; None where it is one. Waits where the service asks for a short wait."""
        status, longest_s = response.status_code, self._http.patience.longest_wait_s
        wait_s = _retry_after(response.headers.get("Retry-After"))
        if status == 429:
            quota = b"QUOTA_EXCEEDED" in response.content
            reason = "QUOTA_EXCEEDED" if quota else "too many requests"
            wait_s = wait_s if wait_s is not None else QUOTA_WAIT_S if quota else 1.0
            if wait_s > longest_s or quota:
                raise Later(reason, wait_s)
        elif status in _MAY_PASS:
            reason = f"status {status}"
            if wait_s is not None and wait_s > longest_s:
                raise Later(reason, wait_s)
        else:
            return None
        if wait_s:
            if self._limiter:
                self._limiter.pause(wait_s)
            self._http._sleep(wait_s)
        return Trouble(reason)


def _read_body(response: requests.Response, max_bytes: int) -> bytes:
    """The decoded body; `Trouble` where it is larger than allowed."""
    parts, size = [], 0
    try:
        while part := response.raw.read1(_CHUNK, decode_content=True):
            parts.append(part)
            size += len(part)
            if size > max_bytes:
                raise Trouble(f"larger than {max_bytes // 2**20} MiB")
    except BaseException:
        response.raw.close()
        raise
    response.raw.release_conn()
    return b"".join(parts)


def _retry_after(text: str | None) -> float | None:
    """Seconds out of a Retry-After header, a number or a date; None where it has none that can be read."""
    if not text:
        return None
    with contextlib.suppress(ValueError):
        return min(max(int(text), 0), _LONGEST_WAIT_S)
    with contextlib.suppress(ValueError, TypeError, OverflowError):
        return min(max(parsedate_to_datetime(text).timestamp() - time.time(), 0.0), _LONGEST_WAIT_S)
    return None


def _checked_route(route: str) -> str:
    host = urllib.parse.urlsplit(route).hostname or ""
    with contextlib.suppress(ValueError):
        if ipaddress.ip_address(host).is_loopback:
            return route.rstrip("/")
    raise InputError(ROUTE_VARIABLE, "leads elsewhere than to a server on this machine (http://127.0.0.1:PORT)")


def _comes_from(error: BaseException, kind: type[BaseException]) -> bool:
    """Whether an exception of `kind` is among an error, its reasons and its causes."""
    seen: list[Any] = [error]
    for one in seen:  # grows while it is walked
        more = (getattr(one, "reason", None), *getattr(one, "args", ()), one.__cause__, one.__context__)
        seen += [cause for cause in more if isinstance(cause, BaseException) and cause not in seen]
    return any(isinstance(one, kind) for one in seen)
