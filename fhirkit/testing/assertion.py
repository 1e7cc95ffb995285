"""``assert_valid_fhir``: a resource is valid, or the test says what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from fhirkit.core.errors import FhirkitError
from fhirkit.core.issues import Issue, Severity
from fhirkit.validate import Validator
from fhirkit.validate.catalogue import RULES
from fhirkit.validate.source import Source


def assert_valid_fhir(
    resource: Source,
    profile: str | Iterable[str] = (),
    *,
    validator: Validator | None = None,
    fail_on: str = "error",
    allow_incomplete: bool = False,
) -> None:
    """Check a resource; ``AssertionError`` that lists every issue when it is not valid.

    ``resource`` is what ``Validator.validate`` takes: a dict, a model, text, bytes or a path;
    ``profile`` one or several canonicals that it must follow. ``fail_on`` is the least severity
    that fails. What could not be checked fails as well, unless ``allow_incomplete``: a green test
    must not mean "skipped".
    """
    __tracebackhide__ = True
    profiles = (profile,) if isinstance(profile, str) else tuple(profile)
    try:
        outcome = (validator or _validator()).validate(resource, profiles)
    except FhirkitError as problem:
        # The test's own line is what matters, not where in fhirkit it was noticed.
        raise problem.with_traceback(None) from None
    wrong = failures(outcome, Severity(fail_on), allow_incomplete=allow_incomplete)
    if wrong:
        raise AssertionError(failure_text(wrong))


def failures(
    issues: Iterable[Issue], fail_on: Severity | None, *, allow_incomplete: bool
) -> list[Issue]:
    """The issues that fail a test; with ``fail_on`` None only those of what was not checked."""
    return [
        issue
        for issue in issues
        if (fail_on is not None and issue.severity.rank <= fail_on.rank)
        or (not allow_incomplete and issue.rule in RULES and RULES[issue.rule].incomplete)
    ]


def failure_text(issues: Iterable[Issue]) -> str:
    """What a failed test shows: a line an issue, and what to do about it. No values of records."""
    listed = list(issues)
    lines = [f"not valid FHIR: {len(listed)} {'issue' if len(listed) == 1 else 'issues'}"]
    for issue in listed:
        place = f"{issue.place}: " if issue.place else ""
        where = f" at {issue.expression}" if issue.expression else ""
        lines.append(f"  {place}{issue.severity} {issue.rule}{where}")
        lines.append(f"      {issue.message}")
        if issue.advice:
            lines.append(f"      try: {issue.advice}")
    return "\n".join(lines)


@lru_cache(maxsize=1)
def _validator() -> Validator:
    """One for all assertions that bring none: it learns the definitions once."""
    return Validator()
