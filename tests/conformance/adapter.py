"""One run of HL7's validator suite through fhirkit's public API."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from fhirkit import Outcome, Validator

_INSIDE_JAR = "org/hl7/fhir/testcases"


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
    given = [folder / name for name in run.get("supporting", ())]
    if run["run"] == "profile":
        source = run["profile_source"]
        if (folder / source).is_file():
            given.append(folder / source)
            profiles = (_read(folder / source)["url"],)
        else:
            profiles = (source,)
    definitions = [part for path in given for part in _definitions(_read(path))]
    packages = tuple(folder / name for name in run.get("packages", ()))
    options = _options(run.get("options", {}))
    validator = (
        Validator(definitions, packages, **options) if given or packages or options else _plain()
    )
    return validator.validate(root / run["file"], profiles)


def _options(manifest: dict[str, Any]) -> dict[str, Any]:
    """The manifest's switches as options of a ``Validator``."""
    return {}


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
    return Validator()
