"""Repair a record as far as it is safe: apply edits, ask the validator again, keep what helps.

An edit stays only when its issue is gone and no error came that was not hidden behind it: the
validator, which is passed in, has the last word.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from fhirkit.core.issues import Issue, Outcome
from fhirkit.fix.repairs import FIXABLE, RESHAPED, Edit, repair

#: Rounds at most: taking out what is empty can leave its parent empty, and so on upwards.
_ROUNDS = 12
#: Issues repaired one by one, when all at once did not do, in one round.
_SINGLY = 50

_INDEX = re.compile(r"\[\d+\]")
_LEFT_EMPTY = frozenset({"element-empty", "array-empty"})

Validate = Callable[[str], Outcome]


@dataclass(frozen=True, slots=True)
class Fixed:
    """The text after its repairs, the issues that were repaired, and the outcome that is left."""

    text: str
    repaired: tuple[Issue, ...]
    outcome: Outcome


def fix(source: str, outcome: Outcome, validate: Validate) -> Fixed:
    """Repair a JSON text whose outcome is known. Without a safe repair the text comes back as is.

    ``validate`` gives the outcome of a text, with lines and columns.
    """
    good = last = Fixed(source, (), outcome)
    for _ in range(_ROUNDS):
        done = _all_at_once(last.text, last.outcome, validate)
        done = done or _one_by_one(last.text, last.outcome, validate)
        if done is None:
            break
        last = Fixed(done.text, (*last.repaired, *done.repaired), done.outcome)
        if not _came(last.outcome, outcome, last.repaired):
            good = last
    return good


def fix_one(source: str, issue: Issue, outcome: Outcome, validate: Validate) -> Edit | None:
    """The edit that repairs this issue of a JSON text and brings no other; None: there is none."""
    edit = repair(issue, source)
    if edit is None:
        return None
    text = source[: edit.start] + edit.text + source[edit.end :]
    done = _judged(text, [issue], outcome, validate)
    return None if done is None or _came(done.outcome, outcome, [issue]) else edit


def _all_at_once(source: str, outcome: Outcome, validate: Validate) -> Fixed | None:
    chosen: list[tuple[Edit, Issue]] = []
    edits = ((repair(issue, source), issue) for issue in outcome if issue.rule in FIXABLE)
    for edit, issue in sorted(
        ((edit, issue) for edit, issue in edits if edit is not None), key=lambda pair: pair[0]
    ):
        # Edits that touch each other wait for the next round.
        if not chosen or edit.start > chosen[-1][0].end:
            chosen.append((edit, issue))
    if not chosen:
        return None
    text = source
    for edit, _issue in reversed(chosen):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return _judged(text, [issue for _, issue in chosen], outcome, validate)


def _one_by_one(source: str, outcome: Outcome, validate: Validate) -> Fixed | None:
    fixable = [issue for issue in outcome if issue.rule in FIXABLE]
    for issue in fixable[:_SINGLY]:
        edit = repair(issue, source)
        if edit is None:
            continue
        text = source[: edit.start] + edit.text + source[edit.end :]
        done = _judged(text, [issue], outcome, validate)
        if done is not None:
            return done
    return None


def _judged(text: str, mended: list[Issue], before: Outcome, validate: Validate) -> Fixed | None:
    """The repaired text, if an issue is gone and no other came."""
    after = validate(text)
    # A parent may be empty now: the next round takes it out, or all of this is taken back.
    if any(issue.rule not in _LEFT_EMPTY for issue in _came(after, before, mended)):
        return None
    if not _counted(before) - _counted(after):
        return None
    return Fixed(text, tuple(mended), after)


def _came(after: Outcome, before: Outcome, mended: Iterable[Issue]) -> list[Issue]:
    """Errors that were not there before, but for those that the mended issues had hidden.

    A value in the wrong shape is not looked into, so what is wrong inside comes to light.
    """
    new = _counted(after) - _counted(before)
    hidden = tuple(_kind(issue)[1] for issue in mended if issue.rule in RESHAPED)
    return [
        issue
        for issue in after
        if issue.is_error and new[_kind(issue)] and not _inside(_kind(issue)[1], hidden)
    ]


def _inside(expression: str, outer: tuple[str, ...]) -> bool:
    return any(expression == one or expression.startswith(f"{one}.") for one in outer)


def _counted(outcome: Outcome) -> Counter[tuple[str, str]]:
    return Counter(_kind(issue) for issue in outcome)


def _kind(issue: Issue) -> tuple[str, str]:
    # Without indices: a value that is put into a list is the same value.
    return issue.rule, _INDEX.sub("", issue.expression)
