"""The view-model of the page: everything the template shows, already decided, nothing in HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from fhirkit.core.issues import Issue, Outcome, Severity
from fhirkit.core.jsonio import dumps
from fhirkit.report.charts import Panel, panels_of
from fhirkit.report.elements import Reader, Row
from fhirkit.report.kinds import chosen, heading, in_reading_order
from fhirkit.report.measures import series_of
from fhirkit.report.phrases import absent_reason, quantity, when
from fhirkit.report.records import Entry, Record, issues_by_entry
from fhirkit.report.schedule import when_of
from fhirkit.report.source import Document, Quote, Sources
from fhirkit.report.timeline import Timeline, timeline_of
from fhirkit.report.titles import Chip, chips_of, entry_title, patient_name, title_of, value_of
from fhirkit.report.untrusted import dicts, text
from fhirkit.report.visible import Whole

#: Cards, charts, issues and characters of JSON that one page holds before it folds.
MOST_CARDS = 1000
MOST_PANELS = 48
MOST_ISSUES = 500
MOST_JSON = 6_000_000
MOST_JSON_EACH = 1_000_000
_LONGEST_STRING = 2000


@dataclass(frozen=True, slots=True)
class Finding:
    """An issue, the place inside its resource, and the card it stands beside ("" for none)."""

    issue: Issue
    place: str
    anchor: str = ""
    title: str = ""

    @property
    def where(self) -> str:
        """``name:line:column``; without the folder, which is nobody's business on a shared page."""
        folder, slash, name = self.issue.place.replace("\\", "/").rpartition("/")
        return name if folder or slash else self.issue.place


@dataclass(frozen=True, slots=True)
class Card:
    """One resource: head, rows, findings and the FHIR behind it."""

    entry: Entry
    title: str
    value: str
    absent: bool
    when: str
    chips: tuple[Chip, ...]
    quotes: tuple[Quote, ...]
    rows: tuple[Row, ...]
    details: tuple[Row, ...]
    folded_rows: int
    findings: tuple[Finding, ...]
    json: str
    json_note: str


@dataclass(frozen=True, slots=True)
class Group:
    """All cards of one type; ``folded`` resources have none."""

    kind: str
    heading: str
    cards: tuple[Card, ...]
    folded: int


@dataclass(frozen=True, slots=True)
class Missing:
    """Something that is said not to be known, and where."""

    what: str
    reason: str
    card: Card


@dataclass(slots=True)
class Facts:
    """The whole page."""

    title: str
    subject: tuple[str, ...]
    record: Record
    validated: bool
    errors: int
    warnings: int
    findings: tuple[Finding, ...]
    folded_findings: int
    timeline: Timeline | None
    panels: tuple[Panel, ...]
    folded_panels: int
    groups: tuple[Group, ...]
    missing: tuple[Missing, ...]
    not_reported: tuple[str, ...]
    documents: tuple[Document, ...]
    #: Anchors that exist on the page; a link to any other would lead nowhere.
    shown: frozenset[str] = frozenset()
    quotes: dict[str, tuple[Quote, ...]] = field(default_factory=dict)

    @property
    def folded(self) -> int:
        """How many resources have no card."""
        return sum(group.folded for group in self.groups)


def facts_of(
    record: Record,
    outcome: Outcome | None,
    *,
    title: str = "",
    not_reported: Sequence[str] = (),
    most_cards: int = MOST_CARDS,
) -> Facts:
    """Decide everything the page says about a record."""
    beside, whole = issues_by_entry(record, outcome)
    worst = sorted(beside, key=lambda index: min(i.severity.rank for _, i in beside[index]))
    kept = chosen(record, most_cards, worst)
    sources = Sources(record)
    cards = _Cards(record, sources, beside).make([e for e in record if e.index in kept])
    counts: dict[str, int] = {}
    for entry in record:
        counts[entry.type] = counts.get(entry.type, 0) + 1
    groups = []
    for kind in in_reading_order(counts):
        mine = tuple(card for card in cards if card.entry.type == kind)
        groups.append(Group(kind, heading(kind), mine, counts[kind] - len(mine)))
    findings = [Finding(issue, issue.expression) for issue in whole]
    findings += [
        Finding(
            issue, place, entry.anchor if entry.index in kept else "", entry_title(entry, record)
        )
        for entry in record
        for place, issue in beside.get(entry.index, ())
    ]
    findings.sort(key=lambda finding: finding.issue.severity.rank)
    series = series_of(record)
    panels = panels_of(series[:MOST_PANELS])
    severities = [issue.severity for issue in outcome or ()]
    return Facts(
        title or _title(record),
        _subject(record),
        record,
        outcome is not None,
        sum(severity.rank <= Severity.ERROR.rank for severity in severities),
        severities.count(Severity.WARNING),
        tuple(findings[:MOST_ISSUES]),
        max(0, len(findings) - MOST_ISSUES),
        timeline_of(record),
        tuple(panels),
        len(series) - len(panels),
        tuple(groups),
        _missing(cards),
        tuple(not_reported),
        tuple(sources.documents),
        frozenset(card.entry.anchor for card in cards) | {f"kind-{kind}" for kind in counts},
        {card.entry.anchor: card.quotes for card in cards},
    )


