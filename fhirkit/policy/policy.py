"""A policy: issues in, those that count out, and what the policy itself gives rise to.

What could not be read (fatal) always counts: no setting may turn that into a green run.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import replace

from fhirkit.core.issues import Issue, Outcome, Severity
from fhirkit.policy.baseline import Baseline
from fhirkit.policy.catalogue import (
    BASELINE_STALE,
    SUPPRESSION_EXPIRED,
    SUPPRESSION_UNUSED,
    Rule,
)
from fhirkit.policy.config import ConfigFile, Suppression
from fhirkit.policy.patterns import check_rules, fits_expression, fits_path, fits_rule


class Policy:
    """Decides which issues count.

    ``select`` and ``ignore`` are patterns of rule ids; those of the command line replace (select)
    or add to (ignore) those of the configuration. ``rules`` are all rule ids, so that a mistyped
    one is refused. ``today`` decides whether a suppression still holds.
    """

    def __init__(
        self,
        settings: ConfigFile,
        rules: Iterable[str],
        *,
        select: Iterable[str] = (),
        ignore: Iterable[str] = (),
        baseline: Baseline | None = None,
        today: dt.date | None = None,
    ) -> None:
        config = settings.config
        self._settings = settings
        self._select = tuple(select) or config.select
        self._ignore = (*config.ignore, *ignore)
        self._levels = tuple(config.severity.items())
        self._today = today or dt.datetime.now(dt.UTC).date()
        self._baseline = baseline
        # How often each suppression silenced something, and whether a file was seen that it is
        # about: of the others nothing can be told.
        self._uses: list[int] = []
        self._met: list[bool] = []
        self.suppressed = self.known = 0
        self.begin()
        known = list(rules)
        where = str(settings.path) if settings.path else "the command line"
        check_rules([*self._select, *self._ignore], known, where)
        check_rules([pattern for pattern, _ in self._levels], known, where)
        check_rules([one.rule for one in config.suppress], known, where)

    def begin(self) -> None:
        """Another look at the same files begins: what was counted by now is of the one before."""
        count = len(self._settings.config.suppress)
        self._uses, self._met = [0] * count, [False] * count
        self.suppressed = self.known = 0
        if self._baseline is not None:
            self._baseline.begin()

    def apply(self, file: str, outcome: Outcome) -> Outcome:
        """The issues of a file that count, with the severities that they are to have."""
        if self._baseline is not None:
            self._baseline.visit(file)
        for index, one in enumerate(self._settings.config.suppress):
            self._met[index] = self._met[index] or self._is_about(one, file)
        return Outcome.of(
            kept for issue in outcome if (kept := self._judged(file, issue)) is not None
        )

    def profiles(self, file: str, resource_type: str | None) -> tuple[str, ...]:
        """The profiles that the configuration asks of a resource of this type in this file."""
        return tuple(
            dict.fromkeys(
                profile
                for rule in self._settings.config.profiles
                if rule.type is None or rule.type == resource_type
                if rule.path is None or fits_path(file, rule.path, self._settings.folder)
                for profile in rule.profiles
            )
        )

    @property
    def asks_profiles(self) -> bool:
        """Whether the configuration asks for any profile."""
        return bool(self._settings.config.profiles)

    def excludes(self, file: str) -> bool:
        """Whether the configuration leaves this file out."""
        folder = self._settings.folder
        return any(fits_path(file, glob, folder) for glob in self._settings.config.exclude)

    def leftovers(self, *, whole: bool = True) -> Iterator[Issue]:
        """Suppressions that have run out or silence nothing, and a baseline that can shrink.

        Only where the ``whole`` was looked at is it known that a suppression silences nothing.
        """
        lines = self._settings.suppress_lines
        for index, one in enumerate(self._settings.config.suppress):
            line = lines[index] if index < len(lines) else None
            if self._expired(one):
                message = f"the suppression of {one.rule} ran out on {one.expires}"
                yield self._own(SUPPRESSION_EXPIRED, message, line)
            elif whole and self._met[index] and not self._uses[index]:
                message = f"the suppression of {one.rule} silences nothing"
                yield self._own(SUPPRESSION_UNUSED, message, line)
        if self._baseline is not None and self._baseline.stale:
            message = f"{self._baseline.stale} findings of the baseline are gone"
            yield self._own(BASELINE_STALE, message, None)

    def _judged(self, file: str, issue: Issue) -> Issue | None:
        if issue.severity is Severity.FATAL:
            return issue
        if self._select and not fits_rule(issue.rule, self._select):
            return None
        if fits_rule(issue.rule, self._ignore):
            return None
        for pattern, level in self._levels:
            if fits_rule(issue.rule, (pattern,)):
                if level == "off":
                    return None
                issue = replace(issue, severity=Severity(level))
        for index, one in enumerate(self._settings.config.suppress):
            if not self._expired(one) and self._fits(one, file, issue):
                self._uses[index] += 1
                self.suppressed += 1
                return None
        if self._baseline is not None and self._baseline.knows(file, issue):
            self.known += 1
            return None
        return issue

    def _fits(self, one: Suppression, file: str, issue: Issue) -> bool:
        if not fits_rule(issue.rule, (one.rule,)):
            return False
        if one.expression is not None and not fits_expression(issue.expression, one.expression):
            return False
        return self._is_about(one, file)

    def _is_about(self, one: Suppression, file: str) -> bool:
        return one.path is None or fits_path(file, one.path, self._settings.folder)

    def _expired(self, one: Suppression) -> bool:
        return one.expires is not None and one.expires < self._today

    def _own(self, rule: Rule, message: str, line: int | None) -> Issue:
        path = self._settings.path
        return Issue(
            rule.severity,
            rule.id,
            message,
            issue_type=rule.issue_type,
            advice=rule.cure,
            file=None if path is None else str(path),
            line=line,
        )
