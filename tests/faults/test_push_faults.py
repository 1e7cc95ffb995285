"""Every fault against a push: nothing twice, nothing lost, and 0 only when all of it is there.

For each: the run under the fault ends as expected; a run without it completes; the one after
that writes nothing.
"""

from __future__ import annotations

from pathlib import Path

import faults
import pytest
from fake_server import FakeServer
from faults import Fault
from harness import Run, expected, read, sample, under, write

COMPLETES = [
    Fault("reset before the server has it", faults.drop_before, "POST"),
    Fault("reset before, three times", faults.drop_before, "POST", times=3),
    Fault("answer lost after the commit", faults.drop_after, "POST"),
    Fault("committed after the client gave up", faults.commit_later, "POST"),
    Fault("answer cut short", faults.truncate, "POST"),
    Fault("half a JSON document", faults.half_json, "POST"),
    Fault("answer drips beyond the deadline", faults.drip, "POST"),
    Fault("429 with seconds", faults.status(429, {"Retry-After": "0"}), "POST", times=3),
    Fault("429 with a day", faults.status(429, {"Retry-After": "86400"}), "POST"),
    Fault("429 with nonsense", faults.status(429, {"Retry-After": "soon"}), "POST"),
    Fault("429 with a date long past",
          faults.status(429, {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}), "POST"),
    Fault("503", faults.status(503), "POST", times=2),
    Fault("503 although committed", faults.status(503, commit=True), "POST"),
    Fault("504 although committed", faults.status(504, commit=True), "POST"),
    Fault("500 once", faults.status(500), "POST"),
    Fault("412 once, for no reason", faults.status(412), "POST"),
    Fault("409 once, for no reason", faults.status(409), "POST"),
    Fault("400 although committed", faults.status(400, commit=True), "POST"),
    Fault("a web page with 200, committed", faults.page(b"<html>hi</html>"), "POST"),
    Fault("a web page with 200, not committed", faults.page(b"<html>", commit=False), "POST"),
    Fault("an empty 200", faults.page(b""), "POST"),
    Fault("an OperationOutcome with 200", faults.outcome_200, "POST"),
    Fault("a JSON list with 200", faults.page(b"[1]"), "POST"),
    Fault("a gzip bomb", faults.bomb, "POST"),
    Fault("answer with an entry less", faults.changed(faults.without_last), "POST"),
    Fault("answer in another order", faults.changed(faults.reordered), "POST"),
    Fault("the request delivered twice", faults.twice, "POST"),
    Fault("503 on every second read", faults.status(503), "GET", times=2),
    Fault("reset while reading", faults.drop_before, "GET", first=2, times=2),
    Fault("metadata cut short", faults.truncate, "GET", "metadata"),
    Fault("a web page instead of a read", faults.page(b"<html>", 404), "GET", "Organization/o"),
]  # fmt: skip

FAILS = [
    Fault("always reset", faults.drop_before, "POST", times=0),
    Fault("always 503", faults.status(503), "POST", times=0),
    Fault("always 500", faults.status(500), "POST", times=0),
    Fault("everything answers 500", faults.status(500), "", times=0),
    Fault("always 401", faults.status(401), "POST", times=0),
    Fault("always 403", faults.status(403), "POST", times=0),
    Fault("a proxy page says 404 to everything", faults.page(b"<html>", 404), "", times=0),
    Fault("always a log-in page", faults.page(b"<html>", commit=False), "", times=0),
    Fault("always a redirect", faults.redirect, "POST", times=0),
    Fault("always a redirect of reads", faults.redirect, "GET", times=0),
    Fault("every read fails", faults.status(500), "GET", times=0),
]


