"""The options that say how findings are reported; and a run that reports them so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import rich_click as click

from fhirkit.cli import exits
from fhirkit.cli.sink import Sink
from fhirkit.cli.validating import Run, Silence
from fhirkit.core.errors import UsageError

if TYPE_CHECKING:
    from fhirkit.cli.fixes import Fixes
    from fhirkit.cli.project import Project
    from fhirkit.cli.verdicts import Judge
    from fhirkit.core.issues import Severity
    from fhirkit.report.formats import Format

_F = TypeVar("_F", bound=Callable[..., Any])

#: The formats by name (fhirkit.report.formats); spelled here too, so that --help starts quickly.
FORMATS = (
    "text", "concise", "json", "ndjson", "sarif", "junit", "github", "gitlab", "outcome", "html",
)  # fmt: skip
#: What one may call them otherwise.
ALIASES = {"operation-outcome": "outcome"}

# The parts of --help.
_REPORT = "The report"
_VERDICT = "Which issues count"

_OPTIONS = (
    click.option(
        "--format", "form", type=click.Choice([*FORMATS, *ALIASES]), default="text",
        show_default=True, panel=_REPORT,
        help="How issues are written.",
    ),
    click.option(
        "--json", "as_json", is_flag=True, panel=_REPORT,
        help="The same as --format json.",
    ),
    click.option(
        "--show-values", is_flag=True,
        panel=_REPORT,
        help="Show values of the record in excerpts; only in the formats text and concise.",
    ),
    click.option(
        "--fail-on", type=click.Choice(["error", "warning", "information", "never"]),
        panel=_VERDICT,
        help="The least severity that gives exit code 1. [default: error]",
    ),
    click.option(
        "--allow-incomplete", is_flag=True, panel=_VERDICT,
        help="Exit 0 though something was not checked.",
    ),
    click.option(
        "--stdin-filename", metavar="NAME",
        help="What to call standard input; .ndjson makes it NDJSON.",
    ),
    click.option(
        "-o", "--output", metavar="FILE", panel=_REPORT,
        help="Write the report there, once it is whole. [default: -, standard output]",
    ),
    click.option(
        "--statistics", is_flag=True, panel=_REPORT,
        help="Count the findings by rule, on standard error.",
    ),
    click.option(
        "--fix", is_flag=True,
        panel=_REPORT,
        help="Repair what is safe in JSON files, and report what is left.",
    ),
    click.option(
        "--diff", is_flag=True, panel=_REPORT,
        help="Show what --fix would change, and change nothing.",
    ),
    click.option(
        "--cache/--no-cache", default=None,
        help="Take outcomes of earlier runs where nothing changed. [default: for several files]",
    ),
)  # fmt: skip


def reporting_options(command: _F) -> _F:
    """The format, where it goes, and what makes a run fail."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@dataclass(frozen=True, slots=True, kw_only=True)
class Reporting:
    """The options as they were given."""

    form: str
    as_json: bool
    output: str | None
    fail_on: str | None
    allow_incomplete: bool
    show_values: bool
    statistics: bool
    cache: bool | None
    stdin_filename: str | None
    fix: bool
    diff: bool

    @property
    def name(self) -> str:
        """The format's name."""
        return "json" if self.as_json else ALIASES.get(self.form, self.form)

    def refuse_contradictions(self, *, watch: bool) -> None:
        """``UsageError`` for options that do not go together."""
        from fhirkit.report.formats import LOCAL

        if self.show_values and self.name not in LOCAL:
            raise UsageError(
                f"--show-values shows values of records, and the format {self.name} is made to be"
                " passed on",
                advice="leave one of the two out",
            )
        if (self.diff or self.fix) and watch:
            raise UsageError("--watch only looks", advice="leave --fix or --diff out")
        if self.diff and (self.name not in LOCAL or self.output is not None):
            raise UsageError(
                "--diff prints a diff and no report", advice="leave --format and --output out"
            )
        if watch and (self.name not in LOCAL or self.output is not None):
            raise UsageError(
                "--watch writes to a terminal again and again",
                advice="use it with the formats text or concise, without --output",
            )

    def run(
        self, project: Project, names: list[str], judge: Judge | None, *, whole: bool = True
    ) -> int:
        """Check, report, and say what it came to; the exit code.

        ``whole``: everything is looked at, so that unused settings can be told.
        """
        limit = project.fail_on(self.fail_on)
        allow_incomplete = self.allow_incomplete or project.settings.config.allow_incomplete
        run = Run(limit, allow_incomplete)
        remember = len(names) > 1 if self.cache is None else self.cache
        with Sink(self.output) as sink:
            fixes = self._fixes(project)
            # The diff is all there is to read then; what is found is counted.
            writer = (
                Silence()
                if self.diff
                else self._format(limit, allow_incomplete=allow_incomplete, colour=sink.colour)
            )
            checked = project.check(names, self.stdin_filename, remember=remember, fixes=fixes)
            run.over(checked, writer, sink, judge)
            run.settle(project.leftovers(whole=whole), writer, sink)
        if fixes is not None:
            fixes.say_summary()
            if self.diff and fixes.issues:
                run.code = exits.worst(run.code, exits.FINDINGS)
        run.say_summary(project.policy, statistics=self.statistics)
        return run.code

    def _fixes(self, project: Project) -> Fixes | None:
        from fhirkit.cli.fixes import Fixes

        if not self.fix and not self.diff:
            return None
        return Fixes(project, write=not self.diff, show_values=self.show_values)

    def _format(self, limit: Severity | None, *, allow_incomplete: bool, colour: bool) -> Format:
        from fhirkit import __version__
        from fhirkit.report.formats import Settings, format_named
        from fhirkit.validate.catalogue import RULES

        settings = Settings(
            {rule.id: rule.meaning for rule in RULES.values()},
            limit,
            allow_incomplete=allow_incomplete,
            show_values=self.show_values,
            colour=colour,
            version=__version__,
        )
        return format_named(self.name, settings)
