"""The project that a document belongs to: its settings decide what is checked, and what counts."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from fhirkit.core.issues import Issue
from fhirkit.validate import Validator


class Project(Protocol):
    """The settings of a folder."""

    @property
    def validator(self) -> Validator:
        """A validator that knows the folder's packages."""

    def check_text(self, name: str, data: bytes) -> list[Issue]:
        """The issues of a record that count there."""


class Projects(Protocol):
    """The projects of files, by the nearest settings. Not to be shared by threads."""

    def of(self, file: Path) -> Project:
        """The project of a file by its settings of now; ``FhirkitError`` where they are broken."""