class _Cards:
    def __init__(
        self, record: Record, sources: Sources, beside: dict[int, list[tuple[str, Issue]]]
    ) -> None:
        self._record = record
        self._sources = sources
        self._beside = beside
        self._reader = Reader(record, sources)
        self._json_left = MOST_JSON

    def make(self, entries: list[Entry]) -> list[Card]:
        """A card for each entry, in the order given."""
        return [self._card(entry) for entry in entries]

    def _card(self, entry: Entry) -> Card:
        resource = entry.resource
        title = entry_title(entry, self._record)
        quotes = self._sources.quotes(resource, entry.anchor)
        rows, folded = self._reader.rows(entry)
        value, absent = value_of(resource) if entry.type == "Observation" else ("", False)
        at = when_of(entry, self._record)
        json, note = self._json(resource)
        return Card(
            entry,
            title,
            value,
            absent,
            at.words if at else "",
            chips_of(resource),
            quotes,
            tuple(row for row in rows if not row.quiet and not _said(row, title, value, entry)),
            tuple(row for row in rows if row.quiet),
            folded,
            tuple(
                Finding(issue, place, entry.anchor)
                for place, issue in self._beside.get(entry.index, ())
            ),
            json,
            note,
        )

    def _json(self, resource: dict[str, Any]) -> tuple[str, str]:
        if self._json_left <= 0:
            return "", "The FHIR of further resources is left out: the page would grow too large."
        shortened = _Shortened()
        try:
            text = dumps(shortened.of(resource)).rstrip("\n")
        except (TypeError, ValueError):
            return "", "This resource cannot be written as JSON."
        if len(text) > MOST_JSON_EACH:
            return "", f"This resource is left out: {len(text):,} characters are too many to show."
        self._json_left -= len(text)
        if not shortened.count:
            return Whole(text), ""
        return Whole(
            text
        ), f"Very long texts are shortened here ({shortened.count}); the input has them."


class _Shortened:
    """A copy with very long strings cut, and how many were."""

    def __init__(self) -> None:
        self.count = 0

    def of(self, value: Any) -> Any:
        if isinstance(value, str):
            if len(value) <= _LONGEST_STRING:
                return value
            self.count += 1
            return f"{value[:200]}… ({len(value) - 200:,} more characters)"
        if isinstance(value, dict):
            return {name: self.of(member) for name, member in value.items()}
        return [self.of(member) for member in value] if isinstance(value, list) else value


def _said(row: Row, title: str, value: str, entry: Entry) -> bool:
    """Whether a row only repeats what the head of the card says."""
    if row.depth == 0 and row.value == title and not (row.codes or row.target or row.quotes):
        return True
    if entry.type == "Observation" and row.depth == 0 and not row.codes:
        return row.name.startswith("Value") and (row.value == value or row.absent)
    return False


def _missing(cards: list[Card]) -> tuple[Missing, ...]:
    found = []
    for card in cards:
        for rows in (card.rows, card.details):
            above: list[str] = []
            for row in rows:
                above = [*above[: row.depth], row.name]
                if row.absent:
                    what = above[0] + "".join(f", {name.lower()}" for name in above[1:])
                    found.append(Missing(what, row.value.removeprefix("missing: "), card))
        if card.absent:
            found.append(Missing("Value", card.value.partition(": ")[2], card))
    return tuple(found)


def _title(record: Record) -> str:
    """The title of the document if there is one, else who it is about, else what there is."""
    for kind in ("Composition", "DocumentReference"):
        for entry in record:
            name = "title" if kind == "Composition" else "description"
            named = text(entry.resource, name) if entry.type == kind else ""
            if named.strip():
                return named
    if record.patient:
        return patient_name(record.patient.resource) or "A patient's record"
    if len(record) == 1:
        only = record.entries[0]
        return title_of(only.resource, record) or only.type
    return "FHIR resources"


_AGE = ("30525-0", "21612-7", "29553-5")


def _subject(record: Record) -> tuple[str, ...]:
    """The person in a line: name, sex, age, birth date; what is withheld is said to be."""
    if record.patient is None:
        return ()
    patient = record.patient.resource
    named = patient_name(patient)
    parts = [named or f"name {_why(patient, 'name')}"]
    parts += [text(patient, "gender")] if text(patient, "gender") else []
    for entry in record:
        if len(parts) < 3 and _is_age(entry):
            age = quantity(entry.resource.get("valueQuantity"))
            parts += [f"age {age}"] if age else []
    born = text(patient, "birthDate")
    parts.append(f"born {when(born)}" if born else f"birth date {_why(patient, 'birthDate')}")
    died = text(patient, "deceasedDateTime")
    if died or patient.get("deceasedBoolean") is True:
        parts.append(f"died {when(died)}" if died else "died")
    return tuple(parts)


def _is_age(entry: Entry) -> bool:
    code = entry.resource.get("code") if entry.type == "Observation" else None
    return any(text(coding, "code") in _AGE for coding in dicts(code, "coding"))


def _why(patient: dict[str, Any], name: str) -> str:
    reason = absent_reason(patient.get(f"_{name}"))
    for part in dicts(patient, name):
        reason = reason or absent_reason(part) or absent_reason(part.get("_text"))
        reason = reason or absent_reason(part.get("_family"))
    return reason or "not given"
