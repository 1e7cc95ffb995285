"""A timeline of any order and length is worked out in bounded steps."""

from __future__ import annotations

from fhirkit.convert import convert_case
from fhirkit.convert.read.moment import Moment
from fhirkit.convert.read.timeline import Timeline


def chain(length: int) -> dict[str, str]:
    """Each name hangs on the next, the last is a month: all of them overlap."""
    return {f"t{i}": f"t{i + 1} + 1 d" for i in range(length)} | {f"t{length}": "2024-01"}


def test_steps_of_days_add_up() -> None:
    timeline = Timeline(chain(50))
    start = timeline.resolve("t0").start
    assert isinstance(start, Moment)
    assert len(start.shifts) == 1
    assert timeline.resolve("t0").as_period() == {"start": "2024-02", "end": "2024-03"}


def test_a_long_chain_written_backwards_is_ordered() -> None:
    case = {"fhirkit": "case/1", "id": "t", "timeline": chain(60), "patient": {"sex": "male"}}
    done = convert_case(case, "collection")
    assert done.case is not None
    assert list(done.case.points.order) == [f"t{i}" for i in range(60, -1, -1)]
