"""Learn what the server holds, without touching a file: pages in, ``tracked`` rows out.

A history since the watermark where the server offers one, else every resource of a type. Nothing
but one page is held in memory. The watermark moves only with the last page, is the server's own
time less an overlap, and a deletion is believed only after a direct read.

https://hl7.org/fhir/R4/http.html#history
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from fhirkit.core.errors import BadAnswer, Blocked, Incomplete, Refused
from fhirkit.core.resource import ResourceKey, content_hash
from fhirkit.remote.capability import Capability
from fhirkit.remote.changes import PAGE, changes_since, every_resource
from fhirkit.remote.failures import Busy
from fhirkit.remote.instant import utc
from fhirkit.sync.base import BaseStore
from fhirkit.sync.config import LATE_COMMIT
from fhirkit.sync.counterpart import Counterpart
from fhirkit.sync.entry import Base, Entry, version_id
from fhirkit.sync.plan import version_number
from fhirkit.sync.selection import NOT_FOR_US, wanted_types
from fhirkit.sync.window import Window, more_than
from fhirkit.sync.worktree import is_id

#: The usual overlap of two fetches, in seconds.
OVERLAP = LATE_COMMIT
_WALKS = 3
#: The selection of everything that the server can list.
ALL = "*"


@dataclass(slots=True)
class Fetched:
    """What was asked about: ``kinds`` whole (None: everything), or the given ``keys``."""

    kinds: frozenset[str] | None = None
    keys: frozenset[ResourceKey] | None = None
    notes: list[str] = field(default_factory=list)
    incomplete: bool = False
    read: int = 0

    def covers(self, key: ResourceKey) -> bool:
        """Whether the fetch says something about this resource."""
        if self.keys is not None:
            return key in self.keys
        return self.kinds is None or key.type in self.kinds


class Fetch:
    """One fetch from one remote.

    ``recognise`` is asked whether this is still the server that the base is about, before anything
    of a type is stored, unless the first page shows it: it raises when it is not. ``overlap``: a
    transaction may become visible so many seconds after the time that it carries. ``strict``: a
    history that is offered and cannot be read is an error, and not a reason to read everything.
    """

    def __init__(
        self,
        server: Counterpart,
        store: BaseStore,
        base: Base,
        recognise: Callable[[], None] = lambda: None,
        overlap: float = OVERLAP,
        *,
        strict: bool = False,
    ) -> None:
        self.server = server
        self.store = store
        self.base = base
        self.overlap = overlap
        self.strict = strict
        self.result = Fetched()
        self._graves = store.tombstones()
        self._tracked = store.tracked()
        self._began: str | None = None
        self._first: str | None = None
        self._newest: str | None = None
        self._untimed = False
        self._own_clock = False
        self._recognise = recognise
        self._recognised = False

    def again(self) -> Fetch:
        """A new one from the beginning, with what the first has stored."""
        return Fetch(
            self.server, self.store, self.base, self._recognise, self.overlap, strict=self.strict
        )

    def types(
        self, capability: Capability, types: Iterable[str] | None, *, history: bool = True
    ) -> Fetched:
        """Everything of the given types, or of all types that the server can search.

        Without ``history`` all of it is read, and not only what changed.
        """
        wanted = wanted_types(capability, types)
        self.result.kinds = None if types is None else frozenset(wanted)
        since = self.store.watermark(ALL)
        if not history:
            capability = capability.without_history()
        if types is None and since is not None and capability.has_system_history:
            if self._listed(capability, since, None):
                self.advance([ALL], first=False)
                return self.result
            capability = capability.without_history()
        moments: list[str | None] = []
        for kind in wanted:
            self._began = self._newest = None
            self._untimed = False
            read = self.result.read
            try:
                whole = self._kind(capability, kind, since)
            except Refused as problem:
                if types is not None or problem.status not in NOT_FOR_US:
                    raise
                self.result.incomplete = True
                self.result.notes.append(f"{kind}: {problem.message}")
                continue
            moment = self.advance([kind], first=whole)
            if moment is not None or not whole or self.result.read > read:
                moments.append(moment or self.store.watermark(kind) or since)
            # Else there is nothing of the type: what comes is found since the others' time.
        known = [one for one in moments if one is not None]
        if types is None and known and not self.result.incomplete and len(known) == len(moments):
            if self._first is not None:
                known.append(self._mark(self._first))
            self.store.advance([ALL], min(known))
        return self.result

    def given(
        self, resources: Mapping[ResourceKey, dict[str, Any]], absent: Iterable[ResourceKey]
    ) -> Fetched:
        """Resources that were selected and read elsewhere, under the server's ids."""
        keys: set[ResourceKey] = set()
        with self.store.transaction():
            for resource in resources.values():
                keys.add(self.learn(resource))
            for key in absent:
                keys.add(key)
                self._gone(key)
        self.result.keys = frozenset(keys)
        return self.result

    def _kind(self, capability: Capability, kind: str, since: str | None) -> bool:
        """Fetch one type; whether it was read whole, and not only what changed."""
        since = max(filter(None, (since, self.store.watermark(kind))), default=None)
        if (
            since is not None
            and capability.has_history(kind)
            and self._listed(capability, since, kind)
        ):
            return False
        self.whole(kind)
        return True

    def whole(self, kind: str) -> set[ResourceKey]:
        """Read every resource of a type; what was found."""
        seen: set[ResourceKey] = set()
        for rows in every_resource(self.server.client, kind, clock=self._clock):
            self.known_by(map(ResourceKey.of, rows))
            with self.store.transaction():
                seen.update(self.learn(row, indexed=True) for row in rows)
        # A search that lacks a resource does not prove that it is deleted; a read does.
        self.ask({key for key in self.known() if key.type == kind} - seen)
        return seen

    def _listed(self, capability: Capability, since: str, kind: str | None) -> bool:
        """Whether what changed could be read from the history that the server offers."""
        try:
            self._history(capability, since, kind)
        except Busy:
            raise
        except (Refused, BadAnswer, Incomplete) as problem:
            if self.strict or (isinstance(problem, Refused) and problem.status == 401):
                raise
            self.result.notes.append(f"everything was read: {problem.message}")
            return False
        return True

    def _history(self, capability: Capability, since: str, kind: str | None) -> None:
        """What changed, of one type or of all, and that it is all.

        Where the server's counts say that something is missing the history is read again; then
        the types of which it still is are read whole. A server that does not count has to show
        the same history twice.
        """
        before: Window | None = None
        missing: set[str] | None = None
        for number in range(_WALKS):
            window = self._window(since, kind, PAGE if before is None else before.smaller)
            # What others write meanwhile is for the next time: in the end only what the first
            # page could show has to be there.
            until = [f"lt{self._until()}"] if number == _WALKS - 1 and self._began else []
            missing = self._missing(capability, kind, window, f"ge{since}", *until)
            if missing is None:
                if before is not None and window.shows_the_same(before) and not window.repeats:
                    return
                before = window
            elif not missing:
                return
        if missing is None:
            raise Incomplete(
                f"history of {kind or 'all types'}: the server shows another one each time",
                advice="run the command again when nothing else writes to the server",
            )
        for one in sorted(missing):
            self.whole(one)

    def _window(self, since: str, kind: str | None, size: int) -> Window:
        window, client = Window(), self.server.client
        for page in changes_since(client, since, kind=kind, clock=self._clock, page=size):
            self.known_by(change.key for change in page if change.resource is not None)
            rows = [(self.server.here(change.key), change) for change in page]
            window.begin_page(rows)
            with self.store.transaction():
                for key, change in rows:
                    if window.is_last(key, change) and change.resource is not None:
                        self.learn(change.resource)
        self.ask(window.doubtful & self.known())
        return window

    def _missing(
        self, capability: Capability, kind: str | None, window: Window, *conditions: str
    ) -> set[str] | None:
        """The types of which something is missing; all where rows came again. None: not counted."""
        living, kinds = self.living(), {kind} if kind is not None else set()
        if kind is None:
            kinds = {key.type for key in (*living, *window.written())}
        else:
            living = {key for key in living if key.type == kind}
        client = self.server.client
        missing = more_than(client, capability, kinds, window, living, *conditions)
        return kinds if missing is not None and window.repeats else missing

    def known(self) -> set[ResourceKey]:
        """What this remote was known to hold before the fetch, and what it was learned to hold."""
        return {*self.base, *self._tracked}

    def living(self) -> set[ResourceKey]:
        """What the remote is now believed to hold."""
        tracked = self.store.tracked()
        return {
            key for key in self.base.keys() | tracked.keys() if tracked.get(key, key) is not None
        }

    def began(self, moment: str) -> None:
        """The server's own time that everything read so far shows."""
        self._clock(moment, own=True)

    def known_by(self, shown: Iterable[ResourceKey]) -> None:
        """Be sure of the server by one resource that was agreed on, shown or asked for."""
        if not self._recognised:
            if not any(self.server.here(key) in self.base for key in shown):
                self._recognise()
            self._recognised = True

    def ask(self, keys: Iterable[ResourceKey]) -> None:
        """Read these one by one: only that shows whether they are there, and in which version."""
        wanted = sorted(keys)
        for start in range(0, len(wanted), 200):
            chunk = wanted[start : start + 200]
            states = self.server.read_many(chunk, exact=True)
            with self.store.transaction():
                for key, resource in states.items():
                    if resource is None:
                        self._gone(key)
                    else:
                        self._compare(key, resource)

    def learn(self, resource: dict[str, Any], *, indexed: bool = False) -> ResourceKey:
        """Store what the server holds, unless it is what was agreed on; its key here.

        ``indexed``: a search shows it, and its index may lag behind.
        """
        self.result.read += 1
        there = ResourceKey.of(resource)
        if not is_id(there.id):
            self.result.incomplete = True
            self.result.notes.append(f"a {there.type} has an id that no address can end with")
            return there
        key = self.server.here(there)
        if key != there and key not in self.base:
            self.server.learn(key, there.id)
        mine = self.server.inward(resource)
        known = self.base.get(key)
        version = version_id(mine)
        old = known is not None and version_number(version) < version_number(known.version_id)
        if old or self._buried(key, version) or (indexed and self._lags(key, mine)):
            # An answer from some cache or lagging index, or a server restored from a backup.
            fresh = self.server.read(key)
            if fresh is None:
                self._gone(key)
                return key
            if known is not None and version_number(version_id(fresh)) < version_number(
                known.version_id
            ):
                raise Blocked(
                    f"{self.store.remote} holds older versions than were agreed on: "
                    "was it restored from a backup?",
                    advice=f"fhirkit remote reset {self.store.remote} begins anew with it",
                )
            mine = fresh
        self._compare(key, mine)
        meta = mine.get("meta")
        moment = utc(meta.get("lastUpdated")) if isinstance(meta, dict) else None
        if moment is None:
            self._untimed = True
        else:
            self._newest = max(self._newest or "", moment)
        return key

    def _buried(self, key: ResourceKey, version: str | None) -> bool:
        last = self._graves.get(key)
        return (
            key not in self.base
            and last is not None
            and version_number(version) <= version_number(last)
        )

    def _lags(self, key: ResourceKey, mine: dict[str, Any]) -> bool:
        """Whether a search may show an older version than the one that was learned or agreed on:
        it is another one, and no number tells which is later.
        """
        learned, known, version = self._tracked.get(key), self.base.get(key), version_id(mine)
        if learned is not None and learned.version_id != version:
            return version_number(version) <= version_number(learned.version_id)
        agreed = known is None or known.version_id in (None, version)
        return not agreed and not version_number(version)

    def _compare(self, key: ResourceKey, mine: dict[str, Any]) -> None:
        known = self.base.get(key)
        if known is None or content_hash(mine) != known.remote_hash:
            self.store.track(key, mine)
            self._tracked[key] = Entry.of(mine)
            return
        if key in self._tracked:
            self.store.untrack(key)
            del self._tracked[key]
        version = version_id(mine)
        if version != known.version_id:
            self.store.version_moved(key, version)

    def _gone(self, key: ResourceKey) -> None:
        if key in self.base:
            self.store.track(key, None)
        elif key in self._tracked:
            self.store.untrack(key)
            del self._tracked[key]

    def _clock(self, moment: str, own: bool) -> None:
        # Of several walks the first counts: whatever comes later is in the next window.
        now = utc(moment)
        self._began = min(filter(None, (self._began, now)), default=None)
        self._first = self._first or now
        self._own_clock = own

    def _until(self) -> str:
        """A time by the server's clock that is not before the first page's."""
        moment = datetime.fromisoformat(self._began or "")
        # An HTTP Date has no fractions: what came later in that second was to be shown as well.
        return (moment if self._own_clock else moment + timedelta(seconds=1)).isoformat()

    def advance(self, selections: list[str], *, first: bool) -> str | None:
        """Move the watermark: to the server's clock, if it is that of the rows, less the overlap.

        An HTTP Date may be another machine's, so it counts no further than the newest row, and
        without a row not at all. Rows that tell no time themselves leave nothing else, ``first``.
        """
        if self._own_clock and self._began is not None:
            moments = [self._began]
        elif self._newest is not None or (first and self._untimed):
            moments = [one for one in (self._began, self._newest) if one is not None]
            if not moments:
                note = "the server tells no time, so the next pull reads everything again"
                self.result.notes.append(note)
        else:
            moments = []
        if not moments:
            return None
        instant = self._mark(min(moments))
        self.store.advance(selections, instant)
        return instant

    def _mark(self, moment: str) -> str:
        """The moment less the overlap, as a watermark."""
        mark = datetime.fromisoformat(moment) - timedelta(seconds=self.overlap)
        return mark.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
