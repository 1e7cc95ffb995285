"""The chaos server: what its faults do on the wire, and its schedule as data."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from fhirkit.chaos import PROFILES, Behaviour, ChaosServer, read_schedule
from fhirkit.chaos.behaviour import parse_setting, profile_named
from fhirkit.chaos.faults import FAULTS
from fhirkit.chaos.schedule import schedule_of
from fhirkit.chaos.store import Store, seconds
from fhirkit.core.errors import BadAnswer, Conflict, FhirkitError, Refused, Unreachable, UsageError
from fhirkit.core.resource import ResourceKey
from fhirkit.remote import Client, Policy, Transport
from fhirkit.remote.failures import Busy

P = ResourceKey("Patient", "p")
PATIENT = {"resourceType": "Patient", "id": "p", "birthDate": "1970"}


@pytest.fixture
def server() -> Iterator[ChaosServer]:
    server = ChaosServer()
    yield server
    server.close()


def client_of(server: ChaosServer, *, tries: int = 1, timeout: float = 20.0) -> Client:
    policy = Policy(timeout=timeout, tries=tries, first_wait=0.01, longest_wait=0.05,
                    max_bytes=1_000_000)  # fmt: skip
    return Client(server.url, transport=Transport(server.url, policy=policy))


def under(server: ChaosServer, do: str, /, **rule: Any) -> None:
    server.faults = schedule_of({"fault": [{"do": do, **rule}]})


def bundle(*resources: dict[str, Any], kind: str = "transaction") -> dict[str, Any]:
    entries = [
        {"resource": one, "request": {"method": "PUT", "url": f"{one['resourceType']}/{one['id']}"}}
        for one in resources
    ]
    return {"resourceType": "Bundle", "type": kind, "entry": entries}


def patients(count: int) -> list[dict[str, Any]]:
    return [{"resourceType": "Patient", "id": f"p{number}"} for number in range(count)]


# -- faults -----------------------------------------------------------------------------------

#: fault → (settings, the error of a client that sends once, whether the write was carried out)
ON_WRITES: dict[str, tuple[dict[str, Any], type[Exception] | None, bool]] = {
    "drop-before": ({}, Unreachable, False),
    "drop-after": ({}, Unreachable, True),
    "late-commit": ({"seconds": 0.1}, Unreachable, True),
    "delay": ({"seconds": 0.05}, None, True),
    "truncate": ({}, Unreachable, True),
    "drip": ({"seconds": 0.3}, Unreachable, True),
    "status": ({"status": 503}, Busy, False),
    "html": ({"commit": True}, BadAnswer, True),
    "outcome-200": ({}, BadAnswer, False),
    "empty-200": ({}, None, False),
    "redirect": ({}, Refused, False),
    "gzip-bomb": ({}, BadAnswer, False),
    "twice": ({}, None, True),
    "clock-skew": ({"seconds": -7200}, None, True),
    "stamp-early": ({"seconds": 60}, None, True),
    "emptied": ({}, None, True),
    "exchanged": ({}, None, True),
    "behave": ({"setting": "refuses", "value": "Patient/*"}, Refused, False),
    "other-writer": ({}, None, True),
    "down": ({"seconds": 0.1}, Unreachable, False),
}


@pytest.mark.parametrize("fault", list(ON_WRITES))
def test_a_fault_on_a_write(server: ChaosServer, fault: str) -> None:
    settings, error, carried_out = ON_WRITES[fault]
    under(server, fault, method="PUT", **settings)
    client = client_of(server, timeout=1.0 if fault == "drip" else 20.0)
    if error is None:
        client.update(PATIENT)
    else:
        with pytest.raises(error):
            client.update(PATIENT)
    time.sleep(0.3 if fault in ("late-commit", "down") else 0)
    server.faults = None
    assert ("Patient/p" in server.state()) == carried_out
    # It strikes once; afterwards all is as usual.
    client_of(server).update(PATIENT)
    assert server.state()["Patient/p"]["birthDate"] == "1970"


def test_faults_on_answers_of_transactions(server: ChaosServer) -> None:
    client = client_of(server)
    for fault, count in (("short-response", 2), ("reordered-response", 3), ("entry-status", 3)):
        server.store.empty()
        under(server, fault, method="POST")
        answer = client.transaction(bundle(*patients(3)))
        assert len(answer["entry"]) == count
    assert [one["response"]["status"] for one in answer["entry"]] == ["429", "201", "201"]
    assert set(server.state()) == {"Patient/p1", "Patient/p2"}


@pytest.mark.parametrize(
    ("fault", "error"),
    [("next-link-loop", BadAnswer), ("next-link-gone", FhirkitError), ("repeat", FhirkitError),
     ("next-link-missing", FhirkitError), ("next-link-elsewhere", None)],
)  # fmt: skip
def test_faults_on_pages(server: ChaosServer, fault: str, error: type[Exception] | None) -> None:
    for resource in patients(25):
        server.put(resource)
    under(server, fault, method="GET", times=0)
    client = client_of(server)
    if error is None:
        assert len(client.search("Patient", {"_count": "5"}).matches) == 25
        return
    with pytest.raises(error):
        client.search("Patient", {"_count": "5"})


def test_faults_on_reads(server: ChaosServer) -> None:
    server.put(PATIENT)
    server.put({**PATIENT, "birthDate": "1971"})
    under(server, "stale-read", method="GET")
    client = client_of(server)
    assert (client.read(P) or {})["birthDate"] == "1970"
    assert (client.read(P) or {})["birthDate"] == "1971"
    under(server, "truncate", fits=True)
    with pytest.raises(BadAnswer):
        client.read(P)


def begun(server: ChaosServer, client: Client) -> str:
    """Where the status of a new export is, which is finished."""
    place: str = client.transport.request(
        "GET", f"{server.url}/$export", what="x", headers={"Prefer": "respond-async"}
    ).headers["content-location"]
    client.transport.request("GET", place, what="x")
    return place


OBSERVATION: dict[str, Any] = {"resourceType": "Observation", "id": "x", "status": "final"}
#: Fault → whether it is seen in (the manifest, the lines of each file).
ON_EXPORTS: dict[str, Callable[[dict[str, Any], list[bytes], bytes], bool]] = {
    "export-half-lines": lambda _, lines, whole: lines[0] != whole and whole.startswith(lines[0]),
    "export-fewer-lines": lambda _, lines, __: lines == [],
    "export-double-lines": lambda _, lines, whole: lines == [whole, whole],
    "export-mixed-lines": lambda _, lines, __: b'"Patient"' in lines[0],
    "export-no-files": lambda _, lines, __: lines == [b"404"],
    "export-errors": lambda manifest, lines, whole: bool(manifest["error"]) and lines == [whole],
    "export-false-deletions": lambda manifest, _, __: manifest["deleted"][0]["type"] == "Bundle",
    "export-files-elsewhere": lambda manifest, _, __: manifest["output"][0]["url"].startswith(
        "https://files.elsewhere.example/"
    ),
    "export-odd-manifest": lambda manifest, _, __: "transactionTime" not in manifest,
}


@pytest.mark.parametrize("fault", ON_EXPORTS)
def test_faults_on_exports(server: ChaosServer, fault: str) -> None:
    server.put(OBSERVATION)
    server.put(PATIENT)
    client = client_of(server)
    place = begun(server, client)
    whole = json.dumps(server.store.read("Observation/x"), separators=(",", ":")).encode()
    under(server, fault, path="/$export-status*")
    manifest = client.transport.request("GET", place, what="x").body
    file = manifest["output"][0]
    assert (file["type"], file["count"]) == ("Observation", 1)
    lines = []
    if file["url"].startswith(server.url):
        try:
            lines = client.transport.download(file["url"], what="x", accept="*/*").data.splitlines()
        except Refused as problem:
            lines = [str(problem.status).encode()]
    assert ON_EXPORTS[fault](manifest, lines, whole)


def test_faults_on_the_status_of_exports(server: ChaosServer) -> None:
    server.put(PATIENT)
    client = client_of(server)
    place = begun(server, client)
    under(server, "export-slow", polls=2, retry_after="7")
    said = [client.transport.request("GET", place, what="x") for _ in range(3)]
    assert [one.status for one in said] == [202, 202, 200]
    assert said[0].headers["retry-after"] == "7"
    under(server, "export-forgotten")
    with pytest.raises(Refused) as caught:
        client.transport.request("GET", place, what="x")
    assert caught.value.status == 404


def test_exports_of_patients_and_groups(server: ChaosServer) -> None:
    for resource in (
        PATIENT,
        {"resourceType": "Patient", "id": "q"},
        {**OBSERVATION, "subject": {"reference": "Patient/q"}},
        {"resourceType": "Organization", "id": "o"},
        {"resourceType": "Group", "id": "g", "type": "person", "actual": True,
         "member": [{"entity": {"reference": "Patient/p"}}]},
    ):  # fmt: skip
        server.put(resource)
    client = client_of(server)

    def kinds(path: str) -> list[str]:
        place = client.transport.request(
            "GET", f"{server.url}/{path}", what="x", headers={"Prefer": "respond-async"}
        ).headers["content-location"]
        client.transport.request("GET", place, what="x")
        output = client.transport.request("GET", place, what="x").body["output"]
        return [f"{one['type']} {one['count']}" for one in output]

    assert kinds("Patient/$export") == ["Group 1", "Observation 1", "Patient 2"]
    assert kinds("Group/g/$export") == ["Group 1", "Patient 1"]
    for path in ("Group/none/$export", "Observation/$export", "Group/$export"):
        with pytest.raises(Refused):
            kinds(path)


def test_every_fault_is_tried_here() -> None:
    tried = {
        *ON_WRITES, "short-response", "reordered-response", "entry-status", "next-link-loop",
        "next-link-gone", "next-link-missing", "next-link-elsewhere", "repeat", "stale-read",
        *ON_EXPORTS, "export-slow", "export-forgotten",
    }  # fmt: skip
    assert set(FAULTS) == tried


@pytest.mark.parametrize(
    ("kind", "low", "high"),
    [(7, 7, 7), ("7", 7, 7), ("date", 0.5, 2.1), ("absurd", 8e7, 9e7), ("negative", None, None),
     ("words", None, None), ("", None, None)],
)  # fmt: skip
def test_kinds_of_retry_after(
    server: ChaosServer, kind: Any, low: float | None, high: float | None
) -> None:
    under(server, "status", status=429, retry_after=kind)
    with pytest.raises(Busy) as caught:
        client_of(server).read(P)
    wait = caught.value.wait
    assert (wait is None) == (low is None)
    if wait is not None and low is not None and high is not None:
        assert low <= wait <= high


# -- the schedule -----------------------------------------------------------------------------


def test_a_schedule_chooses_by_method_path_and_number(server: ChaosServer, tmp_path: Path) -> None:
    path = tmp_path / "faults.toml"
    path.write_text(
        """
