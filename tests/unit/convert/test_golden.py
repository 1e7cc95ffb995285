"""Small invented cases against what they gave when somebody last looked (approve.py)."""

from __future__ import annotations

from pathlib import Path

import pytest
from convert_cases import ROOT

from fhirkit.convert import OUTPUTS, convert, convert_case
from fhirkit.core.jsonio import dumps, loads
from fhirkit.core.resource import references

GOLDEN = ROOT / "tests/golden/convert"
CASES = sorted(path for path in GOLDEN.iterdir() if path.is_dir())
every_case = pytest.mark.parametrize("folder", CASES, ids=lambda path: path.name)
POINTS = {"wheeze": ["visit", "control"], "ward": ["admission", "day-2", "day-3", "end"]}


def test_the_cases_are_there() -> None:
    assert [path.name for path in CASES] == ["bare", "ward", "wheeze"]


@every_case
def test_as_approved(folder: Path) -> None:
    made = dumps(convert(folder / "case.yaml", "collection"))
    assert made == (folder / "expected.json").read_text(encoding="utf-8")


@every_case
@pytest.mark.parametrize("to", OUTPUTS)
def test_same_case_same_bytes(folder: Path, to: str) -> None:
    first, second = (convert_case(folder / "case.yaml", to).output for _ in range(2))
    assert dumps(first) == dumps(second)


@every_case
@pytest.mark.parametrize("to", ["transaction", "collection", "document"])
def test_it_is_valid_and_loads(folder: Path, to: str) -> None:
    """From every point of the timeline: no error of ours, and fhir.resources takes it."""
    from fhirkit.validate import Validator

    for as_of in [None, *POINTS.get(folder.name, [])]:
        bundle = convert(folder / "case.yaml", to, as_of=as_of)
        outcome = Validator().validate(bundle)
        assert outcome.valid, [f"{issue.expression} {issue.message}" for issue in outcome.errors]
        model = convert(folder / "case.yaml", to, as_of=as_of, model=True)
        assert type(model).__name__ == "Bundle"
        urls = {entry["fullUrl"] for entry in bundle["entry"]}
        for entry in bundle["entry"]:
            inside = {f"#{one['id']}" for one in entry["resource"].get("contained", ())}
            for reference in references(entry["resource"]):
                assert reference["reference"] in urls | inside


@every_case
def test_ids_are_unique_and_ours(folder: Path) -> None:
    bundle = convert(folder / "case.yaml", "transaction")
    case_id = bundle["id"]
    addresses = [entry["request"]["url"] for entry in bundle["entry"]]
    assert len(set(addresses)) == len(addresses)
    assert len({entry["fullUrl"] for entry in bundle["entry"]}) == len(addresses)
    for entry in bundle["entry"]:
        resource = entry["resource"]
        assert resource["id"].startswith(f"{case_id}-")
        assert entry["request"] == {
            "method": "PUT",
            "url": f"{resource['resourceType']}/{resource['id']}",
        }


@every_case
def test_ndjson_says_the_same(folder: Path) -> None:
    lines = convert(folder / "case.yaml", "ndjson").splitlines()
    resources = [loads(line) for line in lines]
    bundle = convert(folder / "case.yaml", "collection")
    assert [one["id"] for one in resources] == [one["resource"]["id"] for one in bundle["entry"]]
    addresses = {f"{one['resourceType']}/{one['id']}" for one in resources}
    for resource in resources:
        for reference in references(resource):
            target = reference["reference"]
            assert target in addresses or target.startswith("#")


def test_digits_are_kept() -> None:
    text = (GOLDEN / "wheeze/expected.json").read_text(encoding="utf-8")
    for lexeme in ("36.90", "1.70", "64.50"):
        assert f'"value": {lexeme},' in text
    assert '"value": 4.10,' in (GOLDEN / "bare/expected.json").read_text(encoding="utf-8")


def test_the_dead_are_alive_before() -> None:
    path = GOLDEN / "ward/case.yaml"
    by_point = {
        as_of: convert(path, "collection", as_of=as_of)["entry"][1]["resource"]
        for as_of in POINTS["ward"]
    }
    assert by_point["end"]["deceasedDateTime"] == "2021-12-04"
    for as_of in ("admission", "day-2", "day-3"):
        assert "deceasedDateTime" not in by_point[as_of]


def test_a_stay_is_in_progress_until_it_ends() -> None:
    path = GOLDEN / "ward/case.yaml"
    stay = convert(path, "collection", as_of="day-2")["entry"][2]["resource"]
    assert stay["status"] == "in-progress"
    assert "end" not in stay["period"]
    assert convert(path, "collection")["entry"][2]["resource"]["period"]["end"] == "2021-12-04"
