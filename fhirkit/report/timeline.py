"""The geometry of the timeline: bars for what lasts, marks for what happened, nothing invented.

A month-only date covers its whole month as an unsure stretch. Positions are per cent of the width.
"""

from __future__ import annotations

from dataclasses import dataclass

from fhirkit.report.dates import Interval, Span
from fhirkit.report.records import Entry, Record
from fhirkit.report.scales import Tick, TimeScale, time_scale
from fhirkit.report.schedule import When, when_of
from fhirkit.report.titles import entry_title

#: Rows of one lane that are drawn; the rest is folded and counted.
MOST_TRACKS = 24
#: Room at both ends for "began before" and "goes on".
START, STOP = 5.0, 95.0

# A short stay must not vanish: half a per cent of the width is what an eye can find.
_LEAST = 0.5

# Lane → the types that get a row each.
_BARS = (
    ("Encounters", ("Encounter", "EpisodeOfCare")),
    ("Conditions", ("Condition", "AllergyIntolerance")),
    ("Medications", ("MedicationRequest", "MedicationStatement")),
    ("Plans and goals", ("CarePlan", "Goal")),
)
# Types that share one row a type in the lane "Events".
_EVENTS = (
    ("Observation", "Observations"),
    ("DiagnosticReport", "Reports"),
    ("ImagingStudy", "Imaging"),
    ("Procedure", "Procedures"),
    ("Immunization", "Immunizations"),
    ("MedicationAdministration", "Doses given"),
    ("MedicationDispense", "Dispensed"),
    ("ServiceRequest", "Requests"),
    ("Appointment", "Appointments"),
    ("AdverseEvent", "Adverse events"),
    ("Specimen", "Specimens"),
    ("QuestionnaireResponse", "Questionnaires"),
)


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a row. ``look``: sure, unsure, before (unknown start), after (goes on),
    open (unknown end).
    """

    x: float
    width: float
    look: str


@dataclass(frozen=True, slots=True)
class Dot:
    """A moment, or ``count`` of them too close to tell apart."""

    x: float
    count: int = 1


@dataclass(frozen=True, slots=True)
class Track:
    """A row: its label, what it says in words, and what is drawn."""

    label: str
    anchor: str
    words: str
    pieces: tuple[Piece, ...]
    dots: tuple[Dot, ...] = ()
    entry: Entry | None = None


@dataclass(frozen=True, slots=True)
class Lane:
    """A heading and its rows; ``folded`` rows are not drawn, ``undated`` can't be."""

    name: str
    tracks: tuple[Track, ...]
    folded: int = 0
    undated: tuple[Entry, ...] = ()


@dataclass(frozen=True, slots=True)
class Timeline:
    """All lanes on one axis."""

    lanes: tuple[Lane, ...]
    ticks: tuple[Tick, ...]
    breaks: tuple[float, ...]


def timeline_of(record: Record) -> Timeline | None:
    """The timeline, or None when nothing in the record has a date."""
    types = {name for _, names in _BARS for name in names} | {name for name, _ in _EVENTS}
    dated: dict[str, list[tuple[Entry, When | None]]] = {}
    for entry in record:
        if entry.type in types and entry.resource.get("status") != "entered-in-error":
            dated.setdefault(entry.type, []).append((entry, when_of(entry, record)))
    shown = [at for pairs in dated.values() for _, at in pairs if at and at.span.dated]
    if not shown:
        return None
    scale = time_scale((edge for at in shown for edge in at.span.moments), START, STOP)
    lanes = []
    for name, kinds in _BARS:
        pairs = [pair for kind in kinds for pair in dated.get(kind, ())]
        if pairs:
            lanes.append(_bars(name, pairs, scale, record))
    tracks = [
        _events(name, dated[kind], scale)
        for kind, name in _EVENTS
        if any(at for _, at in dated.get(kind, ()))
    ]
    if tracks:
        lanes.append(Lane("Events", tuple(tracks)))
    return Timeline(tuple(lanes), tuple(scale.ticks()), scale.breaks)


