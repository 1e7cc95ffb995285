"""A stretch of a server's history: each resource's last version in it, and whether it is whole.

A history tells no total to rely on, so a page without a next link looks like its end. The server's
counts prove it: as many resources changed in the stretch, and as many are living, as were shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import MAXYEAR, datetime, timedelta

from fhirkit.core.resource import ResourceKey
from fhirkit.remote.capability import Capability
from fhirkit.remote.changes import PAGE, Change
from fhirkit.remote.client import Client
from fhirkit.remote.instant import utc
from fhirkit.remote.listing import ask_each, count_of
from fhirkit.remote.paging import smaller_page
from fhirkit.sync.entry import version_id
from fhirkit.sync.plan import version_number

#: Nothing on a FHIR server is older: a count of what is shows that the condition is not heeded.
_NEVER = "lt1900-01-01T00:00:00Z"
_LATEST = "9999"


class Window:
    """The versions of one stretch of history: which is each resource's last, as far as they say."""

    def __init__(self) -> None:
        #: Of these only a read tells what they now are.
        self.doubtful: set[ResourceKey] = set()
        self._latest: dict[ResourceKey, tuple[str, int, str]] = {}
        self._deleted: dict[ResourceKey, str] = {}
        #: Whether rows came again in a way that may have kept others from coming.
        self.repeats = False
        #: Whether no row came after an older one: what is cut off then is the oldest.
        self.newest_first = True
        #: How many rows came.
        self.size = 0
        self._rows: set[int] = set()
        self._before: list[int] = []
        self._oldest = _LATEST

    def begin_page(self, page: Sequence[tuple[ResourceKey, Change]]) -> None:
        """Look whether a page goes on where the last one ended.

        Where others write meanwhile a page may begin with the last rows of the page before it: the
        rows have moved on, and none is lost. Any other row that comes again took one's place.
        """
        self.size += len(page)
        known = [(key, change) for key, change in page if _mark(change) is not None]
        rows = [hash((key, change.resource is None, _mark(change))) for key, change in known]
        most = min(len(rows), len(self._before) - 1)
        moved = next(
            (size for size in range(most, 0, -1) if rows[:size] == self._before[-size:]), 0
        )
        fresh = rows[moved:]
        self.repeats |= len(set(fresh)) < len(fresh) or not self._rows.isdisjoint(fresh)
        self._rows.update(fresh)
        self._before = rows
        for _, change in known[moved:]:
            at = utc(change.at) or ""
            self.newest_first &= "" < at <= self._oldest
            self._oldest = at

    def is_last(self, key: ResourceKey, change: Change) -> bool:
        """Whether this is the last version so far; a deletion always has to be asked about."""
        if change.resource is None:
            self._deleted[key] = max(self._deleted.get(key, ""), utc(change.at) or "")
            self.doubtful.add(key)
            return False
        if key in self._deleted:
            self.doubtful.add(key)
        version = version_id(change.resource)
        place = (utc(change.at) or "", version_number(version), version or "")
        before = self._latest.get(key)
        if before is None:
            self._latest[key] = place
            return True
        if place != before and _unordered(place, before):
            self.doubtful.add(key)  # only a read tells
        if place <= before:
            return False
        self._latest[key] = place
        return True

    def written(self) -> Mapping[ResourceKey, str]:
        """The resources of which a version was written, whatever became of them since, and when
        the last one was; empty where the server does not say.
        """
        return {key: at for key, (at, _, _) in self._latest.items()}

    @property
    def smaller(self) -> int:
        """The size of the pages by which another walk shows whether this one was cut off."""
        return smaller_page(PAGE, self.size)

    def shows_the_same(self, other: Window) -> bool:
        """Whether it has the last versions and deletions of the other, an earlier one, and beyond
        that only what is newer.
        """
        newest = max([*other.written().values(), *other._deleted.values()], default="")
        more = [at for _, (at, _, _) in self._latest.items() - other._latest.items()]
        more += [at for _, at in self._deleted.items() - other._deleted.items()]
        return (
            other._latest.keys() <= self._latest.keys()
            and other._deleted.keys() <= self._deleted.keys()
            and all(newest and at > newest for at in more)
        )


def _unordered(one: tuple[str, int, str], other: tuple[str, int, str]) -> bool:
    """Whether times and versions do not tell which of two versions is the later.

    Times may be those of a clock that was set back, or of whole seconds; versions may be no
    numbers.
    """
    numbered, timed = one[1] and other[1], one[0] and other[0]
    if not numbered:
        return not timed or one[0] == other[0]
    return not timed or ((one[1] < other[1]) != (one[0] < other[0]) and one[0] != other[0])


def _mark(change: Change) -> str | None:
    """What tells a version from the others of its resource, as far as the server says."""
    return (version_id(change.resource) if change.resource is not None else None) or change.at


def _second_after(instant: str) -> str:
    """The next whole second: some servers search no finer."""
    moment = datetime.fromisoformat(instant).replace(microsecond=0)
    if moment.year < MAXYEAR:
        moment += timedelta(seconds=1)
    return moment.isoformat().replace("+00:00", "Z")


def more_than(
    client: Client,
    capability: Capability,
    kinds: Iterable[str],
    window: Window,
    living: Collection[ResourceKey],
    *conditions: str,
) -> set[str] | None:
    """The types of which more was written, or more deleted, than the window shows.

    ``conditions`` on ``_lastUpdated`` tell its stretch of time, the first of them its begin, and
    a second one its end; ``living`` is what the server is believed to hold. None when the server
    does not count.
    """
    wanted = sorted(kinds)
    if not all(capability.searches(kind, "_lastUpdated") for kind in wanted):
        return None
    held = Counter(key.type for key in living)
    times: dict[str, list[str]] = {kind: [] for kind in wanted}
    since = utc(conditions[0].removeprefix("ge")) if conditions else None
    for key, at in window.written().items():
        # Where the server shows more of its history than was asked for, that is not counted.
        if key in living and not (at and since and at < since):
            times[key.type].append(at)

    def differs(kind: str) -> bool | None:
        # In this order: what is created in between shows in the second, and hides no deletion.
        every = count_of(client, kind)
        now = count_of(client, kind, *conditions)
        if now is None or every is None:
            return None
        # What is new to us counts only as far as the window reaches.
        fitting = every if len(conditions) < 2 else count_of(client, kind, *conditions[1:])
        if now > len(times[kind]) or every < held[kind] or (fitting or 0) > held[kind]:
            # A server that heeds no such condition counts everything.
            return None if count_of(client, kind, _NEVER) else True
        # One that is shown in an old version, but not in its last, counts as well. Where the
        # newest do not come first it is one of them that would be missing.
        newest = "" if window.newest_first else max(times[kind], default="")
        if not newest:
            return False
        return bool(count_of(client, kind, f"ge{_second_after(newest)}", *conditions[1:]))

    found = dict(ask_each(differs, wanted))
    if None in found.values():
        return None
    return {kind for kind, one in found.items() if one}
