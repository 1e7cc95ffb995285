"""Edits, deletions, crashes and other writers on both sides, in any order: nothing is ever lost.

A hypothesis state machine over one tree and one server. After every command the invariants of the
fault matrix must hold; in the end, without faults, both sides agree or a conflict is told.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

sys.path.insert(0, str(Path(__file__).parent / "matrix"))

from invariants import incomplete_pull, incomplete_push, violations
from world import KillAtRequest, Runner, World, marked

from fhirkit.chaos import PROFILES
from fhirkit.chaos.schedule import schedule_of

KEYS = tuple(f"Observation/{name}" for name in "abcd")
FAULTS = (
    None,
    {"do": "drop-after"},
    {"do": "drop-before"},
    {"do": "truncate"},
    {"do": "status", "status": 503},
    {"do": "status", "status": 504, "commit": True},
    {"do": "late-commit", "seconds": 0.05},
    {"do": "short-response", "method": "POST"},
    {"do": "down", "seconds": 0.1},
    "kill before",
    "kill after",
)
PUSH, DELETE, PULL = ("push",), ("push", "--delete", "--max-delete", "9"), ("pull",)
runner: Runner | None = None


class Sync(RuleBasedStateMachine):
    """One history of a tree, a server and its other writers."""

    @initialize(profile=st.sampled_from(("r4", "hapi", "helios")))
    def begin(self, profile: str) -> None:
        global runner  # noqa: PLW0603  # one zygote for all histories
        runner = runner or Runner()
        self.folder = Path(tempfile.mkdtemp(prefix="fhirkit-machine-"))
        self.world = World(self.folder, runner, PROFILES[profile].changed({}))
        self.count = 0
        self.world.write(marked({"resourceType": "Patient", "id": "p"}))
        for key in KEYS[:2]:
            self.create(key)
        assert self.world.run(*PUSH).code == 0

    def create(self, key: str) -> None:
        self.count += 1
        self.world.write(
            marked(
                {
                    "resourceType": "Observation",
                    "id": key.partition("/")[2],
                    "status": "final",
                    "code": {"text": f"ours-{self.count}"},
                    "subject": {"reference": "Patient/p"},
                }
            )
        )

    @rule(key=st.sampled_from(KEYS))
    def write_here(self, key: str) -> None:
        if self.world.path(key).exists():
            self.count += 1
            self.world.edit(key, code={"text": f"ours-{self.count}"})
        else:
            self.create(key)
            # From now on it is meant to be there again, whoever deleted it before.
            self.world.foreign_deleted.discard(key)

    @rule(key=st.sampled_from(KEYS))
    def remove_here(self, key: str) -> None:
        if self.world.path(key).exists():
            self.world.remove(key)
            self.world.may_delete += 1

    @rule(key=st.sampled_from(KEYS))
    def write_there(self, key: str) -> None:
        if self.world.on_server(key):
            self.count += 1
            self.world.other(key, language=f"theirs-{self.count}")

    @rule(key=st.sampled_from(KEYS))
    def remove_there(self, key: str) -> None:
        if self.world.on_server(key):
            self.world.server.delete(key)
            self.world.may_delete += 1
            self.world.foreign.pop(key, None)

    @rule(
        command=st.sampled_from((PUSH, DELETE, PULL)),
        fault=st.sampled_from(FAULTS),
        number=st.integers(1, 6),
    )
    def run(self, command: tuple[str, ...], fault: Any, number: int) -> None:
        server = self.world.server
        if isinstance(fault, str):
            server.faults = KillAtRequest(self.world.runner, number, fault.split()[1])
        elif fault is not None:
            server.faults = schedule_of({"fault": [{**fault, "nth": number}]})
        ran = self.world.run(*command)
        server.faults = None
        assert ran.code in (0, 3, 4, 5, 6, -9), ran
        if ran.code == 0 and command == PULL and not self._changed_here():
            assert incomplete_pull(self.world) == []
        if ran.code == 0 and command == DELETE and not self._changed_there():
            assert incomplete_push(self.world, deletes=True) == []

    def _changed_here(self) -> bool:
        return self.world.run("status", "--check").code != 0

    def _changed_there(self) -> bool:
        """A push says nothing of what it does not touch, so others' changes may be unknown."""
        return bool(self.world.foreign) or any(
            one.method == "DELETE" for one in self.world.server.store.log
        )

    @precondition(lambda self: hasattr(self, "world"))
    @invariant()
    def nothing_is_lost(self) -> None:
        assert violations(self.world) == []

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            codes = []
            for _ in range(3):
                codes = [self.world.run(*command).code for command in (PULL, DELETE, PULL)]
                if codes == [0, 0, 0]:
                    break
            assert violations(self.world) == []
            if codes == [0, 0, 0]:
                assert incomplete_pull(self.world) == []
                assert incomplete_push(self.world, deletes=True) == []
            else:
                assert 4 in codes, (codes, list(map(str, self.world.ran[-3:])))
        finally:
            self.world.close()
            shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture(scope="module", autouse=True)
def zygote() -> Iterator[None]:
    yield
    if runner is not None:
        runner.close()


TestSync = pytest.mark.slow(
    settings(
        max_examples=25,
        stateful_step_count=12,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )(Sync).TestCase
)
