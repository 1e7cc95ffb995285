"""The planner: every row of its table, and what must hold for any three listings."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhirkit.core.resource import ResourceKey
from fhirkit.sync.entry import BaseEntry, Entry
from fhirkit.sync.plan import Action, Direction, Plan, Status, Step, classify, emptied, make_plan

KEY = ResourceKey("Patient", "p")

# (local, sent hash, stored hash, remote) → status; "" is absent, letters are contents.
# "=" rows: the server keeps what it was sent; "~" rows: it keeps its own spelling (S of A).
TABLE = {
    ("", "", "", ""): "clean",
    ("A", "", "", ""): "added",
    ("", "", "", "A"): "incoming",
    ("A", "", "", "A"): "converged",
    ("A", "", "", "B"): "conflict",
    ("A", "A", "A", "A"): "clean",
    ("B", "A", "A", "A"): "modified",
    ("", "A", "A", "A"): "deleted",
    ("A", "A", "A", "B"): "behind",
    ("A", "A", "A", ""): "gone",
    ("B", "A", "A", "B"): "converged",
    ("B", "A", "A", "C"): "conflict",
    ("B", "A", "A", ""): "conflict",
    ("", "A", "A", "B"): "conflict",
    ("", "A", "A", ""): "converged",
    ("A", "A", "S", "S"): "clean",
    ("B", "A", "S", "S"): "modified",
    ("A", "A", "S", "T"): "behind",
    ("S", "A", "S", "S"): "converged",
    ("A", "A", "S", "A"): "converged",
    ("B", "A", "S", "A"): "conflict",
    ("", "A", "S", "S"): "deleted",
    ("A", "A", "S", ""): "gone",
}


def entry(content: str, version: str | None = None) -> Entry | None:
    return Entry(KEY, content, version) if content else None


def agreed(sent: str, stored: str, version: str | None = None) -> BaseEntry | None:
    return BaseEntry(KEY, sent, stored, version) if sent else None


@pytest.mark.parametrize(("row", "status"), TABLE.items(), ids=str)
def test_every_row(row: tuple[str, str, str, str], status: str) -> None:
    local, sent, stored, remote = row
    found, reason = classify(entry(local), agreed(sent, stored), entry(remote))
    assert found == status
    assert bool(reason) == (status == "conflict")


def test_the_table_is_whole() -> None:
    sides = {("", ""), ("A", "A"), ("A", "S")}
    for local, (sent, stored), remote in product(["", "A", "B", "S"], sides, ["", "A", "B", "S"]):
        status, _ = classify(entry(local), agreed(sent, stored), entry(remote))
        assert isinstance(status, Status)


contents = st.sampled_from(["", "A", "B", "C"])
bases = st.one_of(st.just(("", "")), st.tuples(st.sampled_from("ABC"), st.sampled_from("ABC")))
worlds = st.dictionaries(
    st.integers(0, 5), st.tuples(contents, bases, contents, st.integers(1, 3)), max_size=6
)


class World:
    """Three listings that a plan can be carried out on."""

    def __init__(self, spec: dict[int, tuple[str, tuple[str, str], str, int]]) -> None:
        self.local: dict[ResourceKey, Entry] = {}
        self.base: dict[ResourceKey, BaseEntry] = {}
        self.remote: dict[ResourceKey, Entry] = {}
        for number, (mine, (sent, stored), theirs, version) in spec.items():
            key = ResourceKey("Patient", str(number))
            if mine:
                self.local[key] = Entry(key, mine)
            if sent:
                self.base[key] = BaseEntry(key, sent, stored, "1")
            if theirs:
                self.remote[key] = Entry(key, theirs, str(version))
        self.keys = {*self.local, *self.base, *self.remote}

    def plan(self, direction: Direction, take: tuple[ResourceKey, ...] = ()) -> Plan:
        return make_plan(direction, self.keys, self.local, self.base, self.remote, take=take)

    def apply(self, action: Action) -> None:
        key = action.key
        if action.step in (Step.CREATE, Step.UPDATE):
            old = self.remote.get(key)
            version = str(int(old.version_id or "0") + 1) if old else "1"
            self.remote[key] = Entry(key, self.local[key].hash, version)
        elif action.step is Step.DELETE:
            self.remote.pop(key, None)
        elif action.step is Step.WRITE:
            self.local[key] = Entry(key, self.remote[key].hash)
        elif action.step is Step.DISCARD:
            self.local.pop(key, None)
        if action.step in (Step.DELETE, Step.DISCARD, Step.FORGET):
            self.base.pop(key, None)
        else:
            theirs = self.remote[key]
            self.base[key] = BaseEntry(key, self.local[key].hash, theirs.hash, theirs.version_id)


@given(worlds, st.sampled_from(Direction))
def test_after_a_plan_the_same_plan_is_empty(spec: dict, direction: Direction) -> None:  # type: ignore[type-arg]
    world = World(spec)
    conflicts = world.plan(direction).conflicts
    for action in world.plan(direction).actions:
        world.apply(action)
    again = world.plan(direction)
    assert again.actions == ()
    assert again.conflicts == conflicts


@given(worlds)
def test_push_then_pull_leaves_both_sides_alike_but_for_conflicts(spec: dict) -> None:  # type: ignore[type-arg]
    world = World(spec)
    for direction in Direction:
        for action in world.plan(direction).actions:
            world.apply(action)
    plan = world.plan(Direction.PUSH)
    for key in world.keys - plan.conflicts.keys():
        assert plan.statuses[key] is Status.CLEAN
    assert set(plan.statuses.values()) <= {Status.CLEAN, Status.CONFLICT}


@given(worlds, st.sampled_from(Direction))
def test_no_action_touches_what_changed_on_both_sides(spec: dict, direction: Direction) -> None:  # type: ignore[type-arg]
    world = World(spec)
    plan = world.plan(direction)
    assert not {action.key for action in plan.actions} & plan.conflicts.keys()
    for action in plan.of(Step.UPDATE, Step.DELETE):
        assert action.seen == world.remote[action.key], "a write names the version it rests on"
        assert action.if_match == world.remote[action.key].version_id
    for action in plan.of(Step.WRITE, Step.DISCARD):
        mine, known = world.local.get(action.key), world.base.get(action.key)
        assert mine is None or (known is not None and mine.hash == known.sent_hash)
    for action in plan.of(Step.CREATE):
        assert action.key not in world.remote


@given(worlds, st.sampled_from(Direction))
def test_taking_a_side_settles_every_conflict(spec: dict, direction: Direction) -> None:  # type: ignore[type-arg]
    world = World(spec)
    take = tuple(world.plan(direction).conflicts)
    for action in world.plan(direction, take).actions:
        world.apply(action)
    assert world.plan(direction).conflicts == {}


@given(worlds)
def test_the_order_of_keys_does_not_matter(spec: dict) -> None:  # type: ignore[type-arg]
    world = World(spec)
    backwards = sorted(world.keys, reverse=True)
    plan = make_plan(Direction.PUSH, backwards, world.local, world.base, world.remote)
    assert plan == world.plan(Direction.PUSH)


def test_emptied_needs_more_than_one_loss() -> None:
    other = ResourceKey("Patient", "q")
    base = {KEY: BaseEntry(KEY, "A", "A"), other: BaseEntry(other, "A", "A")}
    assert emptied(base, {}, base.keys())
    assert not emptied(base, {other: Entry(other, "A")}, base.keys())
    assert not emptied({KEY: base[KEY]}, {}, [KEY])
