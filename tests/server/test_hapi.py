"""What the local server promises: a real one, whose operations work, within seconds."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

from rest import ask, export

from fhirkit import server
from fhirkit.server import processes


def patient(logical_id: str) -> dict[str, object]:
    return {"resourceType": "Patient", "id": logical_id, "active": True}


def test_it_is_an_r4_server_that_says_where_it_is(hapi: server.ServerInfo) -> None:
    answer = ask("GET", f"{hapi.url}/metadata")
    assert answer.status == 200
    assert answer.body["resourceType"] == "CapabilityStatement"
    assert answer.body["fhirVersion"] == "4.0.1"
    assert answer.body["implementation"]["url"] == hapi.url


def test_a_resource_comes_back_with_its_digits(hapi: server.ServerInfo) -> None:
    body = {
        "resourceType": "Observation",
        "id": "digits",
        "status": "final",
        "code": {"text": "body temperature"},
        "valueQuantity": {"value": 36.5},
    }
    assert ask("PUT", f"{hapi.url}/Observation/digits", body).status == 201
    assert ask("PUT", f"{hapi.url}/Observation/digits", body).status == 200
    answer = ask("GET", f"{hapi.url}/Observation/digits")
    assert answer.body["meta"]["versionId"] == "1", "identical content made a new version"
    history = ask("GET", f"{hapi.url}/Observation/digits/_history").body
    assert [entry["resource"]["id"] for entry in history["entry"]] == ["digits"]


def test_clients_may_choose_uuids_and_refer_to_this_server_in_full(
    hapi: server.ServerInfo,
) -> None:
    logical_id = str(uuid.uuid4())
    assert ask("PUT", f"{hapi.url}/Patient/{logical_id}", patient(logical_id)).status == 201
    for base in (hapi.url, hapi.url.replace("127.0.0.1", "localhost")):
        flag = {
            "resourceType": "Flag",
            "status": "active",
            "code": {"text": "x"},
            "subject": {"reference": f"{base}/Patient/{logical_id}"},
        }
        answer = ask("POST", f"{hapi.url}/Flag", flag)
        assert answer.status == 201
        assert answer.body["subject"]["reference"] == f"Patient/{logical_id}"
    everything = ask("GET", f"{hapi.url}/Patient/{logical_id}/$everything").body
    types = sorted(entry["resource"]["resourceType"] for entry in everything["entry"])
    assert types == ["Flag", "Flag", "Patient"]


def test_a_transaction_with_a_dangling_reference_leaves_nothing(hapi: server.ServerInfo) -> None:
    bundle = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {
                "resource": patient("rolled-back"),
                "request": {"method": "PUT", "url": "Patient/rolled-back"},
            },
            {
                "resource": {
                    "resourceType": "Flag",
                    "id": "dangling",
                    "status": "active",
                    "code": {"text": "x"},
                    "subject": {"reference": "Patient/nobody-at-all"},
                },
                "request": {"method": "PUT", "url": "Flag/dangling"},
            },
        ],
    }
    assert ask("POST", hapi.url, bundle).status == 400
    assert ask("GET", f"{hapi.url}/Patient/rolled-back").status == 404


def test_pages_of_two_hundred(hapi: server.ServerInfo) -> None:
    entries = [
        {
            "resource": {"resourceType": "Basic", "id": f"b-{number}", "code": {"text": "page"}},
            "request": {"method": "PUT", "url": f"Basic/b-{number}"},
        }
        for number in range(210)
    ]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    assert ask("POST", hapi.url, bundle).status == 200
    page = ask("GET", f"{hapi.url}/Basic?_count=200").body
    assert len(page["entry"]) == 200
    links = {link["relation"]: link["url"] for link in page["link"]}
    assert links["next"].startswith(hapi.url)
    assert len(ask("GET", links["next"]).body["entry"]) == 10


def test_an_export_ends_in_seconds(hapi: server.ServerInfo) -> None:
    assert ask("PUT", f"{hapi.url}/Patient/exported", patient("exported")).status in (200, 201)
    found = export(hapi.url, within=20)
    assert "exported" in {resource["id"] for resource in found["Patient"]}


def issues(answer_body: dict[str, list[dict[str, str]]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for issue in answer_body["issue"]:
        found.setdefault(issue["severity"], []).append(issue["diagnostics"])
    return found


def test_validation_tells_right_from_wrong(hapi: server.ServerInfo) -> None:
    right = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
    answer = ask("POST", f"{hapi.url}/Observation/$validate", right)
    assert answer.status == 200
    assert "error" not in issues(answer.body)
    wrong = {"resourceType": "Observation", "status": "final"}
    answer = ask("POST", f"{hapi.url}/Observation/$validate", wrong)
    assert any("Observation.code" in text for text in issues(answer.body)["error"])


def test_an_extension_outside_the_core_package_is_no_error(hapi: server.ServerInfo) -> None:
    # A standard extension that R4's core package does not define; Provenance entities carry it.
    url = "http://hl7.org/fhir/StructureDefinition/derivation-reference"
    offset = {"url": "offset", "valueInteger": 3}
    body = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "x"},
        "extension": [{"url": url, "extension": [offset]}],
    }
    found = issues(ask("POST", f"{hapi.url}/Observation/$validate", body).body)
    assert "error" not in found
    assert found["information"] == [f"Unknown extension {url}"]


def test_data_survives_stop_and_start(java_and_maven: None, tmp_path: Path) -> None:
    home, data = tmp_path / "home", tmp_path / "data"
    begin = time.monotonic()

    def start() -> server.ServerInfo:
        return server.start(
            port=0, data=data, attached=True, timeout=600, home=home, environment=os.environ
        )

    first = start()
    try:
        assert start() == first, "a second start of the same data is the same server"
        url = f"{first.url}/Patient/kept"
        assert ask("PUT", url, patient("kept")).status == 201
        forced = server.stop(first, home=home)
        assert not forced
        assert server.find(home) == []
        second = start()
        try:
            answer = ask("GET", f"{second.url}/Patient/kept")
            assert (answer.status, answer.body["active"]) == (200, True)
        finally:
            server.stop(second, home=home)
    finally:
        server.stop(first, home=home)
    assert time.monotonic() - begin < 600


def test_a_start_that_is_killed_takes_java_with_it(java_and_maven: None, tmp_path: Path) -> None:
    home = tmp_path / "home"
    source = (
        "import os, sys; from pathlib import Path; from fhirkit import server;"
        "server.start(port=0, memory=True, home=Path(sys.argv[1]), environment=os.environ)"
    )
    with subprocess.Popen([sys.executable, "-c", source, str(home)]) as starting:
        while not (found := server.find(home)):
            assert starting.poll() is None
            time.sleep(0.05)
        # A moment, so that Java is past the start of its virtual machine and watches.
        time.sleep(2)
        assert found[0].phase == "starting"
        starting.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 20
    while processes.is_alive(found[0].pid, found[0].token):
        assert time.monotonic() < deadline, "Java outlived the start that was killed"
        time.sleep(0.1)
    assert server.find(home) == []
