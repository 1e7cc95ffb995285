"""Checks of open documents, one after the other in a thread of their own, the latest text only.

The thread that talks to the editor never waits for a check: typing goes on, hovering is answered.
Whatever is known of a project is used in this one thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from fhirkit.core.errors import FhirkitError
from fhirkit.core.issues import Issue, Outcome
from fhirkit.editor import documents
from fhirkit.editor.project import Projects
from fhirkit.fix import Edit, fix, fix_one

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A document as it was at one moment."""

    uri: str
    kind: str
    path: Path
    text: str
    version: int | None


@dataclass(frozen=True, slots=True)
class Report:
    """What a check found; or why there was none."""

    snapshot: Snapshot
    issues: tuple[Issue, ...] = ()
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Repair:
    """An edit of a document, what it does, and the issue that it mends; None: all of them."""

    title: str
    edit: Edit
    issue: Issue | None


class Checks:
    """Checks documents in the background and hands each report to ``tell``, in the event loop."""

    def __init__(self, projects: Projects, tell: Callable[[Report], None]) -> None:
        self._projects = projects
        self._tell = tell
        self._worker = ThreadPoolExecutor(1, "fhirkit-check")
        self._waiting: dict[str, asyncio.TimerHandle] = {}
        self._wanted: dict[str, Snapshot] = {}

    def ask(self, snapshot: Snapshot, delay: float = 0.0) -> None:
        """Check a document after ``delay`` seconds; one that still waits is replaced."""
        self.forget(snapshot.uri)
        self._wanted[snapshot.uri] = snapshot
        loop = asyncio.get_running_loop()
        self._waiting[snapshot.uri] = loop.call_later(delay, self._start, snapshot, loop)

    def forget(self, uri: str) -> None:
        """Check a document no more."""
        self._wanted.pop(uri, None)
        if handle := self._waiting.pop(uri, None):
            handle.cancel()

    async def repairs(
        self, snapshot: Snapshot, wanted: Callable[[Issue], bool], *, whole: bool
    ) -> list[Repair]:
        """The safe repairs of the issues that are wanted; ``whole``: of all that can be, too."""
        if snapshot.kind != "json":
            return []
        return await self._run(lambda: self._repairs(snapshot, wanted, whole=whole))

    def close(self) -> None:
        """Let the thread end."""
        self._worker.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._worker, work)

    def _start(self, snapshot: Snapshot, loop: asyncio.AbstractEventLoop) -> None:
        def work() -> None:
            # By now there may be a later text; or the document was closed.
            if self._wanted.get(snapshot.uri) is snapshot:
                report = self._report(snapshot)
                loop.call_soon_threadsafe(self._done, report)

        self._waiting.pop(snapshot.uri, None)
        self._worker.submit(work)

    def _done(self, report: Report) -> None:
        if self._wanted.get(report.snapshot.uri) is report.snapshot:
            self._tell(report)

    def _report(self, snapshot: Snapshot) -> Report:
        try:
            return Report(snapshot, tuple(self._issues(snapshot, snapshot.text)))
        except FhirkitError as problem:
            advice = f"; {problem.advice}" if problem.advice else ""
            return Report(snapshot, trouble=problem.message + advice)
        except Exception as bug:  # noqa: BLE001  # a bug, said to be one; the editor goes on
            from fhirkit.validate.batch import crash_text

            return Report(snapshot, trouble=f"failed on this document: {crash_text(bug)}")

    def _issues(self, snapshot: Snapshot, text: str) -> list[Issue]:
        check = self._projects.of(snapshot.path).check_text
        return documents.issues_of(snapshot.kind, snapshot.path, text, check)

    def _repairs(
        self, snapshot: Snapshot, wanted: Callable[[Issue], bool], *, whole: bool
    ) -> list[Repair]:
        def validate(text: str) -> Outcome:
            return Outcome.of(self._issues(snapshot, text))

        found = []
        try:
            outcome = validate(snapshot.text)
            for issue in filter(wanted, outcome):
                edit = fix_one(snapshot.text, issue, outcome, validate)
                if edit is not None:
                    found.append(Repair(_title(issue), edit, issue))
            done = fix(snapshot.text, outcome, validate) if whole else None
        except FhirkitError:
            return []  # said where the document was checked
        if done is not None and done.repaired:
            edit = _difference(snapshot.text, done.text)
            found.append(Repair(f"Repair all that is safe ({len(done.repaired)})", edit, None))
        return found


def _title(issue: Issue) -> str:
    verb = "Write as a list" if issue.rule == "array-expected" else ""
    verb = verb or ("Write as a single value" if issue.rule == "array-unexpected" else "")
    verb = verb or ("Write in the right JSON type" if issue.rule == "primitive-type" else "Remove")
    return f"{verb}: {issue.expression}"


def _difference(before: str, after: str) -> Edit:
    """One edit from one text to another, without what they begin and end with alike."""
    start, most = 0, min(len(before), len(after))
    while start < most and before[start] == after[start]:
        start += 1
    end = 0
    while end < most - start and before[-1 - end] == after[-1 - end]:
        end += 1
    return Edit(start, len(before) - end, after[start : len(after) - end])
