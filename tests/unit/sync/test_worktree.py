"""Files of a tree: bad ones become issues, none is lost, none is written elsewhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fhirkit.core.errors import Conflict, InvalidInput, UsageError
from fhirkit.core.resource import ResourceKey
from fhirkit.sync.entry import Entry
from fhirkit.sync.worktree import WorkingTree

P = ResourceKey("Patient", "p")
PATIENT = {"resourceType": "Patient", "id": "p", "active": True}


@pytest.fixture
def tree(tmp_path: Path) -> WorkingTree:
    made, new = WorkingTree.init(tmp_path / "tree")
    assert new
    (made.root / "Patient").mkdir()
    (made.root / "Patient/p.json").write_text(json.dumps(PATIENT))
    return made


@pytest.mark.parametrize(
    ("name", "text", "rule"),
    [
        ("Patient/q.json", "{", "json-syntax"),
        ("Patient/q.json", '{"id":"q","id":"q"}', "json-duplicate-key"),
        ("Patient/q.json", "[]", "tree-file"),
        ("Patient/q.json", '{"resourceType":"Patient","id":"other"}', "tree-place"),
        ("Patient/q.json", '{"resourceType":"Person","id":"q"}', "tree-place"),
        ("Patient/a b.json", '{"resourceType":"Patient","id":"a b"}', "tree-id"),
    ],
)
def test_a_bad_file_is_an_issue_and_the_others_go_on(
    tree: WorkingTree, name: str, text: str, rule: str
) -> None:
    (tree.root / name).write_text(text)
    scan = tree.scan()
    assert [issue.rule for issue in scan.issues] == [rule]
    assert set(scan.entries) == {P}
    assert ResourceKey("Patient", Path(name).stem) in scan.held, "held, and so not deleted"


def test_a_renamed_file_still_holds_what_it_contains(tree: WorkingTree) -> None:
    (tree.root / "Patient/p.json").rename(tree.root / "Patient/q.json")
    scan = tree.scan()
    assert [issue.rule for issue in scan.issues] == ["tree-place"]
    assert scan.held == {P, ResourceKey("Patient", "q")}, "moving a file deletes nothing"


def test_links_are_not_followed(tree: WorkingTree, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "s.json").write_text('{"resourceType":"Patient","id":"s"}')
    (tree.root / "Patient/s.json").symlink_to(outside / "s.json")
    (tree.root / "Person").symlink_to(outside)
    scan = tree.scan()
    assert set(scan.entries) == {P}
    assert [issue.rule for issue in scan.issues] == ["tree-symlink"] * 2
    with pytest.raises(Conflict):
        tree.write({"resourceType": "Person", "id": "n"}, expected=None)
    with pytest.raises(Conflict):
        tree.write({"resourceType": "Patient", "id": "s"}, expected=None)
    assert [path.name for path in outside.iterdir()] == ["s.json"]


@pytest.mark.parametrize(
    ("kind", "logical_id"),
    [
        ("Patient", "../../x"),
        ("../x", "p"),
        ("Patient", "a/b"),
        ("Patient", ""),
        ("Patient", "ü"),
        ("Patient", "."),
        ("Patient", ".."),
    ],
)
def test_no_name_leads_out(tree: WorkingTree, kind: str, logical_id: str) -> None:
    with pytest.raises(InvalidInput):
        tree.write({"resourceType": kind, "id": logical_id}, expected=None)


@pytest.mark.parametrize("logical_id", ["...", ".hidden", "a.json", "-", "A" * 64])
def test_odd_ids_are_plain_names(tree: WorkingTree, logical_id: str) -> None:
    tree.write({"resourceType": "Patient", "id": logical_id}, expected=None)
    assert ResourceKey("Patient", logical_id) in tree.scan().entries
    assert {path.parent.name for path in tree.root.rglob("*.json")} == {"Patient"}


def test_a_write_expects_the_file_it_knows(tree: WorkingTree) -> None:
    known = tree.scan().entries[P]
    (tree.root / "Patient/p.json").write_text(json.dumps(PATIENT | {"active": False}))
    with pytest.raises(Conflict):
        tree.write(PATIENT, expected=known)
    with pytest.raises(Conflict):
        tree.write(PATIENT, expected=None)
    with pytest.raises(Conflict):
        tree.discard(P, expected=known)
    assert json.loads((tree.root / "Patient/p.json").read_text())["active"] is False


def test_what_is_replaced_or_discarded_is_in_the_trash(tree: WorkingTree) -> None:
    before = (tree.root / "Patient/p.json").read_bytes()
    tree.write(PATIENT | {"active": False}, expected=Entry.of(PATIENT))
    kept = list((tree.state / "trash").rglob("p.json"))
    assert [path.read_bytes() for path in kept] == [before]
    tree.discard(P, expected=Entry.of(PATIENT | {"active": False}))
    assert not (tree.root / "Patient/p.json").exists()


def test_files_are_private_and_without_what_the_server_owns(tree: WorkingTree) -> None:
    meta = {"versionId": "3", "lastUpdated": "2020", "source": "#abc", "tag": [{"code": "x"}]}
    tree.write({"resourceType": "Patient", "meta": meta, "id": "q"}, expected=None)
    path = tree.root / "Patient/q.json"
    assert json.loads(path.read_text())["meta"] == {"tag": [{"code": "x"}]}
    assert path.stat().st_mode & 0o777 == 0o600
    assert (tree.state / ".gitignore").read_text() == "*\n"


def test_decimals_keep_their_digits(tree: WorkingTree) -> None:
    (tree.root / "Patient/p.json").write_text(
        '{"resourceType":"Patient","id":"p","extension":[{"url":"u","valueDecimal":1.00}]}'
    )
    resource = tree.scan().resources[P]
    tree.write(resource, expected=Entry.of(resource))
    assert "1.00" in (tree.root / "Patient/p.json").read_text()


def test_the_tree_is_found_from_below_and_missed_outside(tree: WorkingTree, tmp_path: Path) -> None:
    assert WorkingTree.find(tree.root / "Patient").root == tree.root
    with pytest.raises(UsageError):
        WorkingTree.find(tmp_path)
