"""`fhirkit validate --watch`: check again what is saved, by the settings as they are then."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from fhirkit.cli.changed import when_changed
from fhirkit.cli.console import complain, say
from fhirkit.core.errors import FhirkitError

if TYPE_CHECKING:
    from fhirkit.cli.project import Project
    from fhirkit.cli.reporting import Reporting
    from fhirkit.cli.verdicts import Judge


def watch(
    reporting: Reporting,
    project: Project,
    again: Callable[[], Project],
    names: Callable[[Project], list[str]],
    judge: Judge | None,
) -> None:
    """Check all ``names``, then each that changes or comes, until interrupted.

    ``again`` reads the settings anew; where they have changed, everything is checked by them. While
    they, or the folder, are not in order the last good ones stand.
    """
    current, said = project, ""
    names(project)  # what is wrong at the beginning ends the command

    def look() -> tuple[list[str], object]:
        nonlocal current, said
        try:
            fresh = again()
            if fresh.state != current.state:
                current = fresh
            found = names(current)
            said = ""
        except FhirkitError as problem:
            # Somebody is in the middle of writing the settings, or git of changing the files.
            if problem.message != said:
                complain(problem.message, advice=problem.advice)
            said, found = problem.message, []
        return found, current.state

    say("watching; press Ctrl+C to end")
    for some in when_changed(look):
        reporting.run(current, some, judge, whole=False)
        say("watching; press Ctrl+C to end")
