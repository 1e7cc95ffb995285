"""The whole way: a case file or mapping in, FHIR and issues out."""

from __future__ import annotations

from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fhirkit.convert.builders import build_all
from fhirkit.convert.bundle import OUTPUTS, collection, ndjson, transaction
from fhirkit.convert.case import read_case
from fhirkit.convert.document import document
from fhirkit.convert.identity import instant
from fhirkit.convert.making import Making
from fhirkit.convert.measured import profile_trouble
from fhirkit.convert.read.nodes import NotCaseData, from_mapping
from fhirkit.convert.read.yamlnode import read_yaml
from fhirkit.convert.reading import Reading, nearest
from fhirkit.core.errors import InvalidInput, UsageError
from fhirkit.core.files import read_bytes
from fhirkit.core.issues import Issue, Outcome, Severity

if TYPE_CHECKING:
    from datetime import datetime

    from fhirkit.convert.model import Case
    from fhirkit.convert.read.nodes import Node

#: How much is said about where the facts come from.
PROVENANCES = ("none", "bundle")
#: Nothing is known about when: the start of Unix time, as reproducible builds have it.
_NO_TIME = "1970-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Conversion:
    """What a conversion gave: ``output`` is ``None`` when an issue of the case is an error."""

    output: dict[str, Any] | str | None
    outcome: Outcome
    case: Case | None

    @property
    def bundle(self) -> dict[str, Any]:
        """The Bundle; raises ``InvalidInput`` if the case has errors or gave NDJSON."""
        if not isinstance(self.output, dict):
            raise InvalidInput("the case gives no Bundle", issues=self.outcome.issues)
        return self.output


def convert(
    source: str | Path | AnyMapping[str, Any],
    to: str = "transaction",
    *,
    as_of: str | None = None,
    timestamp: str | int | datetime | None = None,
    model: bool = False,
) -> Any:
    """Convert a case (a path, or a mapping of the same content) to FHIR R4.

    ``to`` is `transaction` (the default: ready to be sent, safe to be sent twice), `collection`,
    `document` (an IPS) or `ndjson` (text). ``as_of`` names a point of the timeline. Returns the
    Bundle as a dict, or as a fhir.resources R4B model with ``model=True``. Raises
    ``InvalidInput`` with all issues if the case has errors.
    """
    if model and to == "ndjson":
        raise UsageError("NDJSON is text: there is no model of it", advice="use to='collection'")
    done = convert_case(source, to, as_of=as_of, timestamp=timestamp)
    if done.output is None:
        raise _refusal(list(done.outcome))
    if not model:
        return done.output
    from fhir.resources.R4B.bundle import Bundle

    return Bundle.model_validate(done.output)


def convert_case(
    source: str | Path | AnyMapping[str, Any],
    to: str = "transaction",
    *,
    as_of: str | None = None,
    timestamp: str | int | datetime | None = None,
    strict: bool = False,
    provenance: str = "bundle",
    folder: Path | None = None,
    name: str | None = None,
    data: bytes | None = None,
) -> Conversion:
    """As ``convert``, but issues are returned and not raised, warnings too.

    ``strict`` makes every assumed fact an error. ``folder`` is where a mapping's source file is
    looked for (the current folder if not given); ``name`` is what issues call the file.
    ``data`` is what the file will hold once its editor saves it.
    """
    if to not in OUTPUTS:
        raise UsageError(
            f"'{to}' is not an output", advice=nearest(to, OUTPUTS) or ", ".join(OUTPUTS)
        )
    if provenance not in PROVENANCES:
        raise UsageError(f"'{provenance}' is not one of {', '.join(PROVENANCES)}")
    stamped = instant(timestamp) if timestamp is not None else None
    case, reading = _read(source, folder, name, strict=strict, data=data)
    if case is None:
        return Conversion(None, Outcome.of(_in_order(reading.issues)), None)
    _check_as_of(case, as_of)
    making = Making(case, as_of)
    _tell_unclaimed(making, reading)
    outcome = Outcome.of(_in_order(reading.issues))
    return Conversion(_write(making, to, stamped, provenance), outcome, case)