[[fault]]
name = "the second and third read of a patient"
method = "get"
path = "/Patient/*"
nth = 2
times = 2
do = "status"
status = 500

[[fault]]
name = "never"
path = "/Observation*"
do = "drop-before"
"""
    )
    server.put(PATIENT)
    schedule = read_schedule(path)
    server.faults = schedule
    client = client_of(server)
    told = []
    for _ in range(5):
        try:
            told.append(client.read(P) is not None)
        except Busy:
            told.append(False)
    assert told == [True, False, False, True, True]
    assert schedule.unmet == ["never"]
    assert [one.status for one in server.log] == [200, 500, 500, 200, 200]


def test_the_schedule_of_the_page_strikes_what_it_says(server: ChaosServer, tmp_path: Path) -> None:
    """Its first rule is about transactions, which are posted to the base itself."""
    page = (Path(__file__).parents[3] / "docs/chaos.md").read_text()
    path = tmp_path / "faults.toml"
    path.write_text(page.partition("```toml\n")[2].partition("```")[0])
    schedule = read_schedule(path)
    server.faults = schedule
    for number in (1, 2):
        body = json.dumps(bundle({"resourceType": "Organization", "id": f"o{number}"})).encode()
        request = urllib.request.Request(
            server.url, body, {"Content-Type": "application/fhir+json"}
        )
        with suppress(OSError), urllib.request.urlopen(request) as answer:
            assert (number, answer.status) == (1, 200)
    assert len(server.state()) == 2, "the second was carried out, and its answer lost"
    with pytest.raises(Busy):
        client_of(server).read(P)
    assert schedule.unmet == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x", "not TOML"),
        ("[other]", "nothing else"),
        ("[[fault]]\nname='x'", "fault 1.*do"),
        ("[[fault]]\ndo='magic'", "no fault 'magic'"),
        ("[[fault]]\ndo='delay'\nsecond=1", "no setting second"),
        ("[[fault]]\ndo='delay'\nseconds='1'", "seconds expects float"),
        ("[[fault]]\ndo='delay'\nnth=0", "nth"),
        ("[[fault]]\ndo='delay'\ntimes=true", "times expects int"),
        ("[[fault]]\ndo='delay'\n[[fault]]\ndo='delay'\nmethod=1", "fault 2.*method"),
        ("fault = 1", "expected"),
        ("fault = [1]", "expected a table"),
    ],
)
def test_a_wrong_schedule_is_said_where(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "faults.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=said):
        read_schedule(path)


def test_settings() -> None:
    assert parse_setting("page-size=7") == ("page_size", 7)
    assert parse_setting("client-ids=refused") == ("client_ids", "refused")
    assert parse_setting("heeds-guard=false") == ("heeds_guard", False)
    assert Behaviour().changed({"search_memory": 3}).search_memory == 3.0
    for bad in ({"nothing": 1}, {"page_size": "7"}, {"heeds_guard": 1}):
        with pytest.raises(UsageError):
            Behaviour().changed(bad)
    with pytest.raises(UsageError, match="magic"):
        profile_named("magic")
    profile_named("hapi").page_size = 3
    assert PROFILES["hapi"].page_size == 20, "a server's settings are its own"


# -- the server -------------------------------------------------------------------------------


def test_a_transaction_that_is_refused_leaves_no_trace(server: ChaosServer) -> None:
    server.put(PATIENT)
    before = server.account()
    wrong = bundle({**PATIENT, "birthDate": "1999"}, *patients(2))
    wrong["entry"].append({"request": {"method": "PUT", "url": "Patient/x"}})
    with pytest.raises(Refused):
        client_of(server).transaction(wrong)
    after = server.account()
    assert (after["resources"], after["commits"]) == (before["resources"], before["commits"])


def test_urn_references_become_what_their_entries_became(server: ChaosServer) -> None:
    system = {"system": "urn:uuid:0d4c1f1e-2c55-4d0f-8f5e-2f4d3b6f0a11", "value": "1"}
    urn = "urn:uuid:6f1d2d5e-62b4-4c55-9d0e-7a2b0e1f0003"
    observation = {"resourceType": "Observation", "id": "o", "status": "final",
                   "code": {"text": "x"}, "subject": {"reference": urn}}  # fmt: skip
    for _ in range(2):
        answer = client_of(server).transaction(
            {
                "resourceType": "Bundle",
                "type": "transaction",
                "entry": [
                    {"resource": observation, "request": {"method": "PUT", "url": "Observation/o"}},
                    {
                        "fullUrl": urn,
                        "resource": {"resourceType": "Patient", "identifier": [system]},
                        "request": {"method": "POST", "url": "Patient",
                                    "ifNoneExist": f"identifier={system['system']}|1"},
                    },
                ],
            }
        )  # fmt: skip
        assert [one["response"]["status"][:1] for one in answer["entry"]] == ["2", "2"]
    patient = next(key for key in server.state() if key.startswith("Patient/"))
    assert server.state()["Observation/o"]["subject"]["reference"] == patient
    assert len(server.state()) == 2


def test_references_and_deletions(server: ChaosServer) -> None:
    client = client_of(server)
    observation = {"resourceType": "Observation", "id": "o", "status": "final",
                   "code": {"text": "x"}, "subject": {"reference": "Patient/p"}}  # fmt: skip
    with pytest.raises(Refused):
        client.update(observation)
    client.update(PATIENT)
    client.update(observation)
    with pytest.raises(Conflict):
        client.delete(P)
    client.delete(ResourceKey("Observation", "o"))
    client.delete(P)
    assert server.state() == {}
    assert client.read(P) is None


def test_a_search_may_be_answered_from_memory_or_lag(server: ChaosServer) -> None:
    server.behaviour = Behaviour(search_memory=60)
    client = client_of(server)

    def found(**headers: str) -> int:
        place = f"{server.url}/Patient?birthDate=1970"
        return len(client.transport.request("GET", place, what="x", headers=headers).body
                   .get("entry", []))  # fmt: skip

    assert found() == 0
    server.put(PATIENT)
    assert found() == 0
    assert found(**{"Cache-Control": "no-cache"}) == 1
    time.sleep(0.25)
    server.behaviour = Behaviour(late_index=0.2)
    server.put({**PATIENT, "id": "q"})
    assert found() == 1
    time.sleep(0.25)
    assert found() == 2


def test_the_clock_never_stands_still_and_may_be_wrong() -> None:
    store = Store()
    stamps = [store.write("Patient/p", dict(PATIENT), "PUT").stamp for _ in range(50)]
    assert stamps == sorted(set(stamps))
    store.skew = -7200
    assert (seconds(store.write("Patient/p", None, "DELETE").stamp) or 0) < time.time() - 7000


def test_a_server_that_is_down_comes_back_at_the_same_address(server: ChaosServer) -> None:
    under(server, "down", seconds=0.3)
    with pytest.raises(Unreachable):
        client_of(server).read(P)
    time.sleep(0.1)
    with pytest.raises(Unreachable, match="nothing listens"):
        client_of(server).read(P)
    time.sleep(0.5)
    assert client_of(server).read(P) is None


@pytest.mark.parametrize("body", [b"", b"[", b"[]", b"{}", b'{"resourceType":"Bundle"}', b"\xff"])
@pytest.mark.parametrize(
    "target", ["", "/Patient", "/Patient/p", "/Nonsense/x", "/Patient/a/b/c/d"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH"])
def test_no_request_is_a_bug(server: ChaosServer, method: str, target: str, body: bytes) -> None:
    for query in ("", "_getpages=x", "_count=-1&_sort=&_lastUpdated=x", "_since=x&=&%"):
        reply = server.handle(method, target, query, {"If-Match": "x"}, body)
        assert 200 <= reply.status < 600


# -- the command ------------------------------------------------------------------------------


def run(folder: Path, *words: str, until: Callable[[str], None]) -> tuple[int, str, str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "fhirkit.cli.main", "chaos", *words],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    url = process.stdout.readline().strip()
    try:
        until(url)
    finally:
        os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=20)
    return process.returncode, out, err


def test_the_command_serves_fails_and_gives_account(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text(json.dumps(PATIENT))
    (tmp_path / "s.toml").write_text('[[fault]]\nmethod = "PUT"\ndo = "drop-after"\n')

    def use(url: str) -> None:
        policy = Policy(timeout=5, tries=1)
        client = Client(url, transport=Transport(url, policy=policy))
        assert client.read(P) is not None
        with pytest.raises(Unreachable):
            client.update({**PATIENT, "birthDate": "1971"})

    words = ("--profile", "hapi", "--set", "page-size=3", "--schedule", "s.toml",
             "--load", "p.json", "--dump", "d.json")  # fmt: skip
    code, out, err = run(tmp_path, *words, until=use)
    assert (code, out) == (0, "")
    assert "cut PUT /Patient/p" in err
    account = json.loads((tmp_path / "d.json").read_text())
    assert [one["version"] for one in account["commits"]] == [1, 2]
    assert account["resources"][0]["birthDate"] == "1971"
    assert account["requests"] == [
        {"request": "GET /Patient/p", "status": 200}, {"request": "PUT /Patient/p", "status": 0},
    ]  # fmt: skip


def test_a_fault_that_met_nothing_is_told(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text('[[fault]]\nname = "idle"\ndo = "drop-after"\n')
    code, _, err = run(tmp_path, "--schedule", "s.toml", "--quiet", until=lambda url: None)
    assert code == 3
    assert "idle met no request" in err


def test_the_command_lists_what_there_is() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fhirkit.cli.main", "chaos", "--list"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in (*FAULTS, *PROFILES, "stale_in_transaction"):
        assert name in done.stdout
