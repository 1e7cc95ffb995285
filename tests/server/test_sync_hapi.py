"""Push and pull against a real HAPI, directly and through a proxy with faults."""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests/faults"))

import faults  # noqa: E402  # its folder is on the path since the line above
from faults import Fault  # noqa: E402
from harness import Run, fhirkit, read, under, write  # noqa: E402
from proxy import Proxy  # noqa: E402

from fhirkit.core.resource import ResourceKey  # noqa: E402
from fhirkit.remote import Client  # noqa: E402

__all__ = ["fhirkit"]

pytestmark = pytest.mark.server
BUNDLES = ROOT / "bundles/rls-ida"


@pytest.fixture
def proxy(hapi: Any) -> Iterator[Proxy]:
    between = Proxy(hapi.url)
    yield between
    between.close()


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """The example's transaction, with ids of its own for this test."""
    mark = f"t{uuid.uuid4().hex[:8]}-"
    text = (BUNDLES / "transaction.json").read_text()
    bundle = json.loads(text.replace('"rls-ida-', f'"{mark}').replace("/rls-ida-", f"/{mark}"))
    for entry in bundle["entry"]:
        text = text.replace(entry["fullUrl"], f"urn:uuid:{uuid.uuid4()}")
    path = tmp_path / "own.json"
    path.write_text(json.dumps(bundle))
    return path


def patient_of(path: Path) -> str:
    bundle = json.loads(path.read_text())
    found = [entry["resource"] for entry in bundle["entry"]]
    return next(one["id"] for one in found if one["resourceType"] == "Patient")


def versions(hapi: Any, path: Path) -> dict[str, str]:
    client = Client(hapi.url)
    found = {}
    for entry in json.loads(path.read_text())["entry"]:
        key = ResourceKey.of(entry["resource"])
        resource = client.read(key)
        assert resource is not None, key
        found[str(key)] = resource["meta"]["versionId"]
    client.close()
    return found


def tree(root: Path, url: str, fhirkit: Run) -> None:
    assert fhirkit("init").code == 0
    assert fhirkit("remote", "add", "hapi", url).code == 0


def test_twice_is_once_and_what_comes_back_is_what_went(
    hapi: Any, own: Path, tmp_path: Path, fhirkit: Run
) -> None:
    tree(tmp_path, hapi.url, fhirkit)
    assert fhirkit("add", str(own)).code == 0
    first = fhirkit("push", "--json")
    assert first.code == 0, first
    assert first.json["counts"] == {"created": 43}
    assert "another form" not in first.out, "HAPI keeps the example as it is sent"
    second = fhirkit("push", "--json")
    assert second.json["counts"] == {"unchanged": 43}
    assert set(versions(hapi, own).values()) == {"1"}
    third = fhirkit("push", str(own), "--remote", hapi.url, "--json")
    assert third.json["counts"] == {"unchanged": 43}
    record = tmp_path / "record.json"
    pulled = fhirkit("pull", "--remote", hapi.url, "--patient", patient_of(own), "-o", str(record))
    assert pulled.code == 0, pulled
    assert fhirkit("diff", str(own), str(record)).code == 0


