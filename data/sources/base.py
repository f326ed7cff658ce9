"""The contract of a source: what it is asked for, what it gives, and how it says that something went wrong.

A source turns *items* (a search page, an album: things to ask a service for) into more items and into *records*
(tracks). It asks and it reads answers; everything else is done for it, by one collector for all sources: the order, the
journal, limits, retries, downloads, checks, duplicates and the writing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from data.sources.http import Http


@dataclass(frozen=True)
class Item:
    """Something to ask for: `kind` and `key` say what, and no item of one kind and key is asked for twice.

    `payload` (JSON) is what else the question needs, and must follow from kind and key alone: which of two equal items
    came first is left to chance. Those of lower `rank` come first, and within a rank the oldest; give what leads to
    records soonest the lowest, and the n-th of many equal ones n, so that a gathering cut short is a broad one.
    """

    kind: str
    key: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    rank: int = 0


@dataclass(frozen=True)
class Record:
    """A track: its row without files (`data.table.make_row`; `track_id` begins with the source's name and a colon),
    and the links under which its cover and its clip lie, tried in order until one can be had and decoded.

    `needs` names the files without which the record is of no use: it is then skipped, and the reason counted. Where a
    track comes twice, its genres are united; of all else the row that knows more is kept whole, with its files, and of
    two that know as much the lesser in a fixed order, so that it does not matter which came first.
    """

    row: Mapping[str, Any]
    covers: Sequence[str] = ()
    clips: Sequence[str] = ()
    needs: Sequence[str] = ("cover",)


@dataclass(frozen=True)
class Fill:
    """What another source knows of a record that is there: fills what is null in its row, and files that it lacks."""

    track_id: str
    row: Mapping[str, Any] = field(default_factory=dict)
    covers: Sequence[str] = ()
    clips: Sequence[str] = ()


@dataclass(frozen=True)
class Skip:
    """Something that the service has and that cannot be used, such as an entry without an id: counted by its reason."""

    subject: str
    reason: str


Found = Item | Record | Fill | Skip


class SourceError(Exception):
    """Why a service did not give what was asked; its text is short and the same for the same cause: it is counted."""


class Trouble(SourceError):
    """It may pass (no connection, status 500, half a body): asked again a few times, with longer and longer waits."""


class Gone(SourceError):
    """It will not pass (status 404, a body of an unknown shape): counted, and not asked again."""


class Refused(SourceError):
    """Not for us: status 401 or 403, a host that is not the service's, a private address. As final as `Gone`."""


class Expired(SourceError):
    """A link that was good once: the item that gave it is asked for a fresh one."""


class Later(SourceError):
    """The service asks us to wait `wait_s` seconds: short waits are kept, before a long one all is saved and left."""

    def __init__(self, reason: str, wait_s: float) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


@dataclass(frozen=True)
class Service:
    """How a service wants to be asked.

    At most `requests` in any window of `per_s` seconds reach `hosts` (the API), by all of this machine's collectors
    together. Files come from `file_hosts`, without that limit. A host may begin with `*.`; `*` alone is any public one.
    Nothing else is ever asked, whatever an answer or a redirect says.
    """

    hosts: tuple[str, ...]
    file_hosts: tuple[str, ...]
    requests: int
    per_s: float
    links_expire: bool = False  # files answer 403, 404 or 410 where a fresh link would do
    at_once: int = 4  # questions under way at one time


@dataclass(frozen=True)
class Terms:
    """What a service allows: told when gathering begins, and in the data card."""

    says: str
    may_train: bool


@dataclass(frozen=True)
class Endpoint:
    """One thing that a service offers, and whether it does today: the table of availability is made from these."""

    name: str
    gives: str
    today: str


class Source(ABC):
    """One service, or one kind of place, from which tracks come. A new one is a file here and a row in `registry`."""

    name: ClassVar[str]
    service: ClassVar[Service]
    terms: ClassVar[Terms]
    endpoints: ClassVar[tuple[Endpoint, ...]] = ()
    wants: ClassVar[Mapping[str, str]] = {}  # what may be wished for, as `name=value`, with a line of help each
    needs_secrets: ClassVar[tuple[str, ...]] = ()  # names in the environment or `.env`, found in `http.secrets`
    divided: ClassVar[frozenset[str]] = frozenset()
    """Kinds of items that `--part k/n` shares out: each part asks for its own and keeps all that they lead to. Items
    above them are asked for by every part, and of records found there each part keeps its share."""

    @abstractmethod
    def start(self, wishes: Sequence[tuple[str, str]]) -> Iterable[Item]:
        """The first items for `(name, value)` wishes, names out of `wants`; `InputError` for one that makes no sense.

        No request is made here. The same wishes given again add nothing; others are added to what is known.
        """

    @abstractmethod
    def expand(self, item: Item, http: Http) -> Iterable[Found]:
        """Asks for one item, in as few requests as it takes (best: one), and gives what was found.

        May run in several threads at once, and again for the same item after an error or a kill. Raises `SourceError`s,
        most of which `http` raises by itself, and `InputError` for what the user must change first, such as a key: the
        run ends, and all that is wanted stays wanted.
        """

    def fetch(self, link: str, http: Http) -> bytes | Path:
        """What lies under one of a record's links: its bytes, or where it lies on this machine."""
        return http.file(link)

    def enrich(self, row: Mapping[str, Any]) -> Item | None:
        """The item that asks this source for what another's record lacks, or None; it leads to a `Fill`.

        It is asked for once a record of the dataset where `gatefold collect --enrich` names this source. `row["cover"]`
        and `row["audio"]` are True where the record has them.
        """
        return None


def check(answer: Any, shape: type, what: str) -> Any:
    """`answer` where it is a `shape` (dict, list, str, int); else `Gone`: a service's answers are not to be trusted."""
    if not isinstance(answer, shape) or isinstance(answer, bool) != (shape is bool):
        raise Gone(f"{what} is not a {shape.__name__}")
    return answer
