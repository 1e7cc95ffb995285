"""The histories notice when one of the steps that keep them right is taken out.

Each step is switched off by itself, and the state machine of ``test_histories`` has to find a
history that goes wrong. With the step in place the same histories are fine.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from test_histories import Histories

from fhirkit.sync import answer, doubt, session, upkeep
from fhirkit.sync.counterpart import Counterpart
from fhirkit.sync.flight import Flight
from fhirkit.sync.journal import Journal
from fhirkit.sync.plan import Step

#: The same histories every time: so many at most, and the first that goes wrong is enough.
SAME = settings(
    max_examples=100,
    stateful_step_count=12,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)
Patch = pytest.MonkeyPatch
pytestmark = pytest.mark.slow


def without_settling(patch: Patch) -> None:
    """What became of an interrupted run is not asked."""
    for module in (session, upkeep):
        patch.setattr(module, "settle_open", lambda *_, **__: 0)


def without_waiting(patch: Patch) -> None:
    """ "Not there" is believed at once after a lost answer."""
    patch.setattr(Flight, "_wait_for_late_commit", lambda self: None)


def without_waiting_after_a_crash(patch: Patch) -> None:
    """ "Not there" is believed at once by the run after a crash."""
    real = doubt.settle_open

    def hasty(*given: Any, quiet: float) -> int:
        del quiet
        return real(*given, quiet=0.0)

    for module in (session, upkeep):
        patch.setattr(module, "settle_open", hasty)


def requests_without(patch: Patch, name: str, *steps: Step) -> None:
    real = answer.request_of

    def bare(action: Any, *given: Any) -> dict[str, str]:
        request = real(action, *given)
        if action.step in steps:
            request.pop(name, None)
        return request

    patch.setattr(answer, "request_of", bare)


def without_if_match(patch: Patch) -> None:
    """An update does not say which version it is based on."""
    requests_without(patch, "ifMatch", Step.UPDATE)


def without_the_guard_of_creates(patch: Patch) -> None:
    """A create does not say that nothing may be there yet, and is believed to have said so."""
    requests_without(patch, "ifNoneMatch", Step.CREATE)
    patch.setattr("fhirkit.sync.ladder._keeps", lambda *_: True)
    patch.setattr(Flight, "look_first", lambda self: None)


def without_intents(patch: Patch) -> None:
    """Nothing is noted before it is sent."""
    patch.setattr(Journal, "intend", lambda *_: None)


def without_the_id_map(patch: Patch) -> None:
    """Which id a resource has on the server is forgotten when the command ends."""
    real = Counterpart.__init__

    def forgetful(self: Counterpart, client: Any, remote_ids: Any = None) -> None:
        del remote_ids
        real(self, client, None)

    patch.setattr(Counterpart, "__init__", forgetful)


MUTANTS: list[Callable[[Patch], None]] = [
    without_settling,
    without_waiting,
    without_waiting_after_a_crash,
    without_if_match,
    without_the_guard_of_creates,
    without_intents,
    without_the_id_map,
]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda one: one.__name__)
def test_a_step_that_is_taken_out_is_missed(mutant: Callable[[Patch], None]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        mutant(patch)
        with pytest.raises(AssertionError):
            run_state_machine_as_test(Histories, settings=SAME)


def test_with_every_step_in_place_the_same_histories_are_fine() -> None:
    run_state_machine_as_test(Histories, settings=settings(SAME, max_examples=25))
