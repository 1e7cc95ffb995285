"""Dependencies: every one followed, in one order, whatever the graph; and the lock that results."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhirkit.core.errors import Blocked, UsageError
from fhirkit.definitions.lock import Lock
from fhirkit.definitions.package import Package
from fhirkit.definitions.resolve import Resolution, embedded_packages, resolve
from fhirkit.definitions.versions import PackageId, choose, fits, order, parse, refusal

Graph = Mapping[PackageId, Mapping[str, str]]


class Shelf:
    """Packages that exist, by what they need."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    def find_version(self, name: str, asked: str) -> str | None:
        return choose(asked, [one.version for one in self.graph if one.name == name])

    def package(self, wanted: PackageId) -> Package | None:
        if wanted not in self.graph:
            return None
        url = "http://example.org/thing"
        resource = f'{{"resourceType":"X","url":"{url}","version":"{wanted.version}"}}'.encode()
        return Package(*wanted, ("4.0.1",), {"X-thing.json": resource}, self.graph[wanted])


def ids(*texts: str) -> list[PackageId]:
    return [parse(text) for text in texts]


def run(root: str, graph: dict[str, dict[str, str]]) -> Resolution:
    shelf = Shelf({parse(one): needs for one, needs in graph.items()})
    return resolve([parse(root)], shelf, embedded=frozenset(ids("core@4.0.1")))


def test_nearest_first_and_by_name() -> None:
    found = run("a@1.0.0", {
        "a@1.0.0": {"c": "1.0.0", "b": "1.0.0"},
        "b@1.0.0": {"d": "1.0.0"},
        "c@1.0.0": {"a": "1.0.0"},
        "d@1.0.0": {"d": "1.0.0"},
    })  # fmt: skip
    assert list(found.packages) == ids("a@1.0.0", "b@1.0.0", "c@1.0.0", "d@1.0.0")
    assert (found.missing, found.issues) == ((), ())


def test_the_core_that_comes_with_fhirkit_is_not_missing() -> None:
    found = run("a@1.0.0", {"a@1.0.0": {"core": "4.0.1"}})
    assert found.embedded == set(ids("core@4.0.1"))
    assert found.missing == ()
    assert [gap.asked for gap in run("a@1.0.0", {"a@1.0.0": {"core": "5.0.0"}}).missing] == [
        "5.0.0"
    ]
    assert embedded_packages() == set(ids("hl7.fhir.r4.core@4.0.1"))


def test_of_two_versions_the_higher_answers_for_the_bare_canonical() -> None:
    found = run("a@1.0.0", {
        "a@1.0.0": {"b": "1.0.0", "c": "1.0.0"},
        "b@1.0.0": {},
        "c@1.0.0": {"b": "1.10.0"},
        "b@1.10.0": {},
    })  # fmt: skip
    assert [str(PackageId(one.name, one.version)) for one in found.ordered()] == [
        "a@1.0.0", "b@1.10.0", "b@1.0.0", "c@1.0.0",
    ]  # fmt: skip
    assert [issue.rule for issue in found.issues] == ["package-two-versions"]
    assert (found.find("http://example.org/thing|1.10.0") or {})["version"] == "1.10.0"


def test_a_missing_root_is_missing() -> None:
    (gap,) = run("a@1.0.0", {}).missing
    assert (gap.name, gap.needed_by) == ("a", None)


names = st.sampled_from("abcd")
versions = st.sampled_from(["1.0.0", "1.0.1", "1.1.0-ballot", "2.0.0"])
asked = st.one_of(versions, st.sampled_from(["1.0.x", "1.x", "latest", "current", "~1", "3.x"]))
graphs = st.dictionaries(
    st.builds(PackageId, names, versions), st.dictionaries(names, asked, max_size=4), max_size=12
)


@given(graphs, st.builds(PackageId, names, versions))
def test_any_graph_ends_and_accounts_for_every_dependency(graph: Graph, root: PackageId) -> None:
    found = resolve([root], Shelf(graph), embedded=frozenset())
    gaps = {(gap.needed_by, gap.name) for gap in found.missing}
    for one in found.packages:
        for name, wish in graph[one].items():
            taken = found.choices[one].get(name)
            assert (taken is not None) != ((one, name) in gaps)
            if taken is not None:
                assert fits(taken, wish)
                assert PackageId(name, taken) in found.packages
    shuffled = dict(sorted(graph.items(), reverse=True))
    again = resolve([root], Shelf(shuffled), embedded=frozenset())
    assert (
        Lock.of(again, lambda _: "0" * 64).to_bytes()
        == Lock.of(found, lambda _: "0" * 64).to_bytes()
    )


