"""What was found in many inputs, written the way terminals, pipelines and code hosts read it.

One module a form. A format takes inputs one by one (``add``) and may write at once, so that the
first finding is seen early, or at the end (``end``), where the form is one document.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from fhirkit.report.formats.outcomes import FileOutcome, Format, ServerVerdict, Settings

#: Name on the command line → module and class. Imported when asked for: start-up stays short.
FORMATS = {
    "text": ("text", "TextFormat"),
    "concise": ("text", "ConciseFormat"),
    "json": ("documents", "JsonFormat"),
    "ndjson": ("documents", "NdjsonFormat"),
    "sarif": ("sarif", "SarifFormat"),
    "junit": ("junit", "JUnitFormat"),
    "github": ("github", "GitHubFormat"),
    "gitlab": ("gitlab", "GitLabFormat"),
    "outcome": ("documents", "OutcomeFormat"),
    "html": ("summary", "SummaryFormat"),
}

#: Formats whose text stays on this machine, and so may show what records hold.
LOCAL = frozenset({"text", "concise"})


def format_named(name: str, settings: Settings) -> Format:
    """The format of this name; ``KeyError`` when there is none."""
    module, kind = FORMATS[name]
    made: Callable[[Settings], Format] = getattr(
        import_module(f"fhirkit.report.formats.{module}"), kind
    )
    return made(settings)


__all__ = ["FORMATS", "LOCAL", "FileOutcome", "Format", "ServerVerdict", "Settings", "format_named"]
