"""Waiting that ends when the command is to end."""

from __future__ import annotations

import threading

import pytest

from fhirkit.core.errors import Unreachable
from fhirkit.remote import Policy, Transport
from fhirkit.remote.waits import Waits


def test_a_worker_that_waits_is_woken_and_nobody_waits_again() -> None:
    waits = Waits()
    worker = threading.Thread(target=waits, args=(600.0,), daemon=True)
    worker.start()
    assert not waits.over
    waits.stop()
    worker.join(30)
    assert not worker.is_alive()
    waits(600.0)
    assert waits.over


def test_nothing_is_asked_again_after_the_end() -> None:
    """The first failure is what is told, and no second try goes out."""
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        transport.wake()

    policy = Policy(tries=5, first_wait=0.01, longest_wait=0.02)
    transport = Transport("http://127.0.0.1:1/fhir", policy=policy, sleep=sleep)
    with pytest.raises(Unreachable, match="nothing listens"):
        transport.request("GET", "http://127.0.0.1:1/fhir/metadata", what="capabilities")
    assert len(slept) == 1


def test_other_origins_wait_no_longer_either() -> None:
    transport = Transport("http://127.0.0.1:1/fhir")
    transport.wake()
    assert transport.elsewhere("http://127.0.0.1:2").sleep.over