def _bars(
    name: str, pairs: list[tuple[Entry, When | None]], scale: TimeScale, record: Record
) -> Lane:
    known = [(entry, at) for entry, at in pairs if at]
    known.sort(key=lambda pair: pair[1].span.moments[0])
    tracks = tuple(
        Track(
            entry_title(entry, record),
            entry.anchor,
            at.words,
            *_drawn(at.span, scale),
            entry=entry,
        )
        # The latest are the ones a reader needs; older rows are folded.
        for entry, at in known[-MOST_TRACKS:]
    )
    undated = tuple(entry for entry, at in pairs if not at)
    return Lane(name, tracks, len(known) - len(tracks), undated)


def _drawn(span: Span, scale: TimeScale) -> tuple[tuple[Piece, ...], tuple[Dot, ...]]:
    if span.point and span.start:
        return _point(span.start, scale)
    pieces: list[Piece] = []
    start, end = span.start, span.end
    if start and end and end.first < start.last and not span.started_by:
        first, last = min(start.first, end.first), max(start.last, end.last)
        if last - first <= 1:
            return (), (Dot(scale.at((first + last) / 2)),)
        return (_piece(scale.at(first), scale.at(last), "unsure"),), ()
    if start is None and end is not None:
        pieces.append(_piece(0, scale.at(end.first), "before"))
    if start is not None:
        if span.started_by:
            pieces.append(_piece(0, scale.at(start.last), "before"))
        elif _vague(start):
            pieces.append(_piece(scale.at(start.first), scale.at(start.last), "unsure"))
        begun = scale.at(start.last if _vague(start) or span.started_by else start.first)
        if end is not None:
            until = scale.at(end.first if _vague(end) else end.last)
            exact = not (_vague(start) or _vague(end))
            pieces.append(_piece(begun, until, "sure", least=_LEAST if exact else 0.0))
        elif span.ongoing:
            pieces.append(_piece(begun, 100.0, "after"))
        else:
            pieces.append(_piece(begun, min(100.0, max(begun + 8, STOP)), "open"))
    if end is not None and _vague(end):
        pieces.append(_piece(scale.at(end.first), scale.at(end.last), "unsure"))
    return tuple(piece for piece in pieces if piece.width > 0), ()


def _point(at: Interval, scale: TimeScale) -> tuple[tuple[Piece, ...], tuple[Dot, ...]]:
    if _vague(at):
        return (_piece(scale.at(at.first), scale.at(at.last), "unsure"),), ()
    return (), (Dot(scale.at(at.middle)),)


def _vague(at: Interval) -> bool:
    """A day or a time is drawn as known; a month or a year as the stretch it may mean."""
    return at.precision in ("year", "month")


def _piece(left: float, right: float, look: str, *, least: float = 0.0) -> Piece:
    width = max(right - left, least)
    return Piece(round(left, 3), round(width, 3), look)


def _events(name: str, pairs: list[tuple[Entry, When | None]], scale: TimeScale) -> Track:
    known = [(entry, at) for entry, at in pairs if at]
    stretches: dict[tuple[float, float], Piece] = {}
    dots: dict[int, list[float]] = {}
    for _, at in known:
        pieces, points = _drawn(at.span, scale)
        for piece in pieces:
            stretches.setdefault((piece.x, piece.width), piece)
        for point in points:
            dots.setdefault(round(point.x), []).append(point.x)
    words = sorted({(at.span.moments[0], at.words) for _, at in known})
    said = "; ".join(text for _, text in words[:6])
    more = f"; and {len(words) - 6} more dates" if len(words) > 6 else ""
    return Track(
        f"{name} ({len(known)})",
        f"kind-{known[0][0].type}",
        said + more,
        tuple(stretches.values()),
        tuple(Dot(round(sum(xs) / len(xs), 2), len(xs)) for xs in dots.values()),
    )
