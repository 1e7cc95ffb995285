"""Cases for the tests of conversion: the example, small ones made on the spot, readers of FHIR."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fhirkit.convert import Conversion, convert_case

ROOT = Path(__file__).parents[3]
RLS = ROOT / "bundles/rls-ida/case.yaml"


class Resources:
    """The resources of a Bundle by `Type/key`, and references said the same way."""

    def __init__(self, bundle: dict[str, Any], case_id: str) -> None:
        self.bundle = bundle
        self.names: dict[str, str] = {}
        self.by_name: dict[str, dict[str, Any]] = {}
        for entry in bundle["entry"]:
            resource = entry["resource"]
            key = resource["id"].removeprefix(f"{case_id}-")
            name = f"{resource['resourceType']}/{key}"
            self.names[entry["fullUrl"]] = name
            self.by_name[name] = resource

    def __getitem__(self, name: str) -> dict[str, Any]:
        return self.by_name[name]

    def __contains__(self, name: str) -> bool:
        return name in self.by_name

    def named(self, reference: dict[str, Any]) -> str:
        url = reference["reference"]
        return self.names.get(url, url)


def small_case(**more: Any) -> dict[str, Any]:
    """The least that is a case, and what a test adds."""
    case: dict[str, Any] = {
        "fhirkit": "case/1",
        "id": "t",
        "timeline": {"visit": "2024-05-06", "later": "visit + 2 wk"},
        "defaults": {"at": "visit"},
        "patient": {"sex": "male"},
    }
    case.update(more)
    return {name: value for name, value in case.items() if value is not None}


def converted(case: dict[str, Any], to: str = "collection", **options: Any) -> Resources:
    """The resources of a small case, which must have no error."""
    done = convert_case(case, to, **options)
    assert isinstance(done.output, dict), [str(issue) for issue in done.outcome]
    return Resources(done.output, str(case["id"]))


def write_case(folder: Path, text: str, report: str | None = None) -> Conversion:
    """Write a case (and its report) and convert it."""
    path = folder / "case.yaml"
    path.write_text(text, encoding="utf-8")
    if report is not None:
        (folder / "report.md").write_text(report, encoding="utf-8")
    return convert_case(path, "collection", name="case.yaml")
