"""Decide what to do: pure, from three listings to an ordered list of actions.

Each side is compared with the base, never with its own past and never by a clock:

    working tree   remote        status      push     pull
    same           same          clean       -        -
    added          absent        added       create   -
    changed        same          modified    update   -
    deleted        same          deleted     delete   -
    same           changed       behind      -        write the file
    same           deleted       gone        -        discard the file
    absent         added         incoming    -        write the file
    any            equal to it   converged   record   record
    deleted        deleted       converged   forget   forget
    added          added         conflict    stop     stop
    changed        changed       conflict    stop     stop
    changed        deleted       conflict    stop     stop
    deleted        changed       conflict    stop     stop

An update or delete carries the version that was seen, so that a change in between is refused by
the server. A conflict is left as it is unless its key is named: ``ours`` on push, ``theirs`` on
pull.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

from fhirkit.core.resource import ResourceKey
from fhirkit.sync.entry import Base, BaseEntry, Entry, Listing


class Status(StrEnum):
    """The word for a resource, from the table above."""

    CLEAN = "clean"
    ADDED = "added"
    MODIFIED = "modified"
    DELETED = "deleted"
    BEHIND = "behind"
    GONE = "gone"
    INCOMING = "incoming"
    CONVERGED = "converged"
    CONFLICT = "conflict"


class Step(StrEnum):
    """What an action does: the first three write to the remote, the next two to the tree."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    WRITE = "write"
    DISCARD = "discard"
    RECORD = "record"
    FORGET = "forget"


class Direction(StrEnum):
    """Which way content flows."""

    PUSH = "push"
    PULL = "pull"


@dataclass(frozen=True, slots=True)
class Action:
    """One step for one resource. ``seen`` is the remote's copy that the decision rests on."""

    step: Step
    key: ResourceKey
    seen: Entry | None = None

    @property
    def if_match(self) -> str | None:
        """The version that the remote must still have for an update or delete."""
        return self.seen.version_id if self.seen is not None else None


@dataclass(frozen=True, slots=True)
class Plan:
    """The status of every key, and the actions, both in the order of keys."""

    statuses: dict[ResourceKey, Status]
    actions: tuple[Action, ...]
    conflicts: dict[ResourceKey, str]

    def of(self, *steps: Step) -> tuple[Action, ...]:
        """The actions of these kinds."""
        return tuple(action for action in self.actions if action.step in steps)

    def keys(self, *statuses: Status) -> list[ResourceKey]:
        """The keys with one of these statuses."""
        return [key for key, status in self.statuses.items() if status in statuses]


class _Side(StrEnum):
    ABSENT = "absent"
    ADDED = "new"
    SAME = "same"
    CHANGED = "changed"
    DELETED = "deleted"


_TABLE: dict[tuple[_Side, _Side], Status] = {
    (_Side.SAME, _Side.SAME): Status.CLEAN,
    (_Side.ADDED, _Side.ABSENT): Status.ADDED,
    (_Side.CHANGED, _Side.SAME): Status.MODIFIED,
    (_Side.DELETED, _Side.SAME): Status.DELETED,
    (_Side.SAME, _Side.CHANGED): Status.BEHIND,
    (_Side.SAME, _Side.DELETED): Status.GONE,
    (_Side.ABSENT, _Side.ADDED): Status.INCOMING,
    (_Side.DELETED, _Side.DELETED): Status.CONVERGED,
    (_Side.ADDED, _Side.ADDED): Status.CONFLICT,
    (_Side.CHANGED, _Side.CHANGED): Status.CONFLICT,
    (_Side.CHANGED, _Side.DELETED): Status.CONFLICT,
    (_Side.DELETED, _Side.CHANGED): Status.CONFLICT,
    (_Side.ABSENT, _Side.ABSENT): Status.CLEAN,
}

_STEPS: dict[tuple[Direction, Status], Step] = {
    (Direction.PUSH, Status.ADDED): Step.CREATE,
    (Direction.PUSH, Status.MODIFIED): Step.UPDATE,
    (Direction.PUSH, Status.DELETED): Step.DELETE,
    (Direction.PULL, Status.BEHIND): Step.WRITE,
    (Direction.PULL, Status.INCOMING): Step.WRITE,
    (Direction.PULL, Status.GONE): Step.DISCARD,
}