FAULTS = [
    Fault("answer lost after the commit", faults.drop_after, "POST"),
    Fault("answer cut short", faults.truncate, "POST"),
    Fault("504 although committed", faults.status(504, commit=True), "POST"),
    Fault("503 twice", faults.status(503, {"Retry-After": "0"}), "POST", times=2),
    Fault("reset before", faults.drop_before, "POST"),
    Fault("a web page with 200", faults.page(b"<html>"), "POST"),
    Fault("answer in another order", faults.changed(faults.reordered), "POST"),
    Fault("delivered twice", faults.twice, "POST"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_faults_between_us(
    fault: Fault, hapi: Any, proxy: Proxy, own: Path, tmp_path: Path, fhirkit: Run
) -> None:
    fault.met = fault.struck = 0
    tree(tmp_path, proxy.url, fhirkit)
    assert fhirkit("add", str(own)).code == 0
    under(proxy, fault)  # type: ignore[arg-type]  # it has what a fake server has
    ran = fhirkit("push", "--json")
    assert fault.struck
    assert ran.code == 0, ran
    assert set(versions(hapi, own).values()) == {"1"}
    under(proxy)  # type: ignore[arg-type]  # as above
    before = len(proxy.log)
    assert fhirkit("push").code == 0
    assert {one.method for one in proxy.log[before:]} == {"GET"}


def test_a_foreign_edit_is_a_conflict(
    hapi: Any, proxy: Proxy, own: Path, tmp_path: Path, fhirkit: Run
) -> None:
    tree(tmp_path, proxy.url, fhirkit)
    assert fhirkit("add", str(own)).code == 0
    assert fhirkit("push").code == 0
    key = f"Patient/{patient_of(own)}"
    ours = read(tmp_path, key) | {"birthDate": "1980"}
    theirs = read(tmp_path, key) | {"birthDate": "2001"}
    write(tmp_path, ours)

    def races(handler: Any, answer: Any, body: bytes) -> None:
        client = Client(hapi.url)
        client.update(theirs)
        client.close()
        handler.send(answer())

    under(proxy, Fault("faster", races, "POST"))  # type: ignore[arg-type]  # as above
    ran = fhirkit("push", "--json")
    assert ran.code == 4, ran
    assert ran.results()[key] == "conflict"
    now = Client(hapi.url).read(ResourceKey("Patient", patient_of(own)))
    assert now is not None
    assert now["birthDate"] == "2001"
    assert fhirkit("pull", "--patient", patient_of(own)).code == 4
    assert read(tmp_path, key) == ours
    assert fhirkit("pull", "--patient", patient_of(own), "--theirs", key).code == 0
    assert read(tmp_path, key)["birthDate"] == "2001"
    assert fhirkit("status", "--fetch", "--check").code == 0


def test_a_pull_by_export_brings_changes_and_deletions(
    hapi: Any, tmp_path: Path, fhirkit: Run
) -> None:
    mark = f"e{uuid.uuid4().hex[:8]}"
    made = [{"resourceType": "Basic", "id": f"{mark}-{number}", "code": {"text": "one"}}
            for number in range(4)]  # fmt: skip
    client = Client(hapi.url)
    for resource in made:
        client.update(resource)
    tree(tmp_path, hapi.url, fhirkit)
    words = ("pull", "--source", "export", "--type", "Basic", "--json")
    first = fhirkit(*words)
    assert first.code == 0, first
    for resource in made:
        assert read(tmp_path, f"Basic/{resource['id']}") == resource
    client.update({**made[1], "code": {"text": "two"}})
    client.delete(ResourceKey.of(made[2]))
    second = fhirkit(*words)
    client.close()
    assert second.code == 0, second
    results = second.results()
    assert results[f"Basic/{mark}-1"] == "written"
    assert results[f"Basic/{mark}-2"] == "discarded"
    assert read(tmp_path, f"Basic/{mark}-1")["code"] == {"text": "two"}
    assert not (tmp_path / f"Basic/{mark}-2.json").exists()
    third = fhirkit(*words)
    assert set(third.results().values()) == {"unchanged"}


def test_a_pull_of_a_change_does_not_read_the_whole_statement_again(
    hapi: Any, proxy: Proxy, tmp_path: Path, fhirkit: Run
) -> None:
    resource = {"resourceType": "Basic", "id": f"s{uuid.uuid4().hex[:8]}", "code": {"text": "one"}}
    client = Client(hapi.url)
    client.update(resource)
    tree(tmp_path, proxy.url, fhirkit)
    assert fhirkit("pull", "--type", "Basic").code == 0
    client.update({**resource, "code": {"text": "two"}})
    client.close()
    before = len(proxy.log)
    assert fhirkit("pull", "--type", "Basic").code == 0
    # Of other tests' resources on this server one may have been deleted: that takes a look at it.
    general = ("/metadata", "/Basic/_history", f"/Basic/{resource['id']}")
    asked = [one.target for one in proxy.log[before:] if one.target.startswith(general)]
    assert [target for target in asked if target.startswith("/metadata")] == [
        target for target in asked if "_elements=" in target
    ]
    assert len(asked) <= 3, asked
    assert read(tmp_path, f"Basic/{resource['id']}")["code"] == {"text": "two"}
