"""MeasureReport against its Measure: the same groups, populations and stratifiers, a fitting score.

https://hl7.org/fhir/R4/measurereport.html. They are matched by their codes; a single group may be
left without one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fhirkit.validate.definitional.known import Json, Known, Placed, objects, text
from fhirkit.validate.definitional.measurescore import check_score
from fhirkit.validate.location import Node, step
from fhirkit.validate.rules.finding import Finding

#: Part of a group → the rule about it.
_RULES = {"population": "measure-population", "stratifier": "measure-stratifier"}
_OBSERVED = ("http://terminology.hl7.org/CodeSystem/measure-population", "measure-observation")


def check(report: Json, node: Node, known: Known) -> Iterator[Placed]:
    """Findings for one MeasureReport."""
    canonical = text(report, "measure")
    if canonical is None:
        return
    measure = _measure(canonical, report, known)
    if measure is None:
        message = (
            f"the measure {canonical} is not at hand, so the report was not checked against it"
        )
        yield node, Finding("measure-unknown", message)
        return
    wanted = [group for _, group in objects(measure.get("group"))]
    if wanted:
        yield from _Report(measure, report).groups(wanted, node)


def _measure(canonical: str, report: Json, known: Known) -> Json | None:
    if not canonical.startswith("#"):
        return known.store.resource("Measure", canonical)
    for _, resource in objects(report.get("contained")):
        if resource.get("id") == canonical[1:] and resource.get("resourceType") == "Measure":
            return resource
    return None


class _Report:
    """One report and its measure."""

    def __init__(self, measure: Json, report: Json) -> None:
        self._measure = measure
        self._report = report
        self._type = text(report, "type")

    def groups(self, wanted: list[Json], node: Node) -> Iterator[Placed]:
        """The groups of the report against those of the measure."""
        given = list(objects(self._report.get("group")))
        if len(given) == 1 and len(wanted) == 1:
            # A single group may go without a code; but a code that is there must be the right one.
            group, place = given[0][1], step(node, "group", 0)
            if "code" in wanted[0] and "code" in group:
                if not any(system and code for system, code in _codes(group["code"])):
                    yield place, _group("the code of the group has no system and code")
                elif not _same(group["code"], wanted[0]["code"]):
                    yield place, _group("the code of the group is not that of the measure's")
            yield from self._group(wanted[0], group, place)
            return
        found: list[int] = []
        for at, group in given:
            place = step(node, "group", at)
            index = _match(group, wanted)
            if "code" not in group:
                yield place, _group("where a measure has several groups, each needs its code")
            elif index is None:
                yield place, _group("the measure has no group with this code")
            elif index in found:
                yield place, _group("the group occurs twice")
            else:
                found.append(index)
                yield from self._group(wanted[index], group, place)
        if self._type == "data-collection":
            return
        for index, group in enumerate(wanted):
            if index not in found:
                yield node, _group(f"the group {_shown(group)} of the measure is missing")

    def _group(self, wanted: Json, group: Json, node: Node) -> Iterator[Placed]:
        yield from self._parts("population", wanted, group, node)
        yield from check_score(self._measure, self._type, group, node)
        yield from self._parts("stratifier", wanted, group, node)

    def _parts(self, name: str, wanted: Json, group: Json, node: Node) -> Iterator[Placed]:
        """The populations, or the stratifiers, of a group: all that are wanted, each once."""
        expected = [part for _, part in objects(wanted.get(name))]
        found: list[int] = []
        for at, part in objects(group.get(name)):
            place = step(node, name, at)
            index = _match(part, expected)
            if not _has_code(part):
                yield place, Finding(_RULES[name], f"a {name} needs its code")
            elif index is None:
                yield place, Finding(_RULES[name], f"the measure has no {name} with this code")
            elif index in found:
                yield place, Finding(_RULES[name], f"the {name} occurs twice")
            else:
                found.append(index)
                if name == "population":
                    yield from self._population(part, place)
        for index, part in enumerate(expected):
            if index not in found and _OBSERVED not in _codes(part.get("code")):
                message = f"the {name} {_shown(part)} of the measure is missing"
                yield node, Finding(_RULES[name], message)

    def _population(self, population: Json, node: Node) -> Iterator[Placed]:
        named = "subjectResults" in population
        if named and self._type != "subject-list":
            message = "only a list of subjects names them (MeasureReport.type)"
            yield node, Finding("measure-population", message)
        elif not named and self._type == "subject-list" and population.get("count"):
            message = f"the count is {population['count']}, but no subjects are named"
            yield node, Finding("measure-population", message)


def _group(message: str) -> Finding:
    return Finding("measure-group", message)


def _has_code(part: Json) -> bool:
    return isinstance(part.get("code"), dict) or (
        isinstance(part.get("code"), list) and bool(part["code"])
    )


def _match(part: Json, expected: list[Json]) -> int | None:
    for index, one in enumerate(expected):
        if _same(part.get("code"), one.get("code")):
            return index
    return None


def _same(one: Any, other: Any) -> bool:
    """Whether two concepts have a code in common, or, if neither has one, the same text."""
    first, second = _codes(one), _codes(other)
    if first or second:
        return not first.isdisjoint(second)
    texts = [part.get("text") if isinstance(part, dict) else None for part in (one, other)]
    return texts[0] is not None and texts[0] == texts[1]


def _codes(concept: Any) -> set[tuple[str, str]]:
    concepts = concept if isinstance(concept, list) else [concept]
    return {
        (str(coding.get("system", "")), str(coding.get("code", "")))
        for one in concepts
        if isinstance(one, dict)
        for _, coding in objects(one.get("coding"))
    }


def _shown(part: Json) -> str:
    """A part of a measure by its code, for a message."""
    codes = sorted(code for _, code in _codes(part.get("code")))
    return repr(codes[0][:60]) if codes else "without a code"