@given(graphs, st.builds(PackageId, names, versions))
def test_a_lock_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, graph: Graph, root: PackageId
) -> None:
    path = tmp_path_factory.mktemp("lock") / "fhirkit.lock"
    found = resolve([root], Shelf(graph), embedded=frozenset(ids("a@1.0.0")))
    lock = Lock.of(found, lambda one: f"{hash(one) & 0xFFFF:064x}")
    assert lock.write(path)
    assert not lock.write(path)
    again = Lock.read(path)
    assert again.to_bytes() == lock.to_bytes()
    assert again.choices == lock.choices
    # Its own choices lead to the same packages, even when newer ones appear.
    newer = {**graph, **{PackageId(name, "1.0.9"): {} for name in "abcd"}}
    pinned = resolve([root], Shelf(newer), pins=again.choices, embedded=frozenset(ids("a@1.0.0")))
    for one, chosen in found.choices.items():
        assert {**pinned.choices[one], **chosen} == pinned.choices[one]


def test_a_lock_holds_a_content() -> None:
    one = parse("a@1.0.0")
    found = run("a@1.0.0", {"a@1.0.0": {}})
    lock = Lock.of(found, lambda _: "1" * 64)
    lock.check(one, "1" * 64)
    lock.check(parse("b@1.0.0"), "2" * 64)
    with pytest.raises(Blocked, match="its content changed"):
        lock.check(one, "2" * 64)
    with pytest.raises(Blocked, match="is not in"):
        lock.require(parse("b@1.0.0"))


def test_what_another_package_needs_stays_locked() -> None:
    found = run("a@1.0.0", {"a@1.0.0": {"b": "1.0.0"}, "b@1.0.0": {"z": "1.0.0"}})
    lock = Lock.of(found, lambda _: "1" * 64)
    both = Lock((*lock.requested, parse("b@1.0.0")), lock.packages, lock.missing)
    assert both.without(parse("b@1.0.0")) == lock
    only_b = both.without(parse("a@1.0.0"))
    assert (set(only_b.packages), len(only_b.missing)) == (set(ids("b@1.0.0")), 1)
    assert only_b.without(parse("b@1.0.0")) == Lock()


@pytest.mark.parametrize(
    ("asked_for", "there", "chosen"),
    [
        ("1.2.x", ["1.2.0", "1.2.10", "1.2.9", "1.3.0", "1.2.11-ballot"], "1.2.10"),
        ("1.x", ["1.2.0", "1.10.0", "2.0.0"], "1.10.0"),
        ("1.x.x", ["1.2.0", "1.10.0"], "1.10.0"),
        ("1.2.x", ["1.20.0"], None),
        ("1.2.x", ["1.2.0-ballot"], None),
        ("latest", ["1.0.0", "2.0.0-ballot"], "1.0.0"),
        ("latest", ["2.0.0-ballot", "2.0.0-snapshot1"], "2.0.0-snapshot1"),
        ("latest", [], None),
        ("1.0.0", ["1.0.0", "1.0.1"], "1.0.0"),
        ("latest", ["../1", "1.0.0"], "1.0.0"),
    ],
)
def test_open_versions(asked_for: str, there: list[str], chosen: str | None) -> None:
    assert choose(asked_for, there) == chosen


def test_what_the_registry_calls_latest_wins() -> None:
    assert choose("latest", ["1.0.0", "2.0.0"], latest="1.0.0") == "1.0.0"
    assert choose("latest", ["1.0.0", "2.0.0"], latest="7.0.0") == "2.0.0"
    assert choose("1.x", ["1.0.0", "1.1.0"], latest="1.0.0") == "1.1.0"


def test_newer() -> None:
    rising = ["0.9", "1.0.0-alpha", "1.0.0-alpha.2", "1.0.0-alpha.10", "1.0.0-beta", "1.0.0",
              "1.0.9", "1.0.10", "1.2.0", "10.0.0"]  # fmt: skip
    rising_keys = [order(version) for version in rising]
    assert all(one < two for one, two in pairwise(rising_keys))


@given(st.lists(st.text(max_size=12), max_size=6))
def test_any_texts_can_be_ordered(texts: list[str]) -> None:
    ordered = sorted(set(texts), key=order)
    assert all(order(one) < order(two) for one, two in pairwise(ordered))


@given(st.text(max_size=20), st.text(max_size=20))
def test_what_may_be_asked_for_is_a_safe_path(name: str, version: str) -> None:
    if refusal(name, version) is None:
        path = Path("cache") / f"{name}#{version}"
        assert path.parts == ("cache", f"{name}#{version}")
        assert ".." not in f"{name}#{version}"


@pytest.mark.parametrize("text", ["", "a", "a@", "@1", "a@@1", "a#1#2", "a@1 ", "a b@1", "@s/a@1"])
def test_what_is_no_package(text: str) -> None:
    with pytest.raises(UsageError):
        parse(text)
