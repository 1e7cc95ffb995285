"""A run of `fhirkit validate`: inputs in, text of a format and an exit code out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from fhirkit.cli import exits
from fhirkit.cli.console import complain, progress, say
from fhirkit.cli.sink import Sink
from fhirkit.core.files import shown_name
from fhirkit.core.issues import Issue, Outcome, Severity
from fhirkit.report.formats import FileOutcome, Format

if TYPE_CHECKING:
    from fhirkit.cli.verdicts import Judge
    from fhirkit.policy import Policy
    from fhirkit.validate import Validator
    from fhirkit.validate.batch import Checked


@dataclass(slots=True)
class Run:
    """What decides the exit code, and the counts of the summary."""

    fail_on: Severity | None = Severity.ERROR
    allow_incomplete: bool = False
    code: int = exits.CLEAN
    checked: int = 0
    invalid: int = 0
    incomplete: int = 0
    rules: Counter[str] = field(default_factory=Counter)

    def over(
        self, outcomes: Iterable[Checked], form: Format, sink: Sink, judge: Judge | None
    ) -> None:
        """Write every outcome as it comes."""
        for checked in progress(outcomes, what="validating"):
            data = checked.input.data
            server = None if judge is None else judge.ask(data)
            one = FileOutcome(
                shown_name(checked.input.name),
                _writable(checked.outcome),
                checked.input.line,
                complete=not checked.incomplete,
                data=data,
                server=server,
            )
            sink.write(form.add(one))
            if checked.crash:
                complain(f"{one.place}: fhirkit failed on this input", advice=checked.crash)
            self._count(one, crashed=bool(checked.crash))

    def settle(self, issues: list[Issue], form: Format, sink: Sink) -> None:
        """Write what the settings themselves give rise to, and the end of the report."""
        if issues:
            one = FileOutcome(issues[0].file or "settings", Outcome.of(issues))
            sink.write(form.add(one))
            self._count_issues(one.outcome)
        sink.write(form.end())

    def _count(self, one: FileOutcome, *, crashed: bool) -> None:
        self.checked += 1
        self.invalid += not one.outcome.valid
        self.incomplete += not one.complete
        self._count_issues(one.outcome)
        self.code = exits.worst(self.code, *self._codes(one, crashed=crashed))
        if one.server is not None:
            count = len(one.outcome.errors)
            ours = "valid" if one.outcome.valid else f"invalid ({count} errors)"
            say(f"{one.place}: fhirkit says {ours}, the server says {one.server.word}")

    def _codes(self, one: FileOutcome, *, crashed: bool) -> Iterator[int]:
        if crashed:
            yield exits.INTERNAL
        if not one.complete and not self.allow_incomplete:
            yield exits.INCOMPLETE
        if one.server is not None and one.server.errors:
            yield exits.FINDINGS
        if one.server is not None and one.server.unanswered:
            yield exits.REMOTE

    def _count_issues(self, issues: Iterable[Issue]) -> None:
        for issue in issues:
            self.rules[issue.rule] += 1
            if self.fail_on is not None and issue.severity.rank <= self.fail_on.rank:
                self.code = exits.worst(self.code, exits.FINDINGS)

    def say_summary(self, policy: Policy, *, statistics: bool = False) -> None:
        """How many of which kind, on standard error."""
        if statistics:
            width = max(map(len, self.rules), default=0)
            for rule, count in self.rules.most_common():
                say(f"{rule:<{width}} {count:>7}")
        line = f"{self.checked} checked: {self.checked - self.invalid} valid"
        line += f", {self.invalid} invalid"
        if self.incomplete:
            line += f", {self.incomplete} not fully checked"
        if policy.known:
            line += f"; {policy.known} findings are in the baseline"
        if policy.suppressed:
            line += f"; {policy.suppressed} findings are suppressed"
        say(line)


class Silence:
    """A report of nothing, where something else is printed."""

    def add(self, one: FileOutcome) -> str:
        """Nothing."""
        del one
        return ""

    def end(self) -> str:
        """Nothing."""
        return ""


def _writable(outcome: Outcome) -> Outcome:
    """The outcome with file names that every format can hold."""
    files = {issue.file for issue in outcome if issue.file is not None}
    if all(shown_name(file) == file for file in files):
        return outcome
    return Outcome.of(replace(issue, file=shown_name(issue.file or "")) for issue in outcome)


def judge_at(url: str, validator: Validator) -> Judge:
    """The server that is asked for its own verdict."""
    from fhirkit.cli.verdicts import Judge

    return Judge(url, validator)