@pytest.mark.parametrize("fault", COMPLETES, ids=lambda fault: fault.name)
@pytest.mark.parametrize("bumps", [False, True], ids=["", "every put a version"])
def test_a_passing_fault_is_survived(
    fault: Fault, bumps: bool, tree: Path, server: FakeServer, fhirkit: Run
) -> None:
    fault.met = fault.struck = 0
    server.set(identical_update_is_new_version=bumps)
    under(server, fault)
    ran = fhirkit("push", "--json")
    assert fault.struck, "the fault met no request, so it shows nothing"
    assert ran.code == 0, ran
    assert set(ran.results().values()) == {"created"}
    holds_after(tree, server, fhirkit, most_versions=2 if fault.name in MAY_DOUBLE else 1)


#: Here the same content may be written a second time, by a proxy or because the first came late.
MAY_DOUBLE = ("the request delivered twice", "committed after the client gave up")


@pytest.mark.parametrize("fault", FAILS, ids=lambda fault: fault.name)
def test_a_lasting_fault_fails_the_command(
    fault: Fault, tree: Path, server: FakeServer, fhirkit: Run
) -> None:
    fault.met = fault.struck = 0
    under(server, fault)
    ran = fhirkit("push", "--json")
    assert fault.struck
    assert ran.code == 5, ran
    assert "elsewhere.example/" not in ran.err
    assert server.state() == {}
    under(server)
    again = fhirkit("push", "--json")
    assert again.code == 0, again
    holds_after(tree, server, fhirkit)


def holds_after(tree: Path, server: FakeServer, fhirkit: Run, *, most_versions: int = 1) -> None:
    under(server)
    assert server.state() == expected(sample())
    assert max(len(held) for held in server.store.versions.values()) <= most_versions
    versions, requests = server.version_count(), len(server.log)
    third = fhirkit("push", "--json")
    assert third.code == 0, third
    assert set(third.results().values()) == {"unchanged"}
    assert {one.method for one in server.log[requests:]} == {"GET"}
    assert server.version_count() == versions
    assert fhirkit("diff", "--remote").code == 0
    assert fhirkit("status", "--check").code == 0


@pytest.mark.parametrize("act", [faults.drop_after, faults.status(504, commit=True)])
def test_a_lost_answer_to_an_update_is_not_written_twice(
    act: faults.Act, tree: Path, server: FakeServer, fhirkit: Run
) -> None:
    assert fhirkit("push").code == 0
    server.set(identical_update_is_new_version=True)
    patient = read(tree, "Patient/p") | {"birthDate": "1980"}
    write(tree, patient)
    under(server, Fault("lost", act, "POST"))
    ran = fhirkit("push", "--json")
    assert ran.code == 0, ran
    assert ran.results()["Patient/p"] == "updated"
    assert len(server.store.versions["Patient/p"]) == 2


@pytest.mark.parametrize("code", [412, 409, 400])
def test_a_foreign_change_becomes_a_conflict_and_the_rest_goes_on(
    code: int, tree: Path, server: FakeServer, fhirkit: Run
) -> None:
    assert fhirkit("push").code == 0
    server.set(stale_status=code, stale_in_transaction=code)
    write(tree, read(tree, "Patient/p") | {"birthDate": "1980"})
    write(tree, read(tree, "Organization/o") | {"name": "Other"})
    theirs = server.state()["Patient/p"] | {"birthDate": "2001"}

    def races(handler, answer, body) -> None:  # type: ignore[no-untyped-def]
        server.put(theirs)
        handler.send(answer())

    under(server, Fault("somebody is faster", races, "POST"))
    ran = fhirkit("push", "--json")
    assert ran.code == 4, ran
    assert ran.results()["Patient/p"] == "conflict"
    assert ran.results()["Organization/o"] == "updated"
    assert server.state()["Patient/p"] == theirs
    assert read(tree, "Patient/p")["birthDate"] == "1980"
    assert fhirkit("pull", "--type", "Patient").code == 4
    assert read(tree, "Patient/p")["birthDate"] == "1980"
    settled = fhirkit("push", "--ours", "Patient/p", "--json")
    assert settled.code == 0, settled
    assert server.state()["Patient/p"]["birthDate"] == "1980"
    assert fhirkit("status", "--fetch", "--check").code == 0


