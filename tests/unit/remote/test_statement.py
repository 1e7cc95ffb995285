"""What a server can do is asked for cheaply, and read whole as soon as it may have changed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fhirkit.chaos import ChaosServer
from fhirkit.core.errors import RemoteError
from fhirkit.remote import Client, Policy
from fhirkit.remote.capability import Capability
from fhirkit.remote.statement import LONGEST, Remembered, introduce

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def server() -> Iterator[ChaosServer]:
    server = ChaosServer()
    yield server
    server.close()


def asked(server: ChaosServer, known: Remembered | None, at: datetime = NOON) -> Remembered:
    server.log.clear()
    client = Client(server.url, policy=Policy(first_wait=0.001, tries=2))
    try:
        return introduce(client, known, now=lambda: at)
    finally:
        client.close()


def requests(server: ChaosServer) -> list[str]:
    """What was asked for: the card, or the whole."""
    return ["card" if "_elements" in one.target else "whole" for one in server.log]


def behave(server: ChaosServer, **settings: Any) -> None:
    server.behaviour = server.behaviour.changed(settings)


def test_an_unchanged_server_shows_its_card_and_no_more(server: ChaosServer) -> None:
    first = asked(server, None)
    assert requests(server) == ["card", "whole"]
    assert first.capability.has_system_history
    assert "Patient" in first.capability.searchable
    assert asked(server, first) is first
    assert requests(server) == ["card"]


@pytest.mark.parametrize(
    "change",
    [{"software": "another"}, {"system_history": False}, {"transactions": "refused"}],
    ids=str,
)
def test_a_server_that_shows_another_card_is_read_whole(
    server: ChaosServer, change: dict[str, Any]
) -> None:
    first = asked(server, None)
    behave(server, **change)
    second = asked(server, first)
    assert requests(server) == ["card", "whole"]
    assert second.capability != first.capability
    assert asked(server, second) is second


def test_it_is_read_whole_after_a_day_and_when_the_clock_goes_back(server: ChaosServer) -> None:
    first = asked(server, None)
    assert asked(server, first, NOON + LONGEST - timedelta(seconds=1)) is first
    for at in (NOON + LONGEST, NOON - timedelta(hours=1)):
        again = asked(server, first, at)
        assert requests(server) == ["card", "whole"]
        assert again.at == at


def test_another_address_is_another_server(server: ChaosServer) -> None:
    other = ChaosServer()
    try:
        first = asked(server, None)
        assert asked(other, first).url == other.url
        assert requests(other) == ["card", "whole"]
    finally:
        other.close()


def test_where_elements_are_ignored_one_request_is_enough(server: ChaosServer) -> None:
    behave(server, statement_elements="ignored")
    first = asked(server, None)
    assert requests(server) == ["card"]
    assert "Patient" in first.capability.searchable
    again = asked(server, first)
    assert requests(server) == ["whole"]
    assert again.capability == first.capability


@pytest.mark.parametrize("elements", ["ignored", "refused"])
def test_an_etag_spares_the_whole(server: ChaosServer, elements: str) -> None:
    behave(server, statement_elements=elements, statement_etag=True)
    first = asked(server, None)
    assert first.etag
    assert asked(server, first) is first
    assert requests(server) == ["whole"], "which was answered by 304, or it would not be the first"
    behave(server, system_history=False)
    second = asked(server, first)
    assert requests(server) == ["whole"]
    assert not second.capability.has_system_history


def test_where_elements_are_refused_the_whole_is_read(server: ChaosServer) -> None:
    behave(server, statement_elements="refused")
    first = asked(server, None)
    assert requests(server) == ["card", "whole"]
    assert asked(server, first).capability == first.capability
    assert requests(server) == ["whole"], "what it does not know is not asked for again"


def test_who_may_not_ask_is_told(server: ChaosServer) -> None:
    class Shut:
        def serve(self, exchange: Any, target: str) -> bool:
            exchange.send_raw(403, b"", {})
            return True

    server.faults = Shut()
    with pytest.raises(RemoteError):
        asked(server, None)
    assert requests(server) == ["card"], "a refusal of us is none of the parameter"


def test_what_is_kept_comes_back_and_damage_is_no_memory(server: ChaosServer) -> None:
    first = asked(server, None)
    data = first.to_bytes()
    assert Remembered.of_bytes(data) == first
    for spoilt in (b"", data[:-1], data[:40] + b"x" + data[41:], b"\x80\x04K\x01."):
        assert Remembered.of_bytes(spoilt) is None


@pytest.mark.parametrize(
    "answer",
    [
        {"resourceType": "CapabilityStatement"},
        {"resourceType": "CapabilityStatement", "meta": {"tag": [{"code": "SUBSETTED"}]}},
        {"resourceType": "CapabilityStatement", "rest": "none", "meta": 3, "fhirVersion": "4.0.1"},
    ],
    ids=["nothing", "shortened to nothing", "odd"],
)
def test_a_card_of_too_little_is_none(server: ChaosServer, answer: dict[str, Any]) -> None:
    from fhirkit.chaos.reply import Reply

    class Odd:
        def serve(self, exchange: Any, target: str) -> bool:
            if "_elements" in target:
                exchange.send(Reply(200, answer))
            return "_elements" in target

    server.faults = Odd()
    first = asked(server, None)
    assert "Patient" in first.capability.searchable
    asked(server, first)
    assert requests(server)[-1] == ("card" if "fhirVersion" in answer else "whole")


def test_a_type_without_listed_interactions_may_offer_any() -> None:
    rest = {
        "mode": "server",
        "resource": [
            {"type": "Patient"},
            {"type": "Basic", "interaction": [{"code": "read"}]},
            {"type": "Group", "interaction": [{"code": "search-type"}]},
        ],
    }
    capability = Capability.of({"resourceType": "CapabilityStatement", "rest": [rest]})
    assert capability.searchable == {"Patient", "Group"}
    assert capability.has_transaction, "nothing is said of the system either"
