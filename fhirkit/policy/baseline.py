"""The baseline: findings a project had when it began to check, told by what they say, not by line.

A finding is known when the same rule said the same thing at the same kind of place (indices left
out) of the same file, and not more often than it did. So lines may move and lists may be put in
another order, while every new finding is seen.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path, PurePath

import msgspec

from fhirkit.core.errors import UsageError
from fhirkit.core.files import shown_name, write_atomic
from fhirkit.core.issues import Issue
from fhirkit.policy.patterns import without_indices

VERSION = 1


class _Stored(msgspec.Struct, forbid_unknown_fields=True):
    """The file: for each record the rules, and for each the findings with their number."""

    version: int
    findings: dict[str, dict[str, dict[str, int]]]


class Baseline:
    """Known findings; ``root`` is the folder that its file names start at."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: Counter[tuple[str, str, str]] = Counter()
        self._met: Counter[tuple[str, str, str]] = Counter()
        self._files: set[str] = set()

    @classmethod
    def read(cls, path: Path) -> Baseline:
        """The baseline of a file; ``UsageError`` when there is none or it is damaged."""
        made = cls(path.resolve().parent)
        try:
            stored = msgspec.json.decode(path.read_bytes(), type=_Stored)
        except OSError as problem:
            advice = "make it with `fhirkit baseline`"
            raise UsageError(f"{path}: cannot be read: {problem.strerror}", advice=advice) from None
        except (msgspec.DecodeError, UnicodeDecodeError) as problem:
            advice = "make it anew with `fhirkit baseline`"
            raise UsageError(f"{path}: is no baseline: {problem}", advice=advice) from None
        if stored.version != VERSION:
            raise UsageError(
                f"{path}: a baseline of version {stored.version}; this fhirkit reads {VERSION}"
            )
        for file, rules in stored.findings.items():
            for rule, digests in rules.items():
                for digest, count in digests.items():
                    made._known[file, rule, digest] = count
        return made

    def add(self, file: str, issues: Iterable[Issue]) -> None:
        """Take findings as known."""
        name = self._name(file)
        for issue in issues:
            self._known[name, issue.rule, _digest(issue)] += 1

    def knows(self, file: str, issue: Issue) -> bool:
        """Whether this finding, as often as it was met by now, is a known one."""
        name = self._name(file)
        self._files.add(name)
        slot = (name, issue.rule, _digest(issue))
        self._met[slot] += 1
        return self._met[slot] <= self._known[slot]

    def begin(self) -> None:
        """Count anew what is met: another look at the same files begins."""
        self._met.clear()
        self._files.clear()

    def visit(self, file: str) -> None:
        """Note that a file was checked, so that what it no longer has can be told."""
        self._files.add(self._name(file))

    @property
    def stale(self) -> int:
        """How many known findings of the files that were checked are gone."""
        return sum(
            max(0, count - self._met[slot])
            for slot, count in self._known.items()
            if slot[0] in self._files
        )

    def __len__(self) -> int:
        return sum(self._known.values())

    def write(self, path: Path) -> None:
        """Write the file, sorted, so that a change of it reads well."""
        findings: dict[str, dict[str, dict[str, int]]] = {}
        for (file, rule, digest), count in sorted(self._known.items()):
            findings.setdefault(file, {}).setdefault(rule, {})[digest] = count
        data = msgspec.json.encode(_Stored(VERSION, findings))
        write_atomic(path, msgspec.json.format(data, indent=1) + b"\n")

    def _name(self, file: str) -> str:
        path = PurePath(file)
        full = path if path.is_absolute() else Path.cwd() / path
        if full.is_relative_to(self._root):
            full = full.relative_to(self._root)
        return shown_name(full.as_posix())


def _digest(issue: Issue) -> str:
    """What a finding says, as 16 hexadecimal digits: no text of a record stands in the file."""
    text = f"{without_indices(issue.expression)}\0{issue.message}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]
