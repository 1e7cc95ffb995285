"""The named points of a timeline in the order of time, and what was known at one of them."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from fhirkit.convert.model import At
from fhirkit.convert.read.timeline import Timeline, When

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fhirkit.convert.model import Change, Quote


class Points:
    """The timeline's names with their times, ordered: certain dates first, else as written."""

    def __init__(
        self,
        timeline: Timeline | None = None,
        times: dict[str, When] | None = None,
        quotes: dict[str, tuple[Quote, ...]] | None = None,
    ) -> None:
        self.timeline = timeline or Timeline()
        self.times = times or {}
        self.quotes = quotes or {}
        self.order = {name: rank for rank, name in enumerate(_ordered(self.times))}

    @property
    def last(self) -> str | None:
        """The latest point, if there is any."""
        return max(self.order, key=self.order.__getitem__, default=None)

    def includes(self, at: At | None, as_of: str | None) -> bool:
        """Whether something at that time was known as of a point (``None``: the end)."""
        if at is None or as_of is None:
            return True
        if at.point is not None:
            return self.order[at.point] <= self.order[as_of]
        return not at.when.certainly_after(self.times[as_of])

    def goes_on(self, at: At, as_of: str | None) -> bool:
        """Whether a stretch of time ends certainly after a point (``None``: the end)."""
        end = at.when.end
        return (
            as_of is not None
            and end is not None
            and not at.when.is_point
            and When(end, end).certainly_after(self.times[as_of])
        )

    def seen(self, at: At, as_of: str | None) -> At | None:
        """What could be told of a time as of a point: nothing of a later one, and only the start
        of a stretch that goes on after it.
        """
        if not self.includes(at, as_of):
            return None
        if not self.goes_on(at, as_of):
            return at
        start = at.when.start
        if start is None:
            return None
        return At(f"since {start.render(start.earliest)}", When(start, None), None)

    def beyond(self, at: At) -> bool:
        """Whether the time is no point and lies certainly after every point there is."""
        if at.point is not None or not self.order:
            return False
        return all(at.when.certainly_after(self.times[name]) for name in reversed(self.order))

    def reached(self, changes: Sequence[Change], as_of: str | None) -> list[Change]:
        """The changes that had happened as of a point, in order."""
        if as_of is None:
            return list(changes)
        limit = self.order[as_of]
        return [
            change
            for change in changes
            if change.point is None or self.order[change.point] <= limit
        ]


def _ordered(times: dict[str, When]) -> list[str]:
    """Names so that what is certainly later comes later; otherwise the order they were given in.

    "Certainly after" is a partial order, so taking the first name that waits for no other always
    ends.
    """
    starts = [when.start_earliest for when in times.values()]
    if all(
        one is not None and other is not None and one <= other for one, other in pairwise(starts)
    ):
        # What is certainly later starts later at the earliest, so nothing is out of order.
        return list(times)
    behind = {
        name: {other for other in times if times[name].certainly_after(times[other])}
        for name in times
    }
    waiting = list(times)
    done: dict[str, None] = {}
    while waiting:
        # A partial order has a first element, so there is always one that waits for no other.
        name = next(name for name in waiting if behind[name] <= done.keys())
        waiting.remove(name)
        done[name] = None
    return list(done)
