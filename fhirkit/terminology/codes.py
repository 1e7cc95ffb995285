"""A code as an author writes it, its display, and whether it is one: known, unknown, unconfirmed.

Three answers, kept apart: *known* (a published file lists it), *unknown* (it cannot be a code of
that system, or the whole system is known and it is not in it) and *unconfirmed* (it may well be
one, but no file at hand says so). Nothing is asked of a server.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files

from fhirkit.definitions import embedded
from fhirkit.terminology.checkdigits import fault, neighbours
from fhirkit.terminology.systems import (
    UCUM,
    is_complete,
    named_systems,
    short_name,
    similar_names,
    system_uri,
)

_MAX_SUGGESTIONS = 3
_MAX_TEXT = 400
# Shorter words are in too many displays.
_SHORTEST = 3
_CONFIRM = "write the display after a bar: {code} | the display"


class CodeError(ValueError):
    """A text that is not `system:code`. ``advice`` says how to write it."""

    def __init__(self, message: str, *, advice: str) -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice


@dataclass(frozen=True, slots=True)
class Code:
    """A code of a system; ``display`` only if the author wrote one."""

    system: str
    code: str
    display: str | None = None

    @property
    def written(self) -> str:
        """As in a case file, without display: `loinc:718-7`."""
        name = short_name(self.system)
        return f"{name}#{self.code}" if name == self.system else f"{name}:{self.code}"


class CodeStatus(StrEnum):
    """What is known offline about a code."""

    KNOWN = "known"
    UNKNOWN = "unknown"
    UNCONFIRMED = "unconfirmed"


@dataclass(frozen=True, slots=True)
class CodeCheck:
    """The answer about one code.

    Known: ``display`` (``None`` where the file gives none) and ``source``, the file or canonical
    that lists it. Unknown: ``reason``, and ``suggestions`` as `loinc:718-7 Hemoglobin …`.
    Unconfirmed: ``reason`` and ``advice``.
    """

    status: CodeStatus
    display: str | None = None
    source: str | None = None
    reason: str | None = None
    suggestions: tuple[str, ...] = ()
    advice: str | None = None

    @property
    def is_known(self) -> bool:
        """Whether a published file lists the code."""
        return self.status is CodeStatus.KNOWN


def parse_code(text: str) -> Code:
    """Read `sct:32914008`, `v3-ActCode:AMB` or `http://example.org/codes#x`, each with or without
    ` | display`. Raises ``CodeError``; whether the code exists is for ``check`` to say.
    """
    if len(text) > _MAX_TEXT:
        raise CodeError("the code is too long", advice="write system:code, as loinc:718-7")
    written, bar, shown = text.partition("|")
    written = written.strip()
    display = " ".join(shown.split()) or None
    if bar and display is None:
        raise CodeError("no display follows the bar", advice="remove the bar or write a display")
    if "://" in written or written.startswith("urn:"):
        system, _, code = written.rpartition("#")
        if not system or not code:
            raise CodeError(
                f"'{written}' has no code", advice="write the system's URI, # and the code"
            )
        return Code(system, _code(code, written), display)
    name, colon, code = written.partition(":")
    if not colon:
        raise CodeError(
            f"'{written}' is not system:code",
            advice="name the system, as in sct:32914008 or loinc:718-7",
        )
    uri = system_uri(name.strip())
    if uri is None:
        close = similar_names(name)
        raise CodeError(
            f"'{name}' is not the name of a code system",
            advice=f"did you mean {' or '.join(close)}?"
            if close
            else "use sct, loinc, icd10, atc, rxnorm, an HL7 short name, or a URI with #code",
        )
    return Code(uri, _code(code.strip(), written), display)


def _code(code: str, written: str) -> str:
    # https://hl7.org/fhir/R4/datatypes.html#code: no space at the ends, single spaces inside.
    if not code or code != " ".join(code.split()):
        raise CodeError(
            f"'{written}' has no code" if not code else f"'{written}' has spaces in its code",
            advice="write system:code, as loinc:718-7",
        )
    return code


@lru_cache(maxsize=4096)
def lookup(system: str, code: str) -> str | None:
    """The display of a code, if a file at hand gives one."""
    own = _own_codes().get((system, code))
    if own is not None:
        return own[0]
    row = _stored(system, code)
    return row[0] if row is not None else None


def search(text: str, most: int = 300) -> list[tuple[Code, str]]:
    """Codes with their displays that begin with a text or are displayed with it in them.

    A short name and a colon before it (``loinc:hemo``) name the one system that is searched;
    otherwise these are the systems that have a short name. Best first: by the code, by the
    beginning of the display, by what is in it.
    """
    name, colon, word = text.rpartition(":")
    systems = (system_uri(name),) if colon else named_systems()
    wanted = f"%{_escaped(word)}%"
    found: dict[tuple[str, str], str] = {}
    for system in systems:
        if system is None or (not colon and len(word) < _SHORTEST):
            continue
        own = ((code, shown) for (uri, code), (shown, _) in _own_codes().items() if uri == system)
        stored = embedded.connect().execute(
            "SELECT code, coalesce(display, '') FROM code WHERE system = ?"
            " AND (code LIKE ? ESCAPE '!' OR display LIKE ? ESCAPE '!') LIMIT ?",
            (system, wanted[1:], wanted, most * 4),
        )
        for code, shown in (*own, *stored):
            if code.startswith(word) or word.casefold() in shown.casefold():
                found.setdefault((system, code), shown)
    ranked = sorted(
        found.items(),
        key=lambda one: (
            not one[0][1].startswith(word),
            not one[1].casefold().startswith(word.casefold()),
            len(one[1]),
            one[0],
        ),
    )
    return [(Code(system, code), shown) for (system, code), shown in ranked[:most]]


def _escaped(text: str) -> str:
    return "".join(f"!{char}" if char in "!%_" else char for char in text)


@lru_cache(maxsize=4096)
def check(system: str, code: str) -> CodeCheck:
    """What can be said offline about a code of a system."""
    own = _own_codes().get((system, code))
    if own is not None:
        return CodeCheck(CodeStatus.KNOWN, *own)
    row = _stored(system, code)
    if row is not None:
        return CodeCheck(CodeStatus.KNOWN, *row)
    if system == UCUM:
        return _unit(code)
    name = short_name(system)
    if is_complete(system):
        return CodeCheck(
            CodeStatus.UNKNOWN,
            reason=f"{name} has no code {code}",
            suggestions=_closest(system, code),
        )
    wrong = fault(system, code)
    if wrong is not None:
        return CodeCheck(
            CodeStatus.UNKNOWN,
            reason=f"{code} is not a code of {name}: {wrong}",
            suggestions=_likely(system, code),
        )
    return CodeCheck(
        CodeStatus.UNCONFIRMED,
        reason=f"the offline list of {name} does not hold {code}"
        if is_complete(system) is not None
        else "the code system is not known offline",
        advice=_CONFIRM.format(code=Code(system, code).written),
    )


def _unit(code: str) -> CodeCheck:
    from fhirkit.terminology.ucum import UnitError, analyse

    try:
        analyse(code)
    except UnitError as problem:
        return CodeCheck(CodeStatus.UNKNOWN, reason=problem.message)
    return CodeCheck(CodeStatus.KNOWN, display=code, source="the grammar of UCUM")


@lru_cache(maxsize=1)
def _own_codes() -> dict[tuple[str, str], tuple[str, str]]:
    """(system, code) → (display, source) of the list that comes with fhirkit."""
    text = files("fhirkit.terminology").joinpath("data", "codes.toml").read_text("utf-8")
    return {
        (group["system"], code): (display, group["source"])
        for group in tomllib.loads(text)["group"]
        for code, display in group["codes"].items()
    }


def _stored(system: str, code: str) -> tuple[str | None, str] | None:
    row: tuple[str | None, str] | None = (
        embedded.connect()
        .execute("SELECT display, source FROM code WHERE system = ? AND code = ?", (system, code))
        .fetchone()
    )
    return row


def _named(system: str, code: str) -> str:
    written = Code(system, code).written
    display = lookup(system, code)
    return f"{written} {display}" if display else written


def _likely(system: str, code: str) -> tuple[str, ...]:
    """Codes one slip away: those we know by name, else the one with its check digit put right."""
    near = neighbours(system, code)
    known = [other for other in near if check(system, other).is_known]
    if not known and near and code[:-1] == near[0][:-1]:
        known = near[:1]
    return tuple(_named(system, other) for other in known[:_MAX_SUGGESTIONS])


def _closest(system: str, code: str) -> tuple[str, ...]:
    """Codes of a complete system that are spelled like this one or displayed as it."""
    rows = list(
        embedded.connect().execute("SELECT code, display FROM code WHERE system = ?", (system,))
    )
    wanted = code.casefold()
    by_text: dict[str, str] = {}
    for known, display in rows:
        by_text.setdefault(known.casefold(), known)
        if display:
            by_text.setdefault(display.casefold(), known)
    close = get_close_matches(wanted, by_text, n=_MAX_SUGGESTIONS, cutoff=0.6)
    found = dict.fromkeys(by_text[text] for text in close)
    return tuple(_named(system, known) for known in found)
