"""HL7's FHIRPath suite for R4: read it, run an engine over it, count.

The suite lies in the Maven artefact of HL7's test cases and is never part of this repository:
    python tests/conformance/fhirpath_suite.py            prints the score and every miss
    python tests/conformance/fhirpath_suite.py --fetch    the same, after fetching the artefact
FHIR_TEST_CASES names the unpacked artefact (the folder that holds ``r4/``) where it is there
already.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from fhirkit.core.jsonio import loads
from fhirkit.core.xmlio import local_name, parse
from fhirkit.definitions.package import zip_member
from fhirkit.fhirpath.errors import ExpressionSyntaxError, FhirPathError
from fhirkit.fhirpath.model import ModelInfo

ARTEFACT = "org.hl7.fhir.testcases:fhir-test-cases:1.7.69"
ROOT_IN_JAR = "org/hl7/fhir/testcases"
SUITE = "r4/fhirpath/tests-fhir-r4.xml"
SCORE = Path(__file__).with_name("fhirpath_score.json")

#: One value an engine gives: its type as the suite spells types, and its text.
Value = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Case:
    """One test of the suite."""

    name: str
    group: str
    expression: str
    input_file: str | None
    outputs: tuple[tuple[str | None, str], ...]
    invalid: str | None = None
    predicate: bool = False
    ordered: bool = True
    check_ordered_functions: bool = False


#: Gives the values of an expression, or raises ``FhirPathError``.
Engine = Callable[[Case, Any], list[Value]]


def read_cases(data: bytes) -> list[Case]:
    """The tests in document order."""
    cases: list[Case] = []
    for group in parse(data).iter("group"):
        for test in group.iter("test"):
            expression = test.find("expression")
            outputs = tuple((o.get("type"), o.text or "") for o in test.findall("output"))
            cases.append(
                Case(
                    name=test.get("name"),
                    group=group.get("name"),
                    expression=expression.text,
                    input_file=test.get("inputfile"),
                    outputs=outputs,
                    invalid=expression.get("invalid"),
                    predicate=test.get("predicate") == "true",
                    ordered=test.get("ordered") != "false",
                    check_ordered_functions=test.get("checkOrderedFunctions") == "true",
                )
            )
    return cases


def passes(case: Case, engine: Engine, resource: Any) -> tuple[bool, str]:
    """Whether the engine does what the test asks, and what it did. A crash is never right."""
    try:
        values = engine(case, resource)
    except ExpressionSyntaxError as problem:
        return case.invalid is not None, f"refused: {problem}"
    except FhirPathError as problem:
        return case.invalid not in (None, "syntax"), f"refused: {problem}"
    except Exception as problem:  # noqa: BLE001  # a crash is a result here
        return False, f"crashed: {type(problem).__name__}: {problem}"
    if case.invalid is not None:
        return False, f"accepted: {values}"
    if case.predicate:
        values = [("boolean", "true" if values and values != [("boolean", "false")] else "false")]
    return _same(case, values), f"gave {values}"


def _same(case: Case, values: list[Value]) -> bool:
    if len(values) != len(case.outputs):
        return False
    if case.ordered:
        return all(_agrees(*pair) for pair in zip(case.outputs, values, strict=True))
    rest = list(values)
    for output in case.outputs:
        found = next((value for value in rest if _agrees(output, value)), None)
        if found is None:
            return False
        rest.remove(found)
    return True


def _agrees(expected: tuple[str | None, str], value: Value) -> bool:
    kind, text = expected
    if kind is not None and kind != value[0]:
        return False
    if text.removeprefix("@").removeprefix("T") == value[1]:
        return True
    try:
        return value[0] in ("decimal", "integer") and Decimal(text) == Decimal(value[1])
    except InvalidOperation:
        return False


def run(cases: list[Case], engine: Engine, read_input: Callable[[str], Any]) -> Iterator[Any]:
    """(case, right?, what the engine did) for every test."""
    inputs: dict[str, Any] = {}
    for case in cases:
        resource = None
        if case.input_file is not None:
            if case.input_file not in inputs:
                inputs[case.input_file] = read_input(case.input_file)
            resource = inputs[case.input_file]
        yield case, *passes(case, engine, resource)


def from_xml(data: bytes, model: ModelInfo) -> dict[str, Any]:
    """A resource in FHIR XML as plain JSON data (enough of it for the inputs of this suite)."""
    root = parse(data)
    name = local_name(root)
    return {"resourceType": name, **_object(root, name, model)}


def _object(node: Any, type_name: str, model: ModelInfo) -> dict[str, Any]:
    info = model.type(type_name)
    assert info is not None, type_name
    found: dict[str, Any] = {}
    for name in ("id", "url"):
        if node.get(name) is not None:
            found[name] = node.get(name)
    for part in node:
        key = local_name(part)
        element = info.by_key[key]
        part_type = element.keys[key]
        child_info = model.type(part_type)
        value: Any
        extra: Any = None
        if key == "div":
            value = "<div>…</div>"
        elif part_type == "Resource":
            value = {"resourceType": local_name(part[0])}
            value |= _object(part[0], local_name(part[0]), model)
        elif child_info is not None and child_info.is_primitive:
            value = _primitive(part.get("value"), child_info.system)
            extra = _object(part, "Element", model) or None
        else:
            value = _object(part, part_type, model)
        if element.array:
            found.setdefault(key, []).append(value)
            if extra is not None:
                found["_" + key] = [*[None] * (len(found[key]) - 1), extra]
        else:
            if value is not None:
                found[key] = value
            if extra is not None:
                found["_" + key] = extra
    return found


def _primitive(text: str | None, system: str | None) -> Any:
    if text is None or system not in ("Boolean", "Integer", "Decimal"):
        return text
    return loads(text)


def fetch() -> Path:
    """The suite's folder, fetched by Maven into the user's cache when it isn't there."""
    known = os.environ.get("FHIR_TEST_CASES")
    if known:
        return Path(known)
    from platformdirs import user_cache_path

    folder = user_cache_path("fhirkit") / "conformance"
    jar = folder / "fhir-test-cases-1.7.69.jar"
    if not jar.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as fresh:
            subprocess.run(
                ["mvn", "-q", "-B", "dependency:copy", f"-Dartifact={ARTEFACT}",
                 f"-DoutputDirectory={fresh}"],
                check=True,
            )  # fmt: skip
            (Path(fresh) / jar.name).replace(jar)
    return jar


