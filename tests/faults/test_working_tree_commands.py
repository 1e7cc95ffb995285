"""The commands of a working tree, from clone to trash, as a person uses them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import faults
import pytest
from faults import Fault
from harness import Run, read, sample, under, write


def both_edit(tree: Path, server: Any, fhirkit: Run, ours: Any, theirs: Any) -> None:
    """Patient/p is pushed, then edited on both sides."""
    assert fhirkit("push").code == 0
    write(tree, read(tree, "Patient/p") | ours)
    server.put(server.state()["Patient/p"] | theirs)


def test_clone_gives_a_tree_that_is_the_same(
    tree: Path, server: Any, fhirkit: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert fhirkit("push").code == 0
    assert fhirkit("clone", server.url, "copy", "--json").json["counts"] == {"written": 6}
    assert fhirkit("clone", server.url, "copy").code == 2
    monkeypatch.chdir(tmp_path / "copy")
    assert fhirkit("verify").code == 0
    assert fhirkit("status", "--check").code == 0
    server.put(server.state()["Patient/p"] | {"birthDate": "1990"})
    told = fhirkit("verify", "--json")
    assert told.code == 1
    assert [one["resource"] for one in told.json["differing"]] == ["Patient/p"]


def test_a_clone_that_had_just_begun_is_begun_again(
    tree: Path, server: Any, fhirkit: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert fhirkit("init", "begun").code == 0, "as far as a clone was killed before its remote"
    assert fhirkit("clone", server.url, "begun").code == 0
    assert fhirkit("clone", server.url, "begun").code == 2
    assert fhirkit("init", "other").code == 0
    (tmp_path / "other" / "mine.txt").write_text("typed")
    assert fhirkit("clone", server.url, "other").code == 2
    assert tree.exists()


def test_fetch_touches_no_file_and_status_knows(tree: Path, server: Any, fhirkit: Run) -> None:
    assert fhirkit("push").code == 0
    assert fhirkit("pull").code == 0
    server.put(server.state()["Patient/p"] | {"birthDate": "1990"})
    server.delete("Provenance/v")
    fetched = fhirkit("fetch", "--json")
    assert fetched.code == 0, fetched
    assert {one["resource"]: one["status"] for one in fetched.json["changed"]} == {
        "Patient/p": "behind",
        "Provenance/v": "gone",
    }
    assert read(tree, "Patient/p")["birthDate"] == "1979"
    requests = len(server.log)
    assert fhirkit("status").out == "m Patient/p\nd Provenance/v\n"
    assert len(server.log) == requests, "status asks nobody"
    planned = fhirkit("pull", "--dry-run", "--json")
    assert {one["resource"]: one["action"] for one in planned.json} == {
        "Patient/p": "write",
        "Provenance/v": "discard",
    }
    assert (tree / "Provenance/v.json").exists()


def test_edits_of_different_elements_meet_in_sync(tree: Path, server: Any, fhirkit: Run) -> None:
    both_edit(tree, server, fhirkit, {"birthDate": "1980"}, {"gender": "female"})
    planned = fhirkit("sync", "--dry-run")
    assert planned.code == 0, planned
    assert "gender" not in read(tree, "Patient/p")
    ran = fhirkit("sync", "--json")
    assert ran.code == 0, ran
    for held in (read(tree, "Patient/p"), server.state()["Patient/p"]):
        assert (held["birthDate"], held["gender"]) == ("1980", "female")
    assert fhirkit("verify").code == 0


@pytest.mark.parametrize(
    ("how", "end"),
    [(("--ours",), "1980"), (("--theirs",), "1990"), (("Patient.birthDate=theirs",), "1990"),
     (("Patient.birthDate=ours",), "1980"), (("--edit",), "2000")],
)  # fmt: skip
def test_a_conflict_waits_and_is_resolved(
    how: tuple[str, ...],
    end: str,
    tree: Path,
    server: Any,
    fhirkit: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    both_edit(tree, server, fhirkit, {"birthDate": "1980"}, {"birthDate": "1990", "gender": "male"})
    write(tree, read(tree, "Organization/o") | {"name": "Renamed"})
    ran = fhirkit("sync", "--json")
    assert ran.code == 4
    assert ran.results()["Organization/o"] == "updated", "a conflict holds up nothing else"
    assert read(tree, "Patient/p")["birthDate"] == "1980"
    kept = json.loads((tree / ".fhirkit/conflicts/Patient/p.json").read_text())
    assert [clash["expression"] for clash in kept["clashes"]] == ["Patient.birthDate"]
    listed = fhirkit("resolve", "--json")
    assert listed.code == 4
    assert listed.json[0]["clashes"] == kept["clashes"]
    monkeypatch.setenv("VISUAL", "sed -i s/1980/2000/")
    assert fhirkit("resolve", "Patient/p", *how, "--dry-run").code == 0
    assert fhirkit("resolve").code == 4, "a dry run settles nothing"
    assert fhirkit("resolve", "Patient/p", *how).code == 0
    assert fhirkit("resolve").code == 0
    assert not (tree / ".fhirkit/conflicts/Patient/p.json").exists()
    assert fhirkit("push").code == 0
    held = server.state()["Patient/p"]
    assert held == read(tree, "Patient/p")
    assert held["birthDate"] == end
    assert ("gender" in held) == (how != ("--ours",)), "what does not clash is merged"
    assert fhirkit("verify").code == 0


@pytest.mark.parametrize("side", ["--ours", "--theirs"])
def test_deleted_there_and_edited_here(side: str, tree: Path, server: Any, fhirkit: Run) -> None:
    assert fhirkit("push").code == 0
    write(tree, read(tree, "Observation/x") | {"status": "amended"})
    server.delete("Observation/x")
    assert fhirkit("sync").code == 4
    assert "Observation/x" not in server.state(), "nothing comes back by itself"
    assert fhirkit("resolve", "Observation/x", side).code == 0
    assert fhirkit("sync").code == 0
    there = side == "--ours"
    assert ("Observation/x" in server.state()) == there
    assert (tree / "Observation/x.json").exists() == there


def test_rm_and_trash_and_back(tree: Path, server: Any, fhirkit: Run) -> None:
    assert fhirkit("push").code == 0
    assert fhirkit("rm", "Provenance/v", "--dry-run").code == 0
    assert (tree / "Provenance/v.json").exists()
    assert fhirkit("rm", "Provenance/v").code == 0
    assert fhirkit("status").out == "D Provenance/v\n"
    assert [one["resource"] for one in fhirkit("trash", "--json").json] == ["Provenance/v"]
    assert fhirkit("trash", "restore", "Provenance/v").code == 0
    assert fhirkit("status", "--check").code == 0
    assert fhirkit("trash", "restore", "Provenance/v").code == 2, "nothing is overwritten"
    assert fhirkit("rm", "Provenance/v").code == 0
    assert fhirkit("push", "--delete").code == 0
    assert "Provenance/v" not in server.state()
    assert fhirkit("trash", "empty").code == 0
    assert fhirkit("trash", "--json").json == []


def test_an_interrupted_push_is_resumed_or_given_up(tree: Path, server: Any, fhirkit: Run) -> None:
    def down(handler: Any, answer: Any, body: bytes) -> None:
        answer()
        under(server, Fault("down", faults.drop_before, "", times=0))
        faults.cut(handler)

    under(server, Fault("goes down after the commit", down, "POST"))
    assert fhirkit("push").code == 5
    under(server)
    write(tree, {"resourceType": "Organization", "id": "later", "name": "not yet"})
    latest = fhirkit("log", "--json").json[0]
    assert latest["command"] == "push"
    assert fhirkit("abort", "--dry-run", "--json").json == {
        "in_doubt": 1,
        "planned": 5,
        "exports": 0,
    }
    resumed = fhirkit("resume", "--json")
    assert resumed.code == 0, resumed
    assert len(server.state()) == 6, "only what was planned then"
    assert {len(held) for held in server.store.versions.values()} == {1}
    assert fhirkit("status").out == "A Organization/later\n"
    under(server, Fault("down", faults.drop_before, "POST", times=0))
    assert fhirkit("push").code == 5
    under(server)
    assert fhirkit("abort", "--json").json["arrived"] == 0
    assert len(server.state()) == 6
    operations = fhirkit("log", str(latest["run"]), "--json").json[0]["operations"]
    ended = {(one["state"], one.get("note")) for one in operations}
    assert ended == {
        ("applied", "found on the server by a later run"),
        ("dropped", "superseded by a later run"),
    }
    assert fhirkit("push").code == 0
    assert len(server.state()) == 7


def test_what_was_in_doubt_and_had_not_arrived_is_resumed_too(
    tree: Path, server: Any, fhirkit: Run
) -> None:
    under(server, Fault("down", faults.drop_before, "POST", times=0))
    assert fhirkit("push").code == 5
    under(server)
    planned = fhirkit("resume", "--dry-run", "--json").json["transactions"]
    assert sum(map(len, planned)) == 6
    assert fhirkit("abort", "--dry-run", "--json").json == {
        "in_doubt": 1,
        "planned": 5,
        "exports": 0,
    }
    assert fhirkit("resume").code == 0
    assert len(server.state()) == 6


def test_adopt_links_what_is_the_same(tree: Path, server: Any, fhirkit: Run) -> None:
    number = {"identifier": [{"system": "urn:example:org", "value": "1"}]}
    server.put({"resourceType": "Organization", "id": "theirs", "name": "Example clinic", **number})
    write(tree, read(tree, "Organization/o") | number)
    assert fhirkit("fetch").code == 0
    (pair,) = fhirkit("adopt", "--json").json
    assert pair == {"resource": "Organization/o", "there": "Organization/theirs"}
    assert fhirkit("adopt", "Organization/o", "Organization/theirs").code == 0
    assert fhirkit("sync").code == 0
    held = server.state()
    assert "Organization/o" not in held
    assert held["Patient/p"]["managingOrganization"] == {"reference": "Organization/theirs"}
    assert read(tree, "Patient/p") == next(one for one in sample() if one["id"] == "p")
    assert not (tree / "Organization/theirs.json").exists()
    assert fhirkit("verify").code == 0


@pytest.mark.parametrize("known", [True, False])
def test_one_resource_of_the_server_is_never_two_files(
    known: bool, tree: Path, server: Any, fhirkit: Run
) -> None:
    """Neither one that was agreed on nor a file that was never pushed shares its counterpart."""
    there = {"resourceType": "Organization", "id": "twin", "name": "Example clinic"}
    write(tree, there)
    if known:
        assert fhirkit("push").code == 0
    else:
        server.put(there | {"name": "Another one"})
    write(tree, there | {"id": "mine"})
    before = fhirkit("status", "--json").json
    for more in ((), ("--dry-run",)):
        refused = fhirkit("adopt", "Organization/mine", "Organization/twin", *more)
        assert refused.code == 2
        assert "Organization/twin: is in the tree as well" in refused.err
    assert fhirkit("status", "--json").json == before


def test_a_dry_adoption_finds_what_a_real_one_would(tree: Path, server: Any, fhirkit: Run) -> None:
    missing = fhirkit("adopt", "Organization/o", "Organization/nowhere", "--dry-run")
    assert missing.code == 2
    assert "is not on the server" in missing.err
    server.put({"resourceType": "Organization", "id": "theirs"})
    assert fhirkit("adopt", "Organization/o", "Organization/theirs", "--dry-run").code == 0
    assert fhirkit("adopt", "Organization/o", "Organization/theirs").code == 0


def test_a_conflict_shows_both_values_and_takes_no_place_that_does_not_clash(
    tree: Path, server: Any, fhirkit: Run
) -> None:
    both_edit(tree, server, fhirkit, {"birthDate": "1980"}, {"birthDate": "1981"})
    assert fhirkit("fetch").code == 0
    status = fhirkit("status", "--json")
    assert status.code == 4, "the same with and without --fetch"
    (one,) = status.json["resources"]
    assert one["reason"] == "changed here, changed on the server"
    listed = fhirkit("resolve")
    assert listed.out == "Patient/p\n  Patient.birthDate\n    ours    1980\n    theirs  1981\n"
    for words in (
        ("Patient/p", "Patient.birthdate=ours"),
        ("Patient/p", "Patient.birthDate=ours", "Patient.gender=ours"),
        ("--theirs",),
        ("Patient.birthDate=ours",),
    ):
        for more in ((), ("--dry-run",)):
            assert fhirkit("resolve", *words, *more).code == 2, words
    assert fhirkit("resolve", "Patient/p", "Patient.birthDate=theirs", "-n").code == 0
    assert fhirkit("status").code == 4
    assert fhirkit("resolve", "Patient/p", "Patient.birthDate=theirs").code == 0
    assert fhirkit("status", "--check").code == 0


def test_status_tells_of_an_interrupted_push(tree: Path, server: Any, fhirkit: Run) -> None:
    under(server, Fault("always reset", faults.drop_before, "POST", times=0))
    assert fhirkit("push").code == 5
    under(server)
    told = fhirkit("status", "--json")
    assert told.json["unfinished"] == 6
    assert "fhirkit resume" in told.err
    assert fhirkit("resume").code == 0
    assert fhirkit("status", "--json").json["unfinished"] == 0


def test_log_shows_any_run_that_is_kept(tree: Path, server: Any, fhirkit: Run) -> None:
    for _ in range(22):
        assert fhirkit("push").code == 0
    (first,) = fhirkit("log", "1", "--json").json
    assert (first["run"], len(first["operations"])) == (1, 6)
    assert fhirkit("log", "99").code == 2


def test_diff_takes_types_and_no_name_that_is_nothing(
    tree: Path, server: Any, fhirkit: Run, tmp_path: Path
) -> None:
    assert fhirkit("push").code == 0
    write(tree, read(tree, "Patient/p") | {"birthDate": "1980"})
    of_type = fhirkit("diff", "Patient", "--json")
    assert (of_type.code, [one["resource"] for one in of_type.json]) == (1, ["Patient/p"])
    assert fhirkit("diff", "Organization").code == 0
    assert fhirkit("diff", "Patient/typo").code == 2
    asked = fhirkit("diff", "--remote", "origin")
    assert asked.code == 2
    assert "--name origin" in asked.err
    assert fhirkit("remote", "remove", "origin").code == 0
    assert len(fhirkit("diff", "--json").json) == 6, "without a remote, all of it is new"


def test_a_dry_run_tells_a_merge_from_a_conflict(tree: Path, server: Any, fhirkit: Run) -> None:
    """And sync plans the push from what its pull would leave."""
    both_edit(tree, server, fhirkit, {"birthDate": "1980"}, {"gender": "male"})
    server.put({"resourceType": "Device", "id": "new"})
    files = {path: path.read_bytes() for path in tree.glob("*/*.json")}
    pulled = fhirkit("pull", "--dry-run", "--json")
    assert (pulled.code, pulled.json) == (
        0,
        [
            {"resource": "Device/new", "action": "write"},
            {"resource": "Patient/p", "action": "merge"},
        ],
    )
    assert fhirkit("pull", "--dry-run", "--no-merge").code == 4
    assert fhirkit("resolve").out == "Patient/p  nothing clashes: fhirkit pull merges it\n"
    planned = fhirkit("sync", "--dry-run", "--json")
    assert planned.code == 0, planned
    assert planned.json["files"] == pulled.json
    ((put,),) = planned.json["transactions"]
    assert (put["url"], put["ifMatch"]) == ("Patient/p", 'W/"2"')
    assert {path: path.read_bytes() for path in tree.glob("*/*.json")} == files
    assert fhirkit("sync", "--dry-run").out.startswith("write      Device/new\nmerge      Pat")
    done = fhirkit("sync", "--json")
    assert (done.code, done.results()["Patient/p"]) == (0, "updated")


def test_a_dry_run_says_why_it_is_a_conflict(tree: Path, server: Any, fhirkit: Run) -> None:
    both_edit(tree, server, fhirkit, {"birthDate": "1980"}, {"birthDate": "1981"})
    planned = fhirkit("pull", "--dry-run", "--json")
    assert planned.code == 4
    (one,) = planned.json
    assert one["reason"] == "changed here, changed on the server: Patient.birthDate"
    assert fhirkit("sync", "--dry-run").code == 4
    for command in (("pull", "--theirs"), ("push", "--ours")):
        assert fhirkit(*command, "Patient/typo", "-n").code == 2


def test_a_circle_is_deleted_at_once_or_not_at_all(tree: Path, server: Any, fhirkit: Run) -> None:
    """Neither of two that refer to each other can go first; a lost answer is looked into."""
    assert fhirkit("push").code == 0
    write(tree, {"resourceType": "Basic", "id": "b", "code": {"text": "x"},
                 "subject": {"reference": "Encounter/e"}})  # fmt: skip
    assert fhirkit("push").code == 0
    circle = {"Condition/c", "Encounter/e"}
    assert fhirkit("rm", *circle).code == 0
    refused = fhirkit("push", "--delete", "--json")
    assert refused.code == 5
    assert circle <= server.state().keys()
    assert {refused.results()[key] for key in circle} == {"refused"}
    assert fhirkit("rm", "Basic/b", "Provenance/v").code == 0
    under(server, Fault("the answer is lost", faults.drop_after, "POST"))
    done = fhirkit("push", "--delete", "--json")
    assert done.code == 0, done
    assert {key for key, word in done.results().items() if word == "deleted"} == {
        *circle, "Basic/b", "Provenance/v",
    }  # fmt: skip
    assert not circle & server.state().keys()
    (run,) = fhirkit("log", str(fhirkit("log", "--json").json[0]["run"]), "--json").json
    assert {one["state"] for one in run["operations"]} == {"applied"}
    assert fhirkit("verify").code == 0


def test_deleting_everything_takes_its_number(tree: Path, server: Any, fhirkit: Run) -> None:
    assert fhirkit("push").code == 0
    names = list(server.state())
    assert fhirkit("rm", *names).code == 0
    for words in ((), ("--max-delete", "100"), ("--max-delete", str(len(names) - 1))):
        stopped = fhirkit("push", "--delete", *words)
        assert stopped.code == 6
        assert f"--max-delete {len(names)}" in stopped.err
        assert len(server.state()) == len(names)
    assert fhirkit("push", "--delete", "--max-delete", str(len(names))).code == 0
    assert server.state() == {}


def test_a_merge_that_would_be_worse_than_both_sides_is_a_conflict(
    tree: Path, server: Any, fhirkit: Run
) -> None:
    """Each takes away one of the details of a contact; without any it breaks the rule pat-1."""
    name, phone = {"name": {"text": "A"}}, {"telecom": [{"system": "phone", "value": "1"}]}
    write(tree, read(tree, "Patient/p") | {"contact": [{"id": "k", **name, **phone}]})
    ours, theirs = {"contact": [{"id": "k", **phone}]}, {"contact": [{"id": "k", **name}]}
    both_edit(tree, server, fhirkit, ours, theirs)
    foreseen = fhirkit("pull", "--dry-run", "--json")
    assert (foreseen.code, [one["action"] for one in foreseen.json]) == (4, ["conflict"])
    pulled = fhirkit("pull", "--json")
    assert (pulled.code, pulled.results()["Patient/p"]) == (4, "conflict")
    assert "that neither side has" in pulled.out
    assert read(tree, "Patient/p")["contact"] == ours["contact"], "the file is left alone"
    (listed,) = fhirkit("resolve", "--json").json
    assert listed["clashes"] == []
    assert any("Patient.contact" in error for error in listed["errors"])
    assert "errors that neither side has" in fhirkit("resolve").out
    assert fhirkit("resolve", "Patient/p", "--theirs").code == 0
    assert fhirkit("sync").code == 0
    assert server.state()["Patient/p"]["contact"] == theirs["contact"]
