"""One run of HL7's validator suite through fhirkit's public API."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from fhirkit import Outcome, Validator
from fhirkit.validate import Expressions, Options, References
from fhirkit.validate.batch import check, read_all

_INSIDE_JAR = "org/hl7/fhir/testcases"


#: An option and the manifest's switch that turns it on or off.
_SWITCHES = {
    "example_urls": "examples",
    "for_publication": "for-publication",
    "json_comments": "allow-comments",
    "security_checks": "security-checks",
    "trust_server_references": "assumeValidRestReferences",
}
_REFERENCES = {
    "IGNORE": References.NONE,
    "CHECK_TYPE_IF_EXISTS": References.TYPE,
    "CHECK_EXISTS": References.EXISTS,
    "CHECK_EXISTS_AND_TYPE": References.EXISTS,
    "CHECK_VALID": References.VALID,
}
_DEFAULT = Options(expressions=Expressions.HL7)


def outcome(run: dict[str, Any], suite_root: Path | str) -> Outcome:
    """What fhirkit says about one line of the list of runs.

    ``suite_root`` is the unpacked suite: the folder that holds ``validator/``, or the one that the
    jar was unpacked in. Definitions, packages and profile are those that the run names.
    """
    root = Path(suite_root)
    if (root / _INSIDE_JAR).is_dir():
        root /= _INSIDE_JAR
    folder = root / "validator"
    profiles: tuple[str, ...] = ()
    named = [*run.get("supporting", ()), *run.get("options", {}).get("supporting5", ())]
    given = [folder / name for name in named]
    if run["run"] == "profile":
        source = run["profile_source"]
        if (folder / source).is_file():
            given.append(folder / source)
            profiles = (_read(folder / source)["url"],)
        else:
            profiles = (source,)
    definitions = [part for path in given for part in _definitions(_read(path))]
    named = [*run.get("packages", ()), *run.get("options", {}).get("package-map", {}).values()]
    packages = tuple(folder / name for name in named)
    options = _options(run.get("options", {}))
    plain = not (given or packages or options != _DEFAULT)
    validator = _plain() if plain else Validator(definitions, packages, options, resources=folder)
    file = root / run["file"]
    if file.suffix == ".ndjson":
        lines = check(validator, read_all([str(file)], sys.stdin.buffer), profiles)
        return Outcome.of(issue for line in lines for issue in line.outcome)
    return validator.validate(file, profiles)


def _options(manifest: dict[str, Any]) -> Options:
    """The manifest's switches as options of a ``Validator``."""
    named = {theirs: ours for ours, theirs in _SWITCHES.items()}
    given: dict[str, Any] = {
        named[name]: str(value).lower() == "true"
        for name, value in manifest.items()
        if name in named
    }
    if "validateReference" in manifest:
        given["references"] = _REFERENCES[manifest["validateReference"]]
    if "validateContains" in manifest:
        given["inner_resources"] = manifest["validateContains"] != "IGNORE"
    if "best-practice" in manifest:
        given["best_practice"] = True
    if "language" in manifest:
        given["languages"] = tuple(part.strip() for part in manifest["language"].split(","))
    if "bundle-param" in manifest:
        rule = manifest["bundle-param"]
        given["bundle_entries"] = {rule["rule"]: rule["profile"]}
    return replace(_DEFAULT, **given)


def _read(path: Path) -> dict[str, Any]:
    value: dict[str, Any] = _plain().read(path)
    return value


def _definitions(resource: dict[str, Any]) -> list[dict[str, Any]]:
    """The definitions in a supporting file: itself, or the entries of a Bundle."""
    if resource.get("resourceType") == "Bundle":
        entries = (entry.get("resource") for entry in resource.get("entry", ()))
        return [part for entry in entries if entry for part in _definitions(entry)]
    return [resource] if "url" in resource else []


@cache
def _plain() -> Validator:
    return Validator(options=_DEFAULT)
