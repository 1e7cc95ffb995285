"""What `fhirkit view` shows: a case, a file or a folder, read and validated."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fhirkit.cli.console import progress, show_issues
from fhirkit.core.errors import InvalidInput, UsageError
from fhirkit.core.issues import Issue, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fhirkit.report.manyfiles import Gathered

CASE_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Viewed:
    """A Bundle, resource or list of resources, with what was found in it."""

    resources: dict[str, Any] | list[dict[str, Any]]
    outcome: Outcome | None
    title: str = ""
    not_reported: tuple[str, ...] = ()


def read_viewed(source: Path, *, as_of: str | None, validated: bool) -> Viewed:
    """The input, whatever it is."""
    if source.is_dir() or source.suffix == ".ndjson":
        from fhirkit.report.manyfiles import read_folder, read_lines

        found = read_folder(source) if source.is_dir() else read_lines(source)
        return _gathered(found, validated=validated)
    if source.suffix in CASE_SUFFIXES:
        return _case(source, as_of, validated=validated)
    return _file(source, validated=validated)


def _case(path: Path, as_of: str | None, *, validated: bool) -> Viewed:
    """A case: the issues of the case file stand beside those of the FHIR made from it."""
    from fhirkit.convert import convert_case
    from fhirkit.validate import Validator

    done = convert_case(path, "collection", as_of=as_of)
    if not isinstance(done.output, dict) or done.case is None:
        show_issues(done.outcome, err=True)
        raise InvalidInput(f"{path}: the case has errors, no page written")
    outcome = None
    if validated:
        made = _beside(done.outcome, done.output, done.case.id)
        outcome = Outcome.of((*made, *Validator().validate(done.output)))
    return Viewed(done.output, outcome, done.case.title or "", done.case.not_in_report)


def _beside(issues: Iterable[Issue], bundle: dict[str, Any], case_id: str) -> Iterator[Issue]:
    """Issues of the case file, each pointing at the resource made from its fact if there is one.

    The line in the case file stays with the issue.
    """
    from fhirkit.convert.identity import logical_id

    ids = [entry["resource"].get("id") for entry in bundle["entry"]]
    for issue in issues:
        fact = issue.expression.split(".")[1:2]
        name = logical_id(case_id, fact[0]) if fact else ""
        if name in ids:
            yield replace(issue, expression=f"Bundle.entry[{ids.index(name)}].resource")
        else:
            yield issue


def _file(path: Path, *, validated: bool) -> Viewed:
    from fhirkit.validate import Validator

    validator = Validator()
    try:
        resource = validator.read(path)
    except InvalidInput as problem:
        if path.suffix in (".json", ".xml"):
            raise
        raise UsageError(
            f"{path}: is neither FHIR (.json, .xml, .ndjson) nor a case (.yaml)"
        ) from problem
    if not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str):
        raise UsageError(f"{path}: is not a FHIR resource: it has no resourceType")
    return Viewed(resource, validator.validate(path) if validated else None)


def _gathered(found: Gathered, *, validated: bool) -> Viewed:
    """Many resources, each checked alone; its place in the list makes issues find their card."""
    from fhirkit.validate import Validator

    issues: list[Issue] = list(found.issues)
    if validated:
        validator = Validator()
        pairs = list(enumerate(zip(found.files, found.resources, strict=True)))
        for index, (path, resource) in progress(pairs, what="validating"):
            kind = str(resource["resourceType"])
            for issue in validator.validate(resource, file=str(path)):
                inside = issue.expression.removeprefix(kind)
                issues.append(replace(issue, expression=f"Bundle.entry[{index}].resource{inside}"))
    return Viewed(found.resources, Outcome.of(issues) if validated or issues else None)
