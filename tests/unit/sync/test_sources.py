"""Whatever a pull asks, history, export or searches, and in whatever order: the tree is the server.

Hypothesis makes the histories: others write and delete, rows become visible late, pulls take any
source, and some of them end in the middle of an export.
"""

from __future__ import annotations

import json
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhirkit.chaos import Behaviour, ChaosServer
from fhirkit.core.errors import Incomplete
from fhirkit.remote import Client, Policy, Transport
from fhirkit.remote.export import Job
from fhirkit.sync.session import opened
from fhirkit.sync.source import Pick, Source
from fhirkit.sync.worktree import WorkingTree

KEYS = [("Patient", "a"), ("Patient", "b"), ("Basic", "a"), ("Observation", "x")]
SOURCES = [Source.AUTO, Source.HISTORY, Source.EXPORT, Source.SEARCH]

keys = st.sampled_from(KEYS)
steps = st.one_of(
    st.tuples(st.just("put"), keys),
    st.tuples(st.just("late"), keys),
    st.tuples(st.just("delete"), keys),
    st.tuples(st.just("pull"), st.sampled_from(SOURCES)),
    st.tuples(st.just("cut"), st.sampled_from(["wait", "rows", "cancel"])),
)


class Cut(BaseException):
    """The process is gone."""


class Story:
    """A server, a tree beside it, and what happens to both."""

    def __init__(self, folder: Path, behaviour: Behaviour) -> None:
        self.server = ChaosServer(behaviour)
        self.tree, _ = WorkingTree.init(folder / "tree")
        self.count = 0
        # Something always stays, or all that is known would be gone, which is a question.
        self.server.put({"resourceType": "Organization", "id": "stays"})

    def put(self, key: tuple[str, str], *, late: bool = False) -> None:
        self.count += 1
        resource = {"resourceType": key[0], "id": key[1], "language": f"x-{self.count}"}
        if late and self.server.store.read("/".join(key)) is None:
            store = self.server.store
            store.write("/".join(key), resource, "PUT", at=store.now() - 100)
        else:
            self.server.put(resource)

    def delete(self, key: tuple[str, str]) -> None:
        if self.server.store.read("/".join(key)) is not None:
            self.server.delete("/".join(key))

    def pull(self, source: Source) -> None:
        policy = Policy(tries=2, first_wait=0.0005, longest_wait=0.01, timeout=10)
        client = Client(self.server.url, transport=Transport(self.server.url, policy=policy))
        with opened(self.tree, "origin", client) as session:
            ready = session.prepare_pull(pick=Pick(source, longest=10), max_delete=100)
            assert session.pull(ready).complete
        files = {
            f"{path.parent.name}/{path.stem}": json.loads(path.read_bytes())
            for path in self.tree.root.glob("[A-Z]*/*.json")
        }
        assert files == self.server.state(), source

    def cut(self, name: str) -> None:
        """A pull by export that ends at this point of its job."""

        def gone(*_: Any) -> Any:
            raise Cut

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Job, name, gone)
            with suppress(Cut, Incomplete):
                self.pull(Source.EXPORT)


@settings(max_examples=20, deadline=None)
@given(
    happening=st.lists(steps, max_size=12),
    last=st.sampled_from(SOURCES),
    deleted=st.booleans(),
    counts=st.booleans(),
)
def test_every_source_brings_the_same(
    happening: list[tuple[str, Any]],
    last: Source,
    *,
    deleted: bool,
    counts: bool,
) -> None:
    behaviour = Behaviour(export_deleted=deleted, export_counts=counts, export_pending=0)
    with tempfile.TemporaryDirectory() as name:
        story = Story(Path(name), behaviour)
        try:
            for act, given_ in happening:
                if act == "put":
                    story.put(given_)
                elif act == "late":
                    story.put(given_, late=True)
                else:
                    getattr(story, act)(given_)
            story.pull(last)
            story.pull(Source.EXPORT)
            assert len(story.server.exports.jobs) == 0, "no job is left"
            before = len(story.server.store.log)
            story.pull(Source.AUTO)
            assert len(story.server.store.log) == before
        finally:
            story.server.close()
