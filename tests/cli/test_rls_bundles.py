"""The RLS bundles are valid, and what they do not claim they could not claim."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fhirkit import Validator, convert, loads

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "bundles/rls-ida"
BUNDLES = ("collection", "document", "transaction")
IPS = "http://hl7.org/fhir/uv/ips/StructureDefinition/"
VITAL_SIGNS = "http://hl7.org/fhir/StructureDefinition/vitalsigns"


def ips_package() -> Path | str | None:
    """The package where FHIRKIT_TEST_PACKAGES says, or in the ordinary cache."""
    for folder in filter(None, os.environ.get("FHIRKIT_TEST_PACKAGES", "").split(os.pathsep)):
        archive = Path(folder) / "hl7.fhir.uv.ips-2.0.0.tgz"
        if archive.is_file():
            return archive
    cached = Path("~/.fhir/packages/hl7.fhir.uv.ips#2.0.0").expanduser()
    return "hl7.fhir.uv.ips@2.0.0" if cached.is_dir() else None


def vital_signs(bundle: dict[str, Any]) -> list[dict[str, Any]]:
    found = [entry["resource"] for entry in bundle["entry"]]
    return [one for one in found if '"vital-signs"' in str(one).replace("'", '"')]


@pytest.mark.parametrize("name", BUNDLES)
def test_no_error_in(validator: Validator, name: str) -> None:
    outcome = validator.validate(FOLDER / f"{name}.json")
    assert [issue.message for issue in outcome.errors] == []
    # Beside errors it is said that something is not at hand, and of the vital signs, which claim
    # no profile, why they could not (vs-1: a day); never that anything else is odd.
    said = {(issue.rule, issue.message.partition(":")[0]) for issue in outcome}
    rules = {rule for rule, start in said if start != "vs-1"}
    assert rules <= {"binding-not-checked", "profile-unknown"}


def test_the_command_says_so_too() -> None:
    files = [str(FOLDER / f"{name}.json") for name in ("collection", "transaction")]
    done = subprocess.run(
        [sys.executable, "-m", "fhirkit.cli.main", "validate", "--no-config", *files],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "2 checked: 2 valid, 0 invalid\n")


@pytest.mark.parametrize("name", BUNDLES)
def test_they_are_what_the_case_gives_today(validator: Validator, name: str) -> None:
    made = convert(FOLDER / "case.yaml", to=name)
    assert validator.validate(made).valid


@pytest.mark.parametrize("name", BUNDLES)
def test_vital_signs_without_a_day_claim_no_profile(validator: Validator, name: str) -> None:
    dayless = [one for one in vital_signs(loads((FOLDER / f"{name}.json").read_bytes()))
               if len(one.get("effectiveDateTime", "")) < len("2020-01-01")]  # fmt: skip
    assert len(dayless) == 4, "the case reports four measurements of a month"
    for one in dayless:
        assert "profile" not in one.get("meta", {})
        # The claim would be false by vs-1, and by nothing else: with a day it would hold.
        found = validator.validate(one, [VITAL_SIGNS]).errors
        assert [issue.message.partition(":")[0] for issue in found] == ["vs-1"]
        dated = {**one, "effectiveDateTime": one["effectiveDateTime"] + "-05"}
        assert validator.validate(dated, [VITAL_SIGNS]).valid


@pytest.mark.skipif(ips_package() is None, reason="hl7.fhir.uv.ips 2.0.0 is not at hand")
def test_the_document_follows_ips() -> None:
    package = ips_package()
    assert package is not None
    validator = Validator(packages=[package])
    document = loads((FOLDER / "document.json").read_bytes())
    outcome = validator.validate(document, [f"{IPS}Bundle-uv-ips"])
    assert [issue.message for issue in outcome.errors] == []
    assert "profile-unknown" not in {issue.rule for issue in outcome}
    # Not because nothing is looked at: without its problems section it is no summary.
    sections = document["entry"][0]["resource"]["section"]
    for index, section in enumerate(sections):
        if section["code"]["coding"][0]["code"] == "11450-4":
            del sections[index]
            break
    wrong = {issue.rule for issue in validator.validate(document, [f"{IPS}Bundle-uv-ips"]).errors}
    assert "slice-min" in wrong
