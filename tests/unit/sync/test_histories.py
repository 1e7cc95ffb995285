"""Any history of edits, deletions, crashes and other writers on both sides, against a model.

We only ever edit ``birthDate``, the others only ``gender``; so whatever order things happen in, at
the end both edits are there, once, on both sides. I1: nothing is created twice. I2: nobody's edit
is lost. I3: a complete push is one whose content is on the server. I4: what is done is not done
again. I5: what was in a file is in it still, or in the trash. I7: references lead home.
"""

from __future__ import annotations

import itertools
import json
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from memory_server import BASE, MemoryServer, Stop, tags_of, targets

from fhirkit.core.errors import FhirkitError
from fhirkit.core.resource import content_hash
from fhirkit.remote import Client
from fhirkit.sync.conflicts import Judgement
from fhirkit.sync.prepared import Options
from fhirkit.sync.upkeep import Upkeep, opened_for_upkeep
from fhirkit.sync.worktree import WorkingTree

NAMES = [f"n{number}" for number in range(3)]
names = st.sampled_from(NAMES)
values = st.integers(1950, 1999).map(str)
genders = st.sampled_from(["male", "female", "other", "unknown"])


class Histories(RuleBasedStateMachine):
    """One tree, one server, and everybody else."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="fhirkit-histories-"))
        self.tree, _ = WorkingTree.init(self.root)
        self.server = MemoryServer()
        self.mine: dict[str, str | None] = {}  # what we last wrote, of what nobody deleted
        self.theirs: dict[str, str] = {}
        self.deleted: set[str] = set()
        self.edits = 0
        self.names: dict[str, str] = {}

    @initialize(gives_ids=st.booleans(), newest_first=st.booleans(), history=st.booleans())
    def kind_of_server(self, *, gives_ids: bool, newest_first: bool, history: bool) -> None:
        self.server.gives_ids = gives_ids
        self.server.newest_first = newest_first
        self.server.history = history

    def teardown(self) -> None:
        try:
            self.settle()
        finally:
            shutil.rmtree(self.root)

    # -- what we do -------------------------------------------------------------------------

    @rule(name=names, year=values, to=names)
    def edit_here(self, name: str, year: str, to: str) -> None:
        path = self._path(name)
        held = json.loads(path.read_text()) if path.exists() else None
        if held is None and name in self.deleted:
            return  # a name is used once, so that the model stays simple
        held = held or {"resourceType": "Patient", "id": name}
        link = {"other": {"reference": f"Patient/{to}"}}
        if self._path(to).exists() and to not in self.deleted and name not in self.mine:
            held["link"] = [link]
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(held | {"birthDate": year}))
        self.mine[name] = year

    @rule(name=names)
    def delete_here(self, name: str) -> None:
        # An emptied tree is a question to a person, and no part of the model.
        last = len(self._files()) < 2
        if self._path(name).exists() and not last and not self._is_target(name):
            self._path(name).unlink()
            self.deleted.add(name)

    # -- what the others do -----------------------------------------------------------------

    @rule(name=names, gender=genders)
    def edit_there(self, name: str, gender: str) -> None:
        found = self._there(name)
        if found is not None:
            self.edits += 1
            note = {"gender": gender, "language": f"l{self.edits}"}
            self.server.put(found | note)
            self.theirs[name] = f"l{self.edits}"

    @rule(name=names)
    def delete_there(self, name: str) -> None:
        found = self._there(name)
        if found is not None and not self._is_target(name):
            self.server.delete("Patient", found["id"])
            self.deleted.add(name)

    # -- commands ---------------------------------------------------------------------------

    @rule(
        number=st.integers(1, 8),
        word=st.sampled_from(["kill", "kill-late", "lost", "late", "unsent", "race", "none"]),
        after=st.booleans(),
        command=st.sampled_from(["push", "pull"]),
    )
    def command_in_trouble(self, number: int, word: str, after: bool, command: str) -> None:
        count = 0
        after = after and word in ("kill", "lost")

        def trouble(method: str, url: str, *, done: bool) -> str | None:
            nonlocal count
            if word == "race" and method == "POST" and not done:
                self._somebody_is_faster()
            meant = done == after and (method == "POST" or word in ("kill", "unsent"))
            count += meant
            return word if meant and count == number else None

        self.server.trouble = trouble if word != "none" else None
        before = self._files()
        self.names = self._names()
        try:
            (self.push if command == "push" else self.pull)()
        except (Stop, FhirkitError):
            pass
        finally:
            self.server.trouble = None
        self._nothing_destroyed(before)

    @rule(name=names, first=values, year=values, word=st.sampled_from(["race", "late", "lost"]))
    def edit_and_push_twice(self, name: str, first: str, year: str, word: str) -> None:
        """A creation and an update, either of which may meet trouble."""
        for value, met in ((first, "none" if word == "race" else word), (year, word)):
            self.edit_here(name=name, year=value, to=name)
            self.command_in_trouble(number=1, word=met, after=True, command="push")
            self.server.commit_late()
            self.nothing_is_created_twice()
            self.what_others_wrote_is_still_there()

    @rule(name=names, year=values)
    def somebody_makes_the_same(self, name: str, year: str) -> None:
        self.edit_here(name=name, year=year, to=name)
        self.command_in_trouble(number=1, word="race", after=True, command="push")

    @rule(name=names, year=values, again=st.sampled_from(["push", "pull"]))
    def killed_and_soon_run_again(self, name: str, year: str, again: str) -> None:
        """And what was under way is committed only after that."""
        self.edit_here(name=name, year=year, to=name)
        for command, word in (("push", "kill-late"), (again, "none"), ("push", "none")):
            self.command_in_trouble(number=1, word=word, after=False, command=command)
        self.server.commit_late()

    def _somebody_is_faster(self) -> None:
        """Between our look and our write, on every resource (F18)."""
        for (kind, logical_id), held in list(self.server.held.items()):
            resource = held[-1].resource
            name = self.names.get(logical_id, logical_id)
            if kind == "Patient" and resource is not None:
                self.edits += 1
                self.server.put(resource | {"language": f"l{self.edits}"})
                self.theirs[name] = f"l{self.edits}"
        if self.server.gives_ids:
            return
        for name in self._files():
            # And somebody else makes what we are about to make, under the very same id.
            if ("Patient", name) not in self.server.held and name not in self.deleted:
                self.edits += 1
                made = {"resourceType": "Patient", "id": name, "language": f"l{self.edits}"}
                self.server.put(made)
                self.theirs[name] = f"l{self.edits}"

    @rule()
    def late_ones_arrive(self) -> None:
        self.server.commit_late()

    @precondition(lambda self: self.tree.database.exists())
    @rule(ours=st.booleans())
    def resolve(self, *, ours: bool) -> None:
        with self._session() as session:
            for key in session.conflicts():
                session.resolve(key, side="ours" if ours else "theirs")
                # Whoever chooses a side gives up the other one's edit.
                if ours:
                    self.theirs.pop(key.id, None)
                elif self._path(key.id).exists():
                    self.mine[key.id] = self._files()[key.id].get("birthDate")

    def push(self) -> None:
        with self._session() as session:
            report = session.push(session.prepare_push(), Options(delete=True, max_delete=99))
        if report.complete:
            for name, held in self._files().items():
                key = self._rid(name)
                stored = self.server.held.get(("Patient", key), [])
                # I3: whoever wrote since, ours was there.
                assert any(
                    one.resource is not None
                    and one.resource.get("birthDate") == held.get("birthDate")
                    for one in stored
                ), f"{name} is said to be pushed"

    def pull(self) -> None:
        with self._session() as session:
            session.pull(session.prepare_pull(max_delete=99), Judgement())

    # -- what always holds ------------------------------------------------------------------

    @invariant()
    def nothing_is_created_twice(self) -> None:
        deleted = Counter(
            (kind, tags_of(before.resource or {}) or logical_id)
            for (kind, logical_id), held in self.server.held.items()
            for before, version in itertools.pairwise(held)
            if version.resource is None
        )
        made = Counter(self.server.creations)
        assert {what: count for what, count in made.items() if count > 1 + deleted[what]} == {}

    @invariant()
    def references_lead_home(self) -> None:
        for held in self.server.held.values():
            for version in held:
                for target in targets(version.resource or {}):
                    assert tuple(target.split("/")) in self.server.held, target

    @invariant()
    def what_others_wrote_is_still_there(self) -> None:
        """I2 at every moment; where ids are the server's, only at the end."""
        for name, language in self.theirs.items():
            now = self.server.current("Patient", name)
            if now is not None and now.resource is not None and name not in self.deleted:
                assert now.resource.get("language") == language, name

    def settle(self) -> None:
        """Everybody stops; then a few runs bring both sides to the same, and keep them there."""
        self.server.commit_late()
        self.nothing_is_created_twice()
        self.server.trouble = None
        for _ in range(4):
            self._quietly(self.pull)
            with self._session() as session:
                for key in session.conflicts():
                    session.resolve(key, side="ours")
            self._quietly(self.push)
        requests = len(self.server.log)
        self._quietly(self.push)
        assert {method for method, _ in self.server.log[requests:]} <= {"GET"}  # I4
        with self._session() as session:
            report = session.verify()
        assert report.complete, report.lines
        files = self._files()
        there = {name: one for name in NAMES if (one := self._there(name)) is not None}
        assert files.keys() == there.keys()
        for name in files.keys() - self.deleted:
            assert files[name].get("birthDate") == self.mine[name]  # I2, ours
            assert there[name].get("birthDate") == self.mine[name]
            if name in self.theirs:
                assert files[name].get("language") == self.theirs[name]  # I2, theirs
                assert there[name].get("language") == self.theirs[name]

    def _quietly(self, command: Any) -> None:
        try:
            command()
        except FhirkitError as problem:
            # An emptied server or tree is a question to a person; here the answer is to begin anew.
            asked = ("gone on the server", "there any more", "would be deleted")
            if not any(text in problem.message for text in asked):
                raise
            with self._session() as session:
                session.store.forget_all()
                session.state.tidy()

    def _session(self) -> Any:
        client = Client(BASE, transport=self.server)  # type: ignore[arg-type]
        return opened_for_upkeep(self.tree, "origin", client)

    def _path(self, name: str) -> Path:
        return self.root / "Patient" / f"{name}.json"

    def _files(self) -> dict[str, Any]:
        found = (self.root / "Patient").glob("*.json")
        return {path.stem: json.loads(path.read_text()) for path in found}

    def _rid(self, name: str) -> str:
        with self._session() as session:
            assert isinstance(session, Upkeep)
            remote_ids = session.store.remote_ids()
        return next((rid for key, rid in remote_ids.items() if key.id == name), name)

    def _names(self) -> dict[str, str]:
        """The server's id → ours."""
        with self._session() as session:
            return {rid: key.id for key, rid in session.store.remote_ids().items()}

    def _there(self, name: str) -> dict[str, Any] | None:
        if not self.tree.database.exists():
            return None
        version = self.server.current("Patient", self._rid(name))
        return version.resource if version else None

    def _is_target(self, name: str) -> bool:
        held = [*self._files().values(), *self.server.contents().values()]
        ids = {f"Patient/{name}", f"Patient/{self._rid(name)}"}
        return any(target in ids for one in held for target in targets(one))

    def _nothing_destroyed(self, before: dict[str, Any]) -> None:
        trash = [json.loads(path.read_text()) for path in self.root.glob(".fhirkit/trash/*/*/*")]
        kept = {content_hash(one) for one in [*trash, *self._files().values()]}
        for name, held in before.items():
            assert content_hash(held) in kept, f"{name} is gone"  # I5


TestHistories = Histories.TestCase
TestHistories.settings = settings(
    max_examples=15,
    stateful_step_count=15,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
