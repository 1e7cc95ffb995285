"""A case read from its nodes: header, source, timeline, names, then every fact."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fhirkit.convert.facts import fact_names, read_fact, read_into, read_kind
from fhirkit.convert.header import DEFAULTS, SOURCE, TIMELINE_POINT, TOP, read_header
from fhirkit.convert.identity import ID, MAX_ID, logical_id
from fhirkit.convert.kinds import KINDS, PATIENT
from fhirkit.convert.model import At, Case, Fact, Source
from fhirkit.convert.points import Points
from fhirkit.convert.read.nodes import Mapping, Scalar
from fhirkit.convert.read.quotes import SourceNotText, SourceText
from fhirkit.convert.read.timeline import Timeline, TimelineError

if TYPE_CHECKING:
    from fhirkit.convert.read.nodes import Node
    from fhirkit.convert.reading import Reading

#: Keys of resources that no fact names: their ids are taken.
RESERVED = {
    "source": "the source",
    "patient": "the patient",
    "age": "the patient's age",
    "fhirkit": "the device",
    "conversion": "the provenance",
}
#: What can lead out of a folder: separators, drives, a dot at the start. A plain name cannot.
_ELSEWHERE = re.compile(r"[/\\:]|^\.")
_CONTENT_TYPES = {
    ".md": "text/markdown;charset=utf-8",
    ".txt": "text/plain;charset=utf-8",
}


def read_case(root: Node, reading: Reading, folder: Path) -> Case | None:
    """The case, or ``None`` when an issue of ``reading`` is an error."""
    if not isinstance(root, Mapping):
        reading.wrong_shape(root, "a mapping that starts with `fhirkit: case/1`")
        return None
    for key, _ in root.items():  # noqa: PERF102  # a Mapping of the case, not a dict
        if key.text not in TOP and key.text not in KINDS:
            reading.trail = (key.text,)
            reading.unknown_key(key, [*TOP, *KINDS], "a case")
    header = read_header(root, reading)
    source = _read_source(root, reading, folder)
    reading.points = _read_points(root, reading)
    case_id = header.get("id") or "case"
    _collect_names(root, reading, case_id)
    defaults = _read_defaults(root, reading)
    patient = _read_patient(root, reading, defaults)
    facts = _read_facts(root, reading, defaults)
    if source is not None and source.document is not None:
        _tell_unquoted([patient, *facts], reading)
    _tell_late(facts, reading)
    _tell_missing(reading)
    reading.trail = ()
    if reading.failed:
        return None
    return Case(
        id=case_id,
        title=header.get("title"),
        language=header.get("language"),
        source=source,
        points=reading.points,
        patient=patient,
        facts=facts,
        not_in_report=tuple(header.get("not-in-report") or ()),
        written=header.get("written"),
    )


def _read_source(root: Mapping, reading: Reading, folder: Path) -> Source | None:
    node = root.get("source")
    reading.trail = ("source",)
    if node is None:
        return None
    fact = Fact(SOURCE, "source", root.key("source"), node)
    reading.quotes_need_source = False
    if not isinstance(node, Mapping):
        reading.wrong_shape(node, f"a mapping of {', '.join(SOURCE.keys)}")
        return None
    read_into(fact, node, reading, {})
    text, file = fact.get("text"), fact.get("file")
    if text is not None:
        document: SourceText | None = SourceText(text.encode(), fact.get("title") or "the source")
        name = "source.txt"
    elif file is not None:
        name = Path(file).name
        document = _open(file, node.get("file") or node, reading, folder)
    else:
        return None
    reading.document = document
    wanted = fact.get("sha256")
    if wanted and document is not None and document.sha256 != wanted.lower():
        reading.trail = ("source", "sha256")
        reading.issue(
            "case-source-changed",
            node.get("sha256"),
            f"{name} has changed since the case was written: its SHA-256 is another",
            f"check the quotes, then write sha256: {document.sha256}",
        )
    return Source(
        name=name,
        kind=fact.get("kind"),
        title=fact.get("title"),
        document=document,
        content_type=_CONTENT_TYPES.get(Path(name).suffix.lower(), "text/plain;charset=utf-8"),
        url=fact.get("url"),
    )


def _open(file: str, node: Node, reading: Reading, folder: Path) -> SourceText | None:
    """The source beside the case file; never one outside the case's folder, not even by link."""
    reading.trail = ("source", "file")
    try:
        path = folder / file
        if _ELSEWHERE.search(file) or path.is_symlink():
            path = path.resolve()
            inside = path.is_relative_to(folder.resolve()) and not Path(file).is_absolute()
        else:
            inside = True
    except (OSError, ValueError, RuntimeError):
        path, inside = folder, False
    if not inside or "://" in file:
        reading.issue(
            "case-source",
            node,
            "the source lies outside the folder of the case",
            "put a copy beside the case file and name that",
        )
        return None
    try:
        return SourceText(path.read_bytes(), path.name)
    except FileNotFoundError:
        reading.missing_source = (node, Path(file).name)
    except OSError as problem:
        message = f"{Path(file).name} cannot be read ({problem.strerror})"
        reading.issue("case-source", node, message)
    except SourceNotText as problem:
        reading.issue("case-source", node, str(problem), "save the source as UTF-8 text")
    return None


def _tell_missing(reading: Reading) -> None:
    if reading.missing_source is None:
        return
    node, name = reading.missing_source
    reading.trail = ("source", "file")
    if reading.quoted:
        reading.issue("case-source", node, f"{name}: no such file, and the case quotes it")
    else:
        message = f"{name}: no such file; the case goes out without its source"
        reading.issue("case-source-missing", node, message)