def test_somebody_else_creates_the_same_id_meanwhile(
    tree: Path, server: FakeServer, fhirkit: Run
) -> None:
    theirs = {"resourceType": "Organization", "id": "o", "name": "Theirs"}

    def races(handler, answer, body) -> None:  # type: ignore[no-untyped-def]
        server.put(theirs)
        handler.send(answer())

    under(server, Fault("somebody is faster", races, "POST"))
    ran = fhirkit("push", "--json")
    assert ran.code == 4, ran
    assert server.state() == {"Organization/o": theirs}
    assert ran.results()["Patient/p"] == "waiting", "nobody knows yet whether it means theirs"
    assert "refers to Organization/o" in ran.out
    assert fhirkit("push", "--ours", "Organization/o").code == 0
    holds_after(tree, server, fhirkit, most_versions=2)


def test_a_server_without_the_guard_is_told_to_have_overwritten(
    tree: Path, server: FakeServer, fhirkit: Run
) -> None:
    server.set(heeds_guard=False)

    def races(handler, answer, body) -> None:  # type: ignore[no-untyped-def]
        server.put({"resourceType": "Organization", "id": "o", "name": "Theirs"})
        handler.send(answer())

    under(server, Fault("somebody is faster", races, "POST"))
    ran = fhirkit("push", "--json")
    assert ran.code == 4, ran
    note = next(x["note"] for x in ran.json["resources"] if x["resource"] == "Organization/o")
    assert "version 1" in note


def test_one_refused_resource_does_not_stop_the_others(
    tree: Path, server: FakeServer, fhirkit: Run
) -> None:
    server.set(refuses="Condition/*")
    ran = fhirkit("push", "--json")
    assert ran.code == 5
    results = ran.results()
    assert results["Condition/c"] == results["Encounter/e"] == "refused", "they form a circle"
    assert results["Provenance/v"] == "waiting"
    assert [results[key] for key in ("Organization/o", "Patient/p", "Observation/x")] == [
        "created"
    ] * 3
    server.set(refuses="")
    assert fhirkit("push").code == 0
    holds_after(tree, server, fhirkit)


def test_a_server_that_spells_content_its_own_way_settles(
    tree: Path, server: FakeServer, fhirkit: Run
) -> None:
    server.normalise(
        lambda resource: (
            {name: value for name, value in resource.items() if name != "birthDate"}
            | {"language": "en"}
        )
    )
    ran = fhirkit("push", "--json")
    assert ran.code == 0
    assert "another form" in ran.out
    requests = len(server.log)
    assert fhirkit("push").code == 0
    assert {one.method for one in server.log[requests:]} == {"GET"}
    assert fhirkit("status", "--fetch", "--check").code == 0
    assert fhirkit("pull").code == 0
    assert read(tree, "Patient/p")["birthDate"] == "1979", "its spelling is not a remote edit"


def test_such_a_server_loses_the_answer_but_keeps_the_request_id(
    tree: Path, server: FakeServer, fhirkit: Run
) -> None:
    server.normalise(lambda resource: resource | {"language": "en"})
    server.set(keeps_request_id=True)
    under(server, Fault("lost", faults.drop_after, "POST"))
    ran = fhirkit("push", "--json")
    assert ran.code == 0, ran
    assert max(map(len, server.store.versions.values())) == 1


@pytest.mark.parametrize("number", [1, 2])
def test_such_a_server_keeps_no_request_id_and_its_habit_tells(
    number: int, tree: Path, server: FakeServer, fhirkit: Run
) -> None:
    server.normalise(lambda resource: resource | {"language": "en"})
    under(server, Fault("lost", faults.drop_after, "POST", first=number))
    ran = fhirkit("push", "--json")
    assert ran.code == 0, ran
    assert set(ran.results().values()) == {"created"}
    assert fhirkit("verify").code == 0
    assert fhirkit("pull", "--json").code == 0
    assert "language" not in read(tree, "Patient/p")
    assert max(map(len, server.store.versions.values())) == 1