def find() -> Path | None:
    """The suite where it is on this machine already, else None."""
    known = os.environ.get("FHIR_TEST_CASES")
    if known:
        return Path(known)
    from platformdirs import user_cache_path

    jar = user_cache_path("fhirkit") / "conformance" / "fhir-test-cases-1.7.69.jar"
    return jar if jar.is_file() else None


def reader(place: Path) -> Callable[[str], bytes]:
    """Reads a file of the suite by its path, from the unpacked folder or from the jar."""
    if place.is_dir():
        return lambda name: (place / name).read_bytes()
    return lambda name: zip_member(place, f"{ROOT_IN_JAR}/{name}")


def score_of(results: list[Any]) -> dict[str, Any]:
    """What is written down: how many, and which are missed."""
    missed = sorted(f"{case.group}/{case.name}" for case, right, _ in results if not right)
    return {"total": len(results), "right": len(results) - len(missed), "missed": missed}


def main() -> int:
    """Run, print, and write the score down when it rose."""
    from fhirpath_engine import engine

    from fhirkit.fhirpath import embedded_model

    place = fetch() if "--fetch" in sys.argv[1:] else find()
    if place is None:
        print("the suite is not here: run again with --fetch", file=sys.stderr)
        return 3
    read = reader(place)

    def read_input(name: str) -> Any:
        data = read(f"r4/{name}")
        return loads(data) if name.endswith(".json") else from_xml(data, embedded_model())

    results = list(run(read_cases(read(SUITE)), engine, read_input))
    for case, right, what in results:
        if not right:
            print(f"{case.group}/{case.name}: {case.expression.strip()}\n    wanted "
                  f"{case.invalid or list(case.outputs)}, {what}")  # fmt: skip
    score = score_of(results)
    print(f"{score['right']} of {score['total']} = {score['right'] / score['total']:.3f}")
    known = json.loads(SCORE.read_text()) if SCORE.exists() else {"right": -1}
    if score["right"] > known["right"]:
        reasons = known.get("reasons", {})
        score["reasons"] = {name: reasons.get(name, "") for name in score["missed"]}
        SCORE.write_text(json.dumps(score, indent=1, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
