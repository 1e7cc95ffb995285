"""What makes a finding the same finding in the next run: not its line, but what it says where."""

from __future__ import annotations

import hashlib
from collections import Counter

from fhirkit.core.issues import Issue


class Fingerprints:
    """Names findings by content. Equal ones of a file are told apart by their order."""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()

    def of(self, file: str, issue: Issue) -> str:
        """32 hexadecimal digits, the same in every run while the finding is the same."""
        text = f"{file}\0{issue.rule}\0{issue.expression}\0{issue.message}"
        number = self._seen[text]
        self._seen[text] += 1
        return hashlib.sha256(f"{text}\0{number}".encode()).hexdigest()[:32]