@pytest.mark.parametrize("kind", ["all that is new", "a circle"])
def test_what_hangs_on_a_conflict_waits_and_the_rest_goes_on(
    kind: str, tree: Path, server: FakeServer, fhirkit: Run
) -> None:
    """Condition/c and Encounter/e form a circle, and Provenance/v refers to Condition/c."""
    assert fhirkit("push").code == 0
    for key in ("Condition/c", "Encounter/e", "Provenance/v", "Organization/o"):
        write(tree, read(tree, key) | {"language": "de"})
    server.put(server.state()["Condition/c"] | {"recordedDate": "2020"})
    if kind == "a circle":
        write(tree, read(tree, "Provenance/v") | {"target": [{"reference": "Encounter/e"}]})
    planned = fhirkit("push", "--dry-run", "--json")
    assert planned.code == 4
    assert planned.json["waiting"] == ["Encounter/e", "Provenance/v"]
    assert [[one["url"] for one in group] for group in planned.json["transactions"]] == [
        ["Organization/o"]
    ]
    before = server.state()
    ran = fhirkit("push", "--json")
    assert ran.code == 4, ran
    results = ran.results()
    assert results["Condition/c"] == "conflict"
    assert results["Encounter/e"] == results["Provenance/v"] == "waiting"
    assert results["Organization/o"] == "updated"
    assert server.state()["Encounter/e"] == before["Encounter/e"]
    assert fhirkit("pull").code == 0
    assert fhirkit("push").code == fhirkit("verify").code == 0
    assert server.state()["Condition/c"]["recordedDate"] == "2020"
    assert server.state()["Encounter/e"]["language"] == "de"


def test_what_hangs_on_a_conflict_that_shows_on_the_way_waits_as_well(
    tree: Path, server: FakeServer, fhirkit: Run
) -> None:
    assert fhirkit("push").code == 0
    for key in ("Condition/c", "Encounter/e", "Provenance/v", "Organization/o"):
        write(tree, read(tree, key) | {"language": "de"})

    def races(handler, answer, body) -> None:  # type: ignore[no-untyped-def]
        server.put(server.state()["Condition/c"] | {"recordedDate": "2020"})
        handler.send(answer())

    under(server, Fault("somebody is faster", races, "POST"))
    ran = fhirkit("push", "--json")
    assert ran.code == 4, ran
    results = ran.results()
    assert results["Condition/c"] == "conflict"
    assert results["Encounter/e"] == results["Provenance/v"] == "waiting"
    assert results["Organization/o"] == "updated"
    assert "language" not in server.state()["Encounter/e"]
    assert fhirkit("pull").code == 0
    assert fhirkit("push").code == fhirkit("verify").code == 0
    assert server.state()["Condition/c"]["recordedDate"] == "2020"
    assert server.state()["Encounter/e"]["language"] == "de"


def too_large(most: int, status: int, outcome: dict[str, object]) -> faults.Act:
    def act(handler, answer, body) -> None:  # type: ignore[no-untyped-def]
        if len(faults.json.loads(body)["entry"]) <= most:
            handler.send(answer())
        else:
            handler.send(faults.Reply(status, outcome))

    return act


@pytest.mark.parametrize(
    ("status", "code"), [(413, "processing"), (400, "too-costly"), (422, "too-costly")]
)
def test_a_circle_larger_than_the_server_takes_is_told_and_nothing_of_it_sent(
    status: int, code: str, tree: Path, server: FakeServer, fhirkit: Run
) -> None:
    said = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": code}]}
    under(server, Fault("too large", too_large(1, status, said), "POST", times=0))
    ran = fhirkit("push", "--json")
    assert ran.code == 6, ran
    results = ran.results()
    assert results["Condition/c"] == results["Encounter/e"] == "blocked"
    assert results["Provenance/v"] == "waiting"
    assert {"Condition/c", "Encounter/e", "Provenance/v"}.isdisjoint(server.state())
    assert {key for key, result in results.items() if result == "created"} == set(server.state())
    assert len(server.state()) == 3
    (note,) = [one for one in ran.json["notes"] if "circle" in one]
    assert "Condition/c, Encounter/e" in note
    assert "leave one of the references out" in note
    again = fhirkit("push", "--json")
    assert again.code == 6, "and it stays so, whatever else is done already"
    under(server)
    assert fhirkit("push").code == 0
    holds_after(tree, server, fhirkit)


