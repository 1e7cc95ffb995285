"""The score of a group of a MeasureReport: as the scoring of the measure demands.

https://hl7.org/fhir/R4/valueset-measure-scoring.html: a proportion is a number from 0 to 1, a ratio
and a continuous variable are quantities, a cohort has no score.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from fhirkit.validate.definitional.known import Json, Placed, objects
from fhirkit.validate.location import Node, step
from fhirkit.validate.rules.finding import Finding

_UNIT = "http://hl7.org/fhir/StructureDefinition/questionnaire-unit"
_SCORED = ("proportion", "ratio", "continuous-variable")


def check_score(measure: Json, kind: str | None, group: Json, node: Node) -> Iterator[Placed]:
    """Findings for the score of one group; ``kind`` is the type of the report."""
    scoring = _scoring(measure)
    score = group.get("measureScore")
    place = step(node, "measureScore")
    if kind == "data-collection" or scoring == "cohort":
        if score is not None:
            why = "a collection of data" if kind == "data-collection" else "a cohort measure"
            yield place, _wrong(f"{why} has no score")
        return
    if scoring not in _SCORED:
        return
    if not isinstance(score, dict):
        yield node, Finding("measure-score-missing", f"a {scoring} measure has a score")
        return
    yield from _proportion(score, place) if scoring == "proportion" else ()
    if score.get("value") is None:
        yield place, Finding("measure-score-missing", f"the score of a {scoring} is a number")
    if scoring != "proportion":
        yield from _unit(measure, score, place)


def _proportion(score: Json, place: Node) -> Iterator[Placed]:
    for name in ("unit", "system", "code"):
        if name in score:
            yield step(place, name), _wrong("a proportion has no unit")
    value = score.get("value")
    if isinstance(value, int | float | Decimal) and not 0 <= value <= 1:
        message = "the score of a proportion lies between 0 and 1"
        yield step(place, "value"), Finding("measure-score-missing", message)


def _unit(measure: Json, score: Json, place: Node) -> Iterator[Placed]:
    """The unit that the measure fixes for its score."""
    fixed = next(
        (
            extension.get("valueCoding")
            for _, extension in objects(measure.get("extension"))
            if extension.get("url") == _UNIT
        ),
        None,
    )
    if not isinstance(fixed, dict):
        return
    if "code" not in score:
        yield place, _wrong(f"the unit of the score is {fixed.get('code')}")
        return
    if score["code"] != fixed.get("code"):
        yield step(place, "code"), _wrong(f"the unit of the score is {fixed.get('code')}")
    if score.get("system") != fixed.get("system"):
        yield place, _wrong(f"the system of the unit is {fixed.get('system')}")


def _scoring(measure: Json) -> Any:
    scoring = measure.get("scoring")
    for _, coding in objects(scoring.get("coding") if isinstance(scoring, dict) else None):
        return coding.get("code")
    return None


def _wrong(message: str) -> Finding:
    return Finding("measure-score", message)
