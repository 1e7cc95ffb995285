"""What a server does to what it stores, and what follows when an answer is lost on such a one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from memory_server import BASE, MemoryServer, Stop

from fhirkit.core.jsonio import loads
from fhirkit.remote import Client
from fhirkit.sync.conflicts import Judgement
from fhirkit.sync.habits import only_added, traits
from fhirkit.sync.prepared import Options
from fhirkit.sync.results import Report, Result
from fhirkit.sync.upkeep import Upkeep, opened_for_upkeep
from fhirkit.sync.worktree import WorkingTree

Resource = dict[str, Any]
PATIENT: Resource = {"resourceType": "Patient", "id": "p", "gender": "male"}
OTHER: Resource = {"resourceType": "Organization", "id": "o", "name": "Example clinic"}


@pytest.mark.parametrize(
    ("change", "kinds", "grown"),
    [
        ({}, set(), False),
        ({"language": "en"}, {("added", "language")}, True),
        ({"meta": {"tag": [{"code": "a"}]}}, {("added", "meta.tag")}, True),
        ({"name": [{"family": "F", "text": "F"}]}, {("added", "Patient.name.text")}, True),
        ({"name": [{"family": "F"}, {"family": "G"}]}, {("added", "Patient.name")}, True),
        ({"name": [{"family": "G"}]}, {("replaced", "Patient.name.family")}, False),
        ({"name": []}, {("dropped", "Patient.name")}, False),
    ],
)
def test_each_difference_is_a_trait(
    change: Resource, kinds: set[tuple[str, str]], grown: bool
) -> None:
    sent = PATIENT | {"name": [{"family": "F"}]}
    found = traits(sent, sent | change)
    assert {(one.kind, one.place) for one in found} == kinds
    assert only_added(found) is grown


def test_a_server_renews_a_generated_narrative_and_no_other() -> None:
    said = {"text": {"status": "generated", "div": "<div>a</div>"}}
    renewed = {"text": {"status": "generated", "div": "<div>b</div>"}}
    assert {one.kind for one in traits(PATIENT | said, PATIENT | renewed)} == {"renewed"}
    typed = {"text": {"status": "additional", "div": "<div>a</div>"}}
    assert {one.kind for one in traits(PATIENT | typed, PATIENT | renewed)} == {"replaced"}


def test_a_trait_is_the_same_whatever_stood_around_it() -> None:
    tag = {"system": "s", "code": "c"}
    bare = traits(PATIENT, PATIENT | {"meta": {"tag": [tag]}})
    mine = {"meta": {"tag": [{"code": "mine"}]}}
    full = traits(OTHER | mine, OTHER | {"meta": {"tag": [{"code": "mine"}, tag]}})
    assert bare == full
    assert bare != traits(PATIENT, PATIENT | {"meta": {"tag": [tag | {"code": "d"}]}})


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ("1.0", "1.00", True), ("1.0", "1.01", False), ("1", "true", False),
        ('"a  b"', '"a b"', True), ('"ab"', '"a b"', False),
        ('"2020-01-01T10:00:00Z"', '"2020-01-01T11:00:00+01:00"', True),
        ('"2020-01-01T10:00:00Z"', '"2020-01-01T10:00:01Z"', False),
        ('"2020-01-01T10:00:00"', '"2020-01-01T10:00:00Z"', False),
    ],
)  # fmt: skip
def test_another_spelling_is_no_other_value(before: str, after: str, same: bool) -> None:
    (trait,) = traits({"resourceType": "X", "v": loads(before)}, {"resourceType": "X", "v": loads(after)})  # fmt: skip  # noqa: E501
    assert (trait.kind == "respelled") is same


# -- on a server --------------------------------------------------------------------------------


def adds_language(resource: Resource) -> Resource:
    return resource | {"language": resource.get("language", "en")}


def adds_tag(resource: Resource) -> Resource:
    tag = {"system": "https://tags.example", "code": "stored"}
    tags = [one for one in resource.get("meta", {}).get("tag", []) if one != tag]
    return resource | {"meta": {"tag": [*tags, tag]}}


def strips_narrative(resource: Resource) -> Resource:
    return {name: value for name, value in resource.items() if name != "text"}


@pytest.fixture
def tree(tmp_path: Path) -> WorkingTree:
    made, _ = WorkingTree.init(tmp_path / "tree")
    return made


def write(tree: WorkingTree, *resources: Resource) -> None:
    for resource in resources:
        path = tree.root / resource["resourceType"] / f"{resource['id']}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(resource))


def read(tree: WorkingTree, key: str) -> Resource:
    found: Resource = json.loads((tree.root / f"{key}.json").read_text())
    return found


def session(tree: WorkingTree, server: MemoryServer) -> Any:
    return opened_for_upkeep(tree, "origin", Client(BASE, transport=server))  # type: ignore[arg-type]


def push(tree: WorkingTree, server: MemoryServer) -> Report:
    with session(tree, server) as opened:
        assert isinstance(opened, Upkeep)
        return opened.push(opened.prepare_push(), Options())


def pull(tree: WorkingTree, server: MemoryServer) -> Report:
    with session(tree, server) as opened:
        return opened.pull(opened.prepare_pull(), Judgement())


def verify(tree: WorkingTree, server: MemoryServer) -> Report:
    with session(tree, server) as opened:
        return opened.verify()


def at_post(number: int, do: str, *, after: bool = True) -> Callable[..., str | None]:
    """Trouble at the n-th transaction."""
    met = 0

    def trouble(method: str, url: str, *, done: bool) -> str | None:
        nonlocal met
        met += method == "POST" and done is after
        return do if method == "POST" and done is after and met == number else None

    return trouble


NORMAL = {"language": adds_language, "tag": adds_tag, "narrative": strips_narrative}
NARRATIVE = {"text": {"status": "generated", "div": "<div>x</div>"}}


@pytest.mark.parametrize("name", NORMAL)
@pytest.mark.parametrize("gives_ids", [False, True])
@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("do", ["lost", "kill"])
def test_a_lost_answer_on_a_server_that_stores_another_form(
    tree: WorkingTree, name: str, gives_ids: bool, number: int, do: str
) -> None:
    server = MemoryServer(normalise=NORMAL[name], gives_ids=gives_ids, history=False)
    write(tree, PATIENT | NARRATIVE, OTHER | NARRATIVE)
    server.trouble = at_post(number, do)
    try:
        report = push(tree, server)
        assert report.complete, report.lines
    except Stop:
        assert do == "kill"
    server.trouble = None
    report = push(tree, server)
    if name == "narrative" and do == "kill" and number == 1 and not report.complete:
        # It is not even known that anything there was ours; a pull finds out by comparing.
        assert {line.result for line in report.lines.values()} >= {Result.CONFLICT}
        return
    assert report.complete, report.lines
    assert len(server.creations) == 2
    assert verify(tree, server).complete
    requests = len(server.log)
    assert push(tree, server).complete
    assert {method for method, _ in server.log[requests:]} == {"GET"}


def test_of_one_that_stands_alone_the_rest_is_brought_by_a_pull(tree: WorkingTree) -> None:
    server = MemoryServer(normalise=adds_language)
    write(tree, PATIENT)
    server.trouble = at_post(1, "lost")
    report = push(tree, server)
    (line,) = report.lines.values()
    assert report.complete
    assert "more than was sent" in line.note
    server.trouble = None
    assert not verify(tree, server).complete, "what is not known is not said to be equal"
    assert pull(tree, server).complete
    assert read(tree, "Patient/p") == PATIENT | {"language": "en"}
    assert verify(tree, server).complete
    assert len(server.creations) == 1


def test_what_another_has_created_with_more_in_it_is_never_taken_away(tree: WorkingTree) -> None:
    """Our create is refused because theirs came first, and the refusal is lost."""
    server = MemoryServer(history=False)
    write(tree, PATIENT)

    def trouble(method: str, url: str, *, done: bool) -> str | None:
        if method == "POST" and not done and not server.held:
            server.put(PATIENT | {"birthDate": "1970"})
            return "lost"
        return None

    server.trouble = trouble
    assert push(tree, server).complete
    server.trouble = None
    write(tree, PATIENT | {"gender": "female"})
    assert push(tree, server).has(Result.CONFLICT), "an update of ours would take theirs away"
    assert server.contents()["Patient/p"]["birthDate"] == "1970"
    assert pull(tree, server).complete
    assert push(tree, server).complete
    merged = server.contents()["Patient/p"]
    assert (merged["birthDate"], merged["gender"]) == ("1970", "female")


def test_more_than_was_sent_is_not_ours_when_every_answer_came(tree: WorkingTree) -> None:
    server = MemoryServer()
    write(tree, PATIENT)
    server.put(PATIENT | {"birthDate": "1970"})
    assert push(tree, server).has(Result.CONFLICT)


def test_an_update_that_took_something_away_has_not_arrived_because_it_is_still_there(
    tree: WorkingTree,
) -> None:
    """Ours never arrives, another one's does: what they hold contains all that was sent."""
    server = MemoryServer(history=False)
    write(tree, PATIENT | {"birthDate": "1970"})
    assert push(tree, server).complete
    write(tree, PATIENT)

    def trouble(method: str, url: str, *, done: bool) -> str | None:
        if method == "POST" and not done and len(server.held["Patient", "p"]) == 1:
            server.put(PATIENT | {"birthDate": "1970", "language": "de"})
            return "lost"
        return None

    server.trouble = trouble
    assert push(tree, server).has(Result.CONFLICT)
    server.trouble = None
    assert read(tree, "Patient/p") == PATIENT


def test_what_had_grown_is_recognised_when_more_is_known(tree: WorkingTree) -> None:
    server = MemoryServer(normalise=adds_tag)
    write(tree, PATIENT)
    server.trouble = at_post(1, "lost")
    assert push(tree, server).complete
    server.trouble = None
    write(tree, OTHER)
    assert push(tree, server).complete
    assert verify(tree, server).complete
    assert read(tree, "Patient/p") == PATIENT