def test_a_server_that_gives_its_own_ids_is_left_at_once(
    tree: Path, server: FakeServer, fhirkit: Run
) -> None:
    def assign(handler, answer, body) -> None:  # type: ignore[no-untyped-def]
        kinds = [one["resource"]["resourceType"] for one in faults.json.loads(body)["entry"]]
        entries = [
            {"response": {"status": "201", "location": f"{kind}/made-{number}/_history/1"}}
            for number, kind in enumerate(kinds)
        ]
        body = {"resourceType": "Bundle", "type": "transaction-response", "entry": entries}
        handler.send(faults.Reply(200, body))

    under(server, Fault("own ids", assign, "POST", times=0))
    ran = fhirkit("push", "--json")
    assert ran.code == 6, ran
    assert sum(one.method == "POST" for one in server.log) == 1


def test_a_server_that_says_yes_and_does_nothing(
    tree: Path, server: FakeServer, fhirkit: Run
) -> None:
    def pretend(handler, answer, body) -> None:  # type: ignore[no-untyped-def]
        kept = dict(server.store.versions)
        reply = answer()
        server.store.versions.clear()
        server.store.versions.update(kept)
        handler.send(reply)

    under(server, Fault("pretends", pretend, "POST", times=0))
    ran = fhirkit("push")
    assert ran.code == 5, ran


def test_an_emptied_server_is_not_filled_again_unasked(
    tree: Path, server: FakeServer, fhirkit: Run
) -> None:
    assert fhirkit("push").code == 0
    server.store.versions.clear()
    assert fhirkit("push").code == 6
    assert fhirkit("pull").code == 6
    assert server.state() == {}
    assert read(tree, "Patient/p")
    assert fhirkit("remote", "reset", "origin").code == 0
    assert fhirkit("push").code == 0
    holds_after(tree, server, fhirkit)


def test_deletions_wait_to_be_asked_for(tree: Path, server: FakeServer, fhirkit: Run) -> None:
    assert fhirkit("push").code == 0
    (tree / "Provenance/v.json").unlink()
    (tree / "Observation/x.json").unlink()
    server.put(server.state()["Observation/x"] | {"status": "amended"})
    ran = fhirkit("push", "--json")
    assert ran.code == 4
    assert ran.results()["Provenance/v"] == "kept"
    under(server, Fault("lost", faults.drop_after, "DELETE"))
    ran = fhirkit("push", "--delete", "--json")
    assert ran.code == 4
    assert ran.results()["Provenance/v"] == "deleted"
    assert "Observation/x" in server.state(), "a changed resource is not deleted"
    assert fhirkit("pull", "--theirs", "Observation/x").code == 0
    assert read(tree, "Observation/x")["status"] == "amended"


def test_dry_run_prints_what_a_push_sends(tree: Path, server: FakeServer, fhirkit: Run) -> None:
    planned = fhirkit("push", "--dry-run", "--json").json["transactions"]
    assert server.version_count() == 0
    sent: list[object] = []

    def note(handler, answer, body) -> None:  # type: ignore[no-untyped-def]
        sent.append([entry["request"] for entry in faults.json.loads(body)["entry"]])
        handler.send(answer())

    under(server, Fault("note", note, "POST", times=0))
    assert fhirkit("push").code == 0
    first, trial, *others = sent
    assert planned == [first, *others], "what comes between is the trial of the guard"
    assert trial == first
