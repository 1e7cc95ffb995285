"""The values that fit a key of a case file, and what one that is written there means."""

from __future__ import annotations

from collections.abc import Iterator

from fhirkit.convert.shape import Key
from fhirkit.convert.values import ByPoint, Codes, Names, Time, Word, YesOrTime
from fhirkit.convert.values import Choice as OneOf
from fhirkit.editor.elements import Choice
from fhirkit.terminology import codes, measurements
from fhirkit.terminology.measurements import LABORATORY, VITAL_SIGNS, Measurement

#: Kinds whose facts may be named by a measurement that has a word.
_MEASURED = {"vitals": VITAL_SIGNS, "labs": LABORATORY}
_ABSENT = "not reported"

Outline = dict[str, dict[str, int]]


def words(key: Key, typed: str, outline: Outline) -> Iterator[Choice]:
    """What may be written at a key, of the words that are known."""
    form = key.type
    if isinstance(form, ByPoint):
        form = form.choice
    if isinstance(form, OneOf):
        yield from (Choice(word, word) for word in form.words)
    elif isinstance(form, Word):
        for word, display in form.words.items():
            yield Choice(word, word, display, sought=f"{word} {display}")
    elif isinstance(form, Codes):
        yield from _codes(typed)
    elif isinstance(form, Names):
        for kind, names in outline.items():
            if not form.kinds or kind in form.kinds:
                yield from (Choice(name, name, kind) for name in names if name != "defaults")
    elif isinstance(form, (Time, YesOrTime)):
        if isinstance(form, YesOrTime):
            yield from (Choice(word, word) for word in ("yes", "no"))
        for point in outline.get("timeline", ()):
            yield Choice(point, point, "timeline")


def about(key: Key, word: str, text: str, outline: Outline) -> str:
    """What a word at a key means, in Markdown; empty when nothing is known of it."""
    line = named(key, word, outline)
    if line is not None:
        return f"\n```yaml\n{text.splitlines()[line].strip()}\n```\n"
    if isinstance(key.type, Word) and word in key.type.words:
        return f"\n`{word}`: {key.type.words[word]}\n"
    if isinstance(key.type, (Codes, Word)) and ":" in word:
        try:
            code = codes.parse_code(word)
        except codes.CodeError:
            return ""
        display = codes.lookup(code.system, code.code)
        told = f"{display} ({code.system})" if display else f"a code of {code.system}"
        return f"\n`{word}`: {told}\n"
    return ""


def named(key: Key, word: str, outline: Outline) -> int | None:
    """The line (from 0) of what a word at a key names: a fact, or a point of the timeline."""
    if isinstance(key.type, (Time, YesOrTime)):
        return outline.get("timeline", {}).get(word)
    if isinstance(key.type, Names):
        for kind, names in outline.items():
            if word in names and (not key.type.kinds or kind in key.type.kinds):
                return names[word]
    return None


def measurements_of(kind: str) -> Iterator[tuple[str, str]]:
    """The words for the measurements of a kind, each with its code."""
    for word in measurements.names(_MEASURED[kind]) if kind in _MEASURED else ():
        found = measurements.find(word)
        if found is not None:
            yield word, _told(found)


def about_measurement(kind: str, name: str) -> str:
    """What the name of a fact says that is measured; empty when it is just a name."""
    found = _measurement(kind, name)
    return f"{_told(found)}\n\n" if found is not None else ""


def units_of(kind: str, name: str) -> Iterator[Choice]:
    """The units that a measurement is given in, and that it was not reported."""
    found = _measurement(kind, name)
    variants = () if found is None else (*found.variants, *found.by_unit)
    for variant in variants:
        yield Choice(variant.unit, variant.unit, f"loinc:{variant.code}")
    yield Choice(_ABSENT, _ABSENT)


def _measurement(kind: str, name: str) -> Measurement | None:
    """By the longest beginning of a name that is a word: `temperature-follow-up`."""
    if kind not in _MEASURED:
        return None
    parts = name.split("-")
    for length in range(len(parts), 0, -1):
        found = measurements.find("-".join(parts[:length]), _MEASURED[kind])
        if found is not None:
            return found
    return None


def _told(found: Measurement) -> str:
    display = codes.lookup(found.system, found.code) or found.name
    units = ", ".join(dict.fromkeys(one.unit for one in (*found.variants, *found.by_unit)))
    return f"{display} (`loinc:{found.code}`), in {units}."


def _codes(typed: str) -> Iterator[Choice]:
    """Codes by system and beginning (`loinc:718`), or by words (`loinc:hemo`, `hemo`)."""
    for code, display in codes.search(typed):
        written = code.written
        yield Choice(written, written, display, sought=f"{written} {_system(written)}{display}")


def _system(written: str) -> str:
    return written.partition(":")[0] + ":"
