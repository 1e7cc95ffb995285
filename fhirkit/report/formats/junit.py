"""``--format junit``: one test case an input, as Jenkins, GitLab and Azure Pipelines read them.

Failed: it has issues at or above the failing severity. In error: it could not be read at all.
Skipped: nothing is wrong, but something could not be checked.
"""

from __future__ import annotations

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from fhirkit.core.issues import Issue, Severity
from fhirkit.report.formats.escape import one_line
from fhirkit.report.formats.outcomes import FileOutcome, Settings


class JUnitFormat:
    """One XML document with one suite."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._cases: list[TestCase] = []

    def add(self, one: FileOutcome) -> str:
        """Nothing is written before the end."""
        case = TestCase(name=one_line(one.place), classname="fhirkit.validate")
        case.time = 0
        result = self._result(one)
        if result is not None:
            case.result = [result]
        rest = [issue for issue in one.outcome if not self._settings.fails(issue)]
        if rest:
            case.system_out = _listed(rest)
        self._cases.append(case)
        return ""

    def end(self) -> str:
        """The document."""
        suite, report = TestSuite("fhirkit validate"), JUnitXml("fhirkit")
        # All at once: with each one by itself junitparser would count all before it again.
        suite.add_testcases(self._cases)
        report.add_testsuite(suite)
        # junitparser leaves these two without types.
        report.update_statistics()  # type: ignore[no-untyped-call]
        text: bytes = report.tostring()  # type: ignore[no-untyped-call]
        return text.decode() + "\n"

    def _result(self, one: FileOutcome) -> Failure | Error | Skipped | None:
        failing = [issue for issue in one.outcome if self._settings.fails(issue)]
        if failing:
            unread = any(issue.severity is Severity.FATAL for issue in failing)
            kind, word = (Error, "not readable") if unread else (Failure, "invalid")
            first = f"{failing[0].rule}: {one_line(failing[0].message)}"
            result = kind(f"{word}, {len(failing)} found; {first}", failing[0].rule)
            result.text = _listed(failing)
            return result
        if not one.complete and not self._settings.allow_incomplete:
            return Skipped("valid as far as it could be checked; see the output")
        return None


def _listed(issues: list[Issue]) -> str:
    lines = []
    for issue in issues:
        where = f" ({issue.expression})" if issue.expression else ""
        line = f"{issue.place}: {issue.severity} {issue.rule} {issue.message}{where}"
        lines.append(one_line(line))
    return "\n".join(lines)