def _read_points(root: Mapping, reading: Reading) -> Points:
    node = root.get("timeline")
    reading.trail = ("timeline",)
    if node is None:
        return Points()
    if not isinstance(node, Mapping):
        reading.wrong_shape(node, "a mapping of names to dates")
        return Points()
    written: dict[str, Scalar] = {}
    quotes = {}
    for key, value in node.items():
        reading.trail = ("timeline", key.text)
        fact = Fact(TIMELINE_POINT, key.text, key, value)
        read_fact(fact, reading, {})
        date = fact.get("date")
        if isinstance(date, Scalar):
            written[key.text] = date
            quotes[key.text] = fact.quotes
    timeline = Timeline({name: scalar.text for name, scalar in written.items()})
    times = {}
    for name in written:
        reading.trail = ("timeline", name, "date")
        try:
            times[name] = timeline.resolve(name)
        except TimelineError as problem:
            _tell_point(name, problem, node, written, reading)
    return Points(timeline, times, quotes)


def _tell_point(
    name: str,
    problem: TimelineError,
    node: Mapping,
    written: dict[str, Scalar],
    reading: Reading,
) -> None:
    """Report a broken time where the trouble sits, once: what hangs on it is not broken itself."""
    culprit = problem.name if problem.name in written else name
    if reading.told(culprit):
        return
    reading.trail = ("timeline", culprit, "date")
    place = node.key(culprit) if problem.rule == "case-name" else written[culprit]
    reading.issue(problem.rule, place, problem.message, problem.advice)
    # Of a ring each member would blame the next.
    reading.tell(culprit, name)


def _collect_names(root: Mapping, reading: Reading, case_id: str) -> None:
    taken: dict[str, Scalar | None] = dict.fromkeys(RESERVED)
    for kind_name, node in ((key.text, value) for key, value in root.items()):
        kind = KINDS.get(kind_name)
        if kind is None:
            continue
        for name, key in fact_names(kind, node):
            reading.trail = (kind_name, name)
            for made in (name, *(name + suffix for _, suffix in kind.suffixes)):
                _take_name(made, key, taken, reading, case_id)
            reading.names.setdefault(name, (kind, key))


def _take_name(
    name: str, key: Scalar, taken: dict[str, Scalar | None], reading: Reading, case_id: str
) -> None:
    whole = logical_id(case_id, name)
    if not ID.fullmatch(whole):
        problem = "is longer than 64 characters" if len(whole) > MAX_ID else "is no FHIR id"
        reading.issue("case-id", key, f"'{name}' cannot be a name: '{whole[:80]}' {problem}")
    elif name in taken:
        first = taken[name]
        line = first.place.line if first is not None else None
        where = RESERVED.get(name) or (f"the fact in line {line}" if line else "another fact")
        reading.issue("case-name-twice", key, f"the name '{name}' belongs to {where} already")
    else:
        taken[name] = key


def _read_defaults(root: Mapping, reading: Reading) -> dict[str, Any]:
    node = root.get("defaults")
    reading.trail = ("defaults",)
    if node is None:
        return {}
    if not isinstance(node, Mapping):
        reading.wrong_shape(node, f"a mapping of {', '.join(DEFAULTS.keys)}")
        return {}
    fact = Fact(DEFAULTS, "defaults", root.key("defaults"), node)
    read_into(fact, node, reading, {})
    return fact.values


def _read_patient(root: Mapping, reading: Reading, defaults: dict[str, Any]) -> Fact:
    node = root.get("patient")
    reading.trail = ("patient",)
    if node is None:
        reading.issue("case-missing-key", root, "`patient` is missing", "add `patient: {sex: …}`")
        return Fact(PATIENT, "patient", None, root)
    fact = Fact(PATIENT, "patient", root.key("patient"), node)
    if isinstance(node, Mapping):
        read_into(fact, node, reading, {})
    else:
        reading.wrong_shape(node, "a mapping of sex, age, name …")
    age = fact.get("age")
    if isinstance(age, Fact) and age.at is None:
        age.at = defaults.get("at")
    return fact


def _read_facts(root: Mapping, reading: Reading, defaults: dict[str, Any]) -> list[Fact]:
    facts: list[Fact] = []
    for kind in KINDS.values():
        node = root.get(kind.name)
        if node is None:
            continue
        own, found = read_kind(kind, node, reading)
        inherited = {**defaults, **own}
        for fact in found:
            read_fact(fact, reading, inherited)
        facts += found
    return facts


def _tell_late(facts: list[Fact], reading: Reading) -> None:
    """Warn of facts that no point of the timeline reaches: they are in no view of the case."""
    told: set[str] = set()
    for fact in facts:
        times = [(fact, "at", fact.at), *_own_times(fact)]
        for value in fact.values.values():
            if isinstance(value, list):
                times += [
                    one for item in value if isinstance(item, Fact) for one in _own_times(item)
                ]
        for owner, key, at in times:
            if not isinstance(at, At) or not reading.points.beyond(at):
                continue
            if key not in owner.own:  # inherited: once is enough
                if at.text in told:
                    continue
                told.add(at.text)
            reading.trail = (fact.kind.name, fact.name)
            message = f"'{fact.name}': `{key}` lies after '{reading.points.last}', the last point"
            reading.issue("case-late", owner.key or owner.node, message)


def _own_times(fact: Fact) -> list[tuple[Fact, str, Any]]:
    return [(fact, key, fact.get(key)) for key in fact.kind.dated]


def _tell_unquoted(facts: list[Fact], reading: Reading) -> None:
    for fact in facts:
        if not fact.quotes and fact.kind.quoted and "quote" not in fact.own:
            reading.trail = (
                (fact.kind.name, fact.name) if fact.name != fact.kind.name else (fact.name,)
            )
            message = f"'{fact.name}' quotes nothing, so no one can look it up in the source"
            reading.issue("case-no-quote", fact.key, message)
