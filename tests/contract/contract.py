"""What must hold on every FHIR server that fhirkit works with, whatever it answers otherwise.

The tests ask for a fixture `there`, which each folder or script makes of its own server.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from fhirkit.core.errors import BadAnswer, Conflict, FhirkitError, Refused
from fhirkit.core.jsonio import loads
from fhirkit.core.resource import ResourceKey, content_hash
from fhirkit.remote import Client
from fhirkit.remote.export import begin
from fhirkit.remote.listing import read_many
from fhirkit.remote.probe import probe
from fhirkit.remote.probed import Probed, Rung
from fhirkit.remote.statement import introduce


@dataclass
class There:
    """A server: its base, and what a probe of it has to find (empty: not known beforehand)."""

    url: str
    expected: dict[str, Any] = field(default_factory=dict)

    def client(self) -> Client:
        return Client(self.url)


@pytest.fixture(scope="module")
def probed(there: There) -> Probed:
    return probe(there.client())


@pytest.fixture
def client(there: There) -> Iterator[Client]:
    client = there.client()
    yield client
    client.close()


def new(kind: str = "Patient", **more: Any) -> dict[str, Any]:
    return {"resourceType": kind, "id": f"c-{uuid.uuid4()}", **more}


def key_of(resource: dict[str, Any]) -> ResourceKey:
    return ResourceKey.of(resource)


def entry(resource: dict[str, Any], **more: str) -> dict[str, Any]:
    request = {"method": "PUT", "url": str(key_of(resource)), **more}
    return {"resource": resource, "request": request}


def transaction(*entries: dict[str, Any], kind: str = "transaction") -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


def test_a_probe_finds_what_is_known_and_leaves_nothing(there: There, probed: Probed) -> None:
    found = msgspec.to_builtins(probed)
    assert {name: found[name] for name in there.expected} == there.expected
    assert probed.left == ()
    assert probed.rung in (Rung.GUARDED_PUT, Rung.PUT, Rung.CONDITIONAL_BY_TAG, Rung.CONDITIONAL)


def test_a_second_probe_finds_the_same(there: There, probed: Probed) -> None:
    again = msgspec.structs.replace(probe(there.client()), at=probed.at)
    assert again == probed


def test_what_is_absent_is_none(client: Client) -> None:
    assert client.read(ResourceKey("Patient", f"absent-{uuid.uuid4()}")) is None


def test_what_is_written_is_there_exactly(client: Client, probed: Probed) -> None:
    if not probed.client_ids:
        pytest.skip("this server gives ids itself")
    text = (
        '{"resourceType":"Observation","id":"%s","status":"final","code":{"text":"Größe 身長"},'
        '"valueQuantity":{"value":1.00,"unit":"m"}}'
    )
    resource = loads(text % f"c-{uuid.uuid4()}")
    assert client.update(resource).status == 201
    stored = client.read(key_of(resource))
    assert stored is not None
    assert content_hash(stored) == content_hash(resource), "decimals and umlauts are kept"


def test_a_stale_update_changes_nothing_and_says_so(client: Client, probed: Probed) -> None:
    if not probed.client_ids or not probed.if_match_update:
        pytest.skip("not honoured here")
    resource = new(birthDate="1970")
    first = client.update(resource)
    client.update({**resource, "birthDate": "1971"}, if_match=first.version_id)
    with pytest.raises((Conflict, Refused)):
        client.update({**resource, "birthDate": "1972"}, if_match=first.version_id)
    stale = entry({**resource, "birthDate": "1973"}, ifMatch=f'W/"{first.version_id}"')
    if probed.transaction_atomic:
        with pytest.raises((Conflict, Refused)):
            client.transaction(transaction(stale))
    else:
        client.transaction(transaction(stale))
    now = client.read(key_of(resource))
    assert now is not None
    assert now["birthDate"] == "1971"


def test_a_guarded_creation_never_overwrites(client: Client, probed: Probed) -> None:
    if not probed.guarded_create:
        pytest.skip("not honoured here")
    resource = new(birthDate="1970")
    client.update(resource, only_new=True)
    with pytest.raises((Conflict, Refused)):
        client.update({**resource, "birthDate": "1971"}, only_new=True)
    now = client.read(key_of(resource))
    assert now is not None
    assert now["birthDate"] == "1970"


def test_deleted_is_gone_and_can_come_back(client: Client, probed: Probed) -> None:
    if not probed.client_ids:
        pytest.skip("this server gives ids itself")
    resource = new(birthDate="1970")
    client.update(resource)
    client.delete(key_of(resource))
    assert client.read(key_of(resource)) is None
    client.update(resource)
    assert client.read(key_of(resource)) is not None
    if probed.history_shows_deletions and probed.instance_history:
        # What was there before the deletion is still told.
        assert len(client.history(key_of(resource))) >= 2


def test_a_circle_of_references_goes_in_one_transaction(client: Client, probed: Probed) -> None:
    if not (probed.client_ids and probed.transaction_atomic):
        pytest.skip("not possible here")
    patient, encounter, condition = new(), new("Encounter"), new("Condition")
    subject = {"subject": {"reference": str(key_of(patient))}}
    encounter |= {"status": "finished", "class": {"code": "AMB"}, **subject,
                  "diagnosis": [{"condition": {"reference": str(key_of(condition))}}]}  # fmt: skip
    condition |= {"encounter": {"reference": str(key_of(encounter))}, **subject}
    answer = client.transaction(transaction(*map(entry, (encounter, condition, patient))))
    assert answer["type"] == "transaction-response"
    assert len(answer["entry"]) == 3
    found = read_many(client, map(key_of, (patient, encounter, condition)), exact=True)
    for resource in (patient, encounter, condition):
        stored = found[key_of(resource)]
        assert stored is not None
        assert content_hash(stored) == content_hash(resource)


def test_a_transaction_is_all_or_nothing_where_the_probe_says_so(
    client: Client, probed: Probed
) -> None:
    if not (probed.client_ids and probed.transaction):
        pytest.skip("not possible here")
    good, held = new(), new()
    client.update(held)
    stale = entry({**held, "birthDate": "1971"}, ifMatch='W/"999999"')
    if probed.transaction_atomic:
        with pytest.raises(FhirkitError):
            client.transaction(transaction(entry(good), stale))
        assert client.read(key_of(good)) is None
    else:
        answer = client.transaction(transaction(entry(good), stale))
        assert [one["response"]["status"][:1] for one in answer["entry"]] == ["2", "4"]


def test_a_condition_creates_one_however_often_it_is_asked(client: Client, probed: Probed) -> None:
    if not probed.conditional_create:
        pytest.skip("not honoured here")
    system, value = "urn:uuid:6f1d2d5e-62b4-4c55-9d0e-7a2b0e1f0001", uuid.uuid4().hex
    resource = new(identifier=[{"system": system, "value": value}])
    del resource["id"]
    condition = f"identifier={system}|{value}"
    for _ in range(3):
        client.create(resource, if_none_exist=condition)
    assert len(client.search("Patient", {"identifier": f"{system}|{value}"}).matches) == 1


@pytest.mark.parametrize("size", ["1", "7", "200"])
def test_all_pages_are_read(client: Client, probed: Probed, size: str) -> None:
    if not (probed.client_ids and probed.transaction):
        pytest.skip("not possible here")
    system, value = "urn:uuid:6f1d2d5e-62b4-4c55-9d0e-7a2b0e1f0002", uuid.uuid4().hex
    made = [new(identifier=[{"system": system, "value": value}]) for _ in range(23)]
    client.transaction(transaction(*map(entry, made)))
    found = client.search("Patient", {"identifier": f"{system}|{value}", "_count": size})
    assert found.matches == set(map(key_of, made))


def test_an_export_shows_what_was_written(client: Client, probed: Probed) -> None:
    if not (probed.client_ids and probed.export):
        pytest.skip("not offered here")
    made = [new(birthDate=str(1970 + number)) for number in range(3)]
    for resource in made:
        client.update(resource)
    job = begin(client, "$export", types=["Patient"])
    try:
        manifest = job.wait(600)
        files = [job.rows(file, manifest) for file in manifest.output]
        rows = {key_of(row): row for file in files for portion in file for row in portion}
    finally:
        job.cancel()
    assert {key.type for key in rows} == {"Patient"}
    for resource in made:
        assert content_hash(rows[key_of(resource)]) == content_hash(resource)
    assert job.holes(manifest) == ""


def test_a_server_that_did_not_change_is_known_by_its_card(client: Client) -> None:
    first = introduce(client, None)
    again = introduce(client, first)
    assert again.capability == first.capability
    assert (again is first) == bool(first.card), "a card that stays the same spares the statement"


def test_unknown_types_and_ids_are_refused_and_not_bugs(client: Client) -> None:
    with pytest.raises((Refused, BadAnswer)):
        client.search("Nonsense")
    for resource in (new("Nonsense"), {"resourceType": "Patient", "id": "x" * 64, "birthDate": 7}):
        try:
            client.update(resource)
        except FhirkitError as problem:
            assert str(resource["id"]) not in problem.message  # noqa: PT017  # may also be accepted
