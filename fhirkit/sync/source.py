"""Where a pull takes its resources from: a server's history, a bulk export, or searches."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from fhirkit.core.errors import Blocked, UsageError
from fhirkit.remote.capability import Capability
from fhirkit.remote.export import PATIENTS, SYSTEM, group_path


class Source(StrEnum):
    """What is asked. ``AUTO`` is the history where one is offered, since it shows deletions, then
    an export, and searches of every type where there is neither.
    """

    AUTO = "auto"
    HISTORY = "history"
    EXPORT = "export"
    SEARCH = "search"


@dataclass(frozen=True, slots=True)
class Pick:
    """What the user chose. ``group`` or ``everyone`` narrow an export to the records of a Group's
    members or of all patients; ``longest`` is how many seconds an export is waited for.
    """

    source: Source = Source.AUTO
    group: str | None = None
    everyone: bool = False
    longest: float = 3600.0

    def __post_init__(self) -> None:
        if self.group is not None and self.everyone:
            raise UsageError("--group and --all-patients exclude each other")
        if self.narrowed and self.source not in (Source.AUTO, Source.EXPORT):
            raise UsageError(f"--group and --all-patients are exports, not --source {self.source}")

    @property
    def narrowed(self) -> bool:
        """Whether it is about some patients' records, and not about all that the server has."""
        return self.group is not None or self.everyone

    @property
    def is_export(self) -> bool:
        """Whether only an export will do."""
        return self.narrowed or self.source is Source.EXPORT

    @property
    def path(self) -> str:
        """The export's path below the base."""
        if self.group is not None:
            return group_path(self.group)
        return PATIENTS if self.everyone else SYSTEM

    def by(self, capability: Capability, *, started: bool, wanted: set[str]) -> Source:
        """The source to use; ``started`` tells whether a history could begin at a known time.

        ``Blocked`` when what was asked for is not offered.
        """
        listed = capability.has_system_history or any(map(capability.has_history, wanted))
        if self.source is Source.HISTORY and not listed:
            raise Blocked(
                "the server offers no history",
                advice="--source search, or export where the server makes one",
            )
        if self.source is not Source.AUTO:
            return self.source
        if self.narrowed:
            return Source.EXPORT
        if listed:
            return Source.HISTORY if started else Source.SEARCH
        return Source.EXPORT if capability.makes_exports else Source.SEARCH