def load_case(
    source: str | Path | AnyMapping[str, Any],
    *,
    folder: Path | None = None,
    name: str | None = None,
) -> Case:
    """The case itself, read and checked. Raises ``InvalidInput`` with all issues on an error."""
    case, reading = _read(source, folder, name, strict=False)
    if case is None:
        raise _refusal(_in_order(reading.issues))
    return case


def _read(
    source: str | Path | AnyMapping[str, Any],
    folder: Path | None,
    name: str | None,
    *,
    strict: bool,
    data: bytes | None = None,
) -> tuple[Case | None, Reading]:
    if isinstance(source, AnyMapping):
        root, file, issues = _from_mapping(source, name)
    else:
        path = Path(source)
        file = name or str(path)
        root, issues = read_yaml(read_bytes(path) if data is None else data, file)
        folder = folder or path.parent
    reading = Reading(file, strict=strict)
    reading.is_data = isinstance(source, AnyMapping)
    reading.issues += issues
    return (read_case(root, reading, folder or Path()) if root is not None else None), reading


def _refusal(issues: list[Issue]) -> InvalidInput:
    errors = [issue for issue in issues if issue.is_error]
    first = errors[0]
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    place = f"{first.place}: " if first.place else ""
    return InvalidInput(f"{place}{first.message}{more}", issues=tuple(issues), advice=first.advice)


def _write(making: Making, to: str, stamped: str | None, provenance: str) -> dict[str, Any] | str:
    stamped = stamped or making.case.written
    timestamp = stamped or _end_of(making) or _NO_TIME
    drafts = build_all(making, provenance=provenance != "none", recorded=timestamp)
    if to == "document":
        return document(drafts, making, timestamp, stamped)
    if to == "ndjson":
        return ndjson(drafts, making)
    bundled = collection if to == "collection" else transaction
    return bundled(drafts, making, timestamp)


def _end_of(making: Making) -> str | None:
    """The last second of the point that the case is seen from: never a clock's time.

    An instant has to be given; this one holds for the same case always, and lies at the end of
    what the case tells.
    """
    point = making.as_of or making.points.last
    end = making.points.times[point].end_latest if point is not None else None
    return end.strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0") if end is not None else None


def _from_mapping(
    source: AnyMapping[str, Any], name: str | None
) -> tuple[Node | None, str | None, list[Issue]]:
    try:
        return from_mapping(source), name, []
    except NotCaseData as problem:
        issue = Issue(
            Severity.ERROR,
            "case-shape",
            problem.message,
            expression=problem.path,
            issue_type="structure",
            advice="pass mappings, lists, text, numbers and dates",
            file=name,
        )
        return None, name, [issue]


def _check_as_of(case: Case, as_of: str | None) -> None:
    if as_of is None or as_of in case.points.order:
        return
    known = ", ".join(case.points.order)
    raise UsageError(
        f"'{as_of}' is not a name of the case's timeline",
        advice=nearest(as_of, case.points.order)
        or (f"the names are {known}" if known else "the case has no timeline"),
    )


def _tell_unclaimed(making: Making, reading: Reading) -> None:
    """A vital sign that cannot claim its profile says why."""
    for fact in making.facts:
        measurement = fact.get("measurement")
        trouble = profile_trouble(fact) if measurement and measurement.profile else None
        if trouble is not None:
            reading.trail = (fact.kind.name, fact.name)
            message = f"'{fact.name}' claims no vital-signs profile: {trouble}"
            reading.issue("case-no-profile", fact.key, message)


def _in_order(issues: list[Issue]) -> list[Issue]:
    """Issues in the order of the file."""
    return sorted(issues, key=lambda issue: (issue.line or 0, issue.column or 0))