def classify(
    local: Entry | None, base: BaseEntry | None, remote: Entry | None
) -> tuple[Status, str]:
    """The status of one resource, and for a conflict the reason in words."""
    if (
        local is not None
        and base is not None
        and remote is not None
        and local.hash == base.sent_hash
        and remote.hash == base.remote_hash
    ):
        return Status.CLEAN, ""  # nearly all of a large tree: before any table is asked
    ours = _side(local, base, base.sent_hash if base else None)
    theirs = _side(remote, base, base.remote_hash if base else None)
    equal = local is not None and remote is not None and local.hash == remote.hash
    if equal and (ours, theirs) != (_Side.SAME, _Side.SAME):
        return Status.CONVERGED, ""
    status = _TABLE[ours, theirs]
    reason = f"{ours} here, {theirs} on the server" if status is Status.CONFLICT else ""
    return status, reason


def make_plan(
    direction: Direction,
    keys: Iterable[ResourceKey],
    local: Listing,
    base: Base,
    remote: Listing,
    *,
    take: Collection[ResourceKey] = (),
) -> Plan:
    """What to do about ``keys``; a key that a listing lacks is absent on that side.

    ``take`` names the conflicts that are to be settled in favour of the side content flows from.
    """
    statuses: dict[ResourceKey, Status] = {}
    actions: list[Action] = []
    conflicts: dict[ResourceKey, str] = {}
    for key in sorted(set(keys)):
        mine, agreed, theirs = local.get(key), base.get(key), remote.get(key)
        status, reason = classify(mine, agreed, theirs)
        statuses[key] = status
        step: Step | None
        if status is Status.CLEAN:
            step = _bookkeeping(status, mine, agreed, theirs)
        elif status is Status.CONFLICT and key in take:
            step = _settled(direction, mine, theirs)
        else:
            step = _STEPS.get((direction, status)) or _bookkeeping(status, mine, agreed, theirs)
            if status is Status.CONFLICT:
                conflicts[key] = reason
        if step is not None:
            actions.append(Action(step, key, theirs))
    return Plan(statuses, tuple(actions), conflicts)


def emptied(base: Base, remote: Listing, keys: Collection[ResourceKey]) -> bool:
    """Whether everything agreed on has vanished: more likely another server than much deleting."""
    known = [key for key in keys if key in base]
    return len(known) > 1 and not any(key in remote for key in known)


def receded(base: Base, remote: Listing) -> list[ResourceKey]:
    """Keys whose version on the remote is older than the one agreed on, where both are numbers.

    Either an old answer from some cache, or a server restored from a backup.
    """
    return [
        key
        for key, entry in remote.items()
        if key in base and version_number(entry.version_id) < version_number(base[key].version_id)
    ]


def version_number(version: str | None) -> int:
    """The version as a number where it is one, else 0."""
    known = version is not None and version.isascii() and version.isdigit()
    return int(version) if known and version is not None and len(version) < 19 else 0


def _side(entry: Entry | None, base: BaseEntry | None, known: str | None) -> _Side:
    if base is None:
        return _Side.ABSENT if entry is None else _Side.ADDED
    if entry is None:
        return _Side.DELETED
    return _Side.SAME if entry.hash == known else _Side.CHANGED


def _settled(direction: Direction, mine: Entry | None, theirs: Entry | None) -> Step:
    if direction is Direction.PULL:
        return Step.DISCARD if theirs is None else Step.WRITE
    if mine is None:
        return Step.DELETE
    return Step.CREATE if theirs is None else Step.UPDATE


def _bookkeeping(
    status: Status, mine: Entry | None, agreed: BaseEntry | None, theirs: Entry | None
) -> Step | None:
    """Changes to the base alone: agreement reached elsewhere, or a version without new content."""
    if status is Status.CONVERGED:
        return Step.FORGET if mine is None else Step.RECORD
    if status is Status.CLEAN and agreed is not None and theirs is not None:
        return Step.RECORD if agreed.version_id != theirs.version_id else None
    return None
