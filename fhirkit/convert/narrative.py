"""XHTML for people, made from a resource's own elements and the quotes it rests on.

Spelled the one way that XML writers agree on (no named entities, no empty elements, double
quotes, plain ASCII in attributes), so that a server that parses and writes it gives back the same
characters. https://hl7.org/fhir/R4/narrative.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhirkit.convert.narrativerows import ROWS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fhirkit.convert.making import Draft

#: As ``ROWS``, with the name of the element that holds a primitive's extensions.
_ROWS = {
    name: tuple((label, element, f"_{element}") for label, element in rows)
    for name, rows in ROWS.items()
}
_OPEN = '<div xmlns="http://www.w3.org/1999/xhtml">'
_CLOSE = "</div>"


def escape(text: str) -> str:
    """Text as XHTML content; runs of white space become one space."""
    if not text.isprintable():
        text = "".join(char if char.isprintable() or char.isspace() else "\ufffd" for char in text)
        text = " ".join(text.split())
    elif "  " in text or text[:1] == " " or text[-1:] == " ":
        text = " ".join(text.split())
    if "&" in text:
        text = text.replace("&", "&amp;")
    if "<" in text:
        text = text.replace("<", "&lt;")
    if ">" in text:
        text = text.replace(">", "&gt;")
    return text


def narrative(draft: Draft, source_name: str | None) -> dict[str, Any]:
    """Resource.text: a title, a table of what the resource says, and the quotes.

    The status says how far the text goes: `generated` from the elements, `extensions` where it
    shows quotes (the extension derivation-reference leads to them), `additional` for remarks.
    """
    rows = rows_of(draft)
    status = "generated"
    if draft.quotes and source_name is not None:
        status = "extensions"
        rows += [
            ("Source", f"“{quote.text}” ({source_name}, line {quote.line})")
            for quote in draft.quotes
        ]
    if draft.remarks:
        status = "additional"
        rows += [("Note", remark) for remark in draft.remarks]
    title = escape(draft.label[:1].upper() + draft.label[1:]) or draft.type
    return {
        "status": status,
        "div": f"{_OPEN}<p><b>{title}</b></p>{_table(rows)}{_CLOSE}",
    }


def section_narrative(drafts: Sequence[Draft], nothing: str) -> dict[str, Any]:
    """Section.text: one line an entry, or why there is none."""
    if not drafts:
        return {"status": "generated", "div": f"{_OPEN}<p>{escape(nothing)}</p>{_CLOSE}"}
    items = []
    for draft in drafts:
        said = "; ".join(f"{label}: {text}" for label, text in rows_of(draft))
        label = draft.label[:1].upper() + draft.label[1:]
        items.append(f"<li><b>{escape(label)}</b><br/>{escape(said)}</li>" if said else
                     f"<li><b>{escape(label)}</b></li>")  # fmt: skip
    return {"status": "generated", "div": f"{_OPEN}<ul>{''.join(items)}</ul>{_CLOSE}"}


def list_narrative(
    title: str, intro: str, items: Iterable[str], language: str | None
) -> dict[str, Any]:
    """A title, a sentence and a list; the resource's language is repeated on the XHTML, since
    readers of XHTML do not look at the resource.
    """
    parts = "".join(f"<li>{escape(item)}</li>" for item in items)
    listed = f"<p>Not in the source:</p><ul>{parts}</ul>" if parts else ""
    # The reader admits only language tags, which need no escaping.
    tags = f' lang="{language}" xml:lang="{language}">' if language else ">"
    opening = _OPEN.removesuffix(">") + tags
    div = f"{opening}<p><b>{escape(title)}</b></p><p>{escape(intro)}</p>{listed}{_CLOSE}"
    return {"status": "additional" if parts else "generated", "div": div}


def rows_of(draft: Draft) -> list[tuple[str, str]]:
    """Label and text of every element of the resource that a person wants to read."""
    rows: list[tuple[str, str]] = []
    body = draft.body
    for label, element, beside in _ROWS.get(draft.type, ()):
        if element in body:
            text = say(body[element])
            if text:
                rows.append((label, text))
        elif beside in body:
            rows.append((label, say(body[beside])))
    for resource in draft.contained or ():
        rows += [
            (label, say(resource[element]))
            for label, element in ROWS["Medication"]
            if element in resource
        ]
    return rows


def say(value: Any) -> str:
    """An element in words, whatever its type."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return "; ".join(said for said in map(say, value) if said)
    if isinstance(value, dict):
        for has, speak in _SPEECH:
            if has in value:
                return speak(value)
        return ""
    return str(value)


def _concept(value: dict[str, Any]) -> str:
    if "text" in value:
        return str(value["text"])
    return "; ".join(_coding(one) for one in value["coding"])


def _coding(value: dict[str, Any]) -> str:
    return str(value.get("display") or value["code"])


def _quantity(value: dict[str, Any]) -> str:
    unit = value.get("unit") or value.get("code") or ""
    return f"{value.get('comparator', '')}{value['value']} {unit}".strip()


def _period(value: dict[str, Any]) -> str:
    start, end = value.get("start"), value.get("end")
    if start == end:
        return str(start)
    if start is None:
        return f"until {end}"
    return f"since {start}" if end is None else f"{start} to {end}"


def _detail(value: dict[str, Any]) -> str:
    detail = value["detail"]
    if isinstance(detail, list):
        return say(detail)
    words = detail.get("description") or say(detail.get("code", ""))
    return f"avoid: {words}" if detail.get("doNotPerform") else words


def _component(value: dict[str, Any]) -> str:
    said = next((say(value[name]) for name in value if name.startswith("value")), None)
    if said is None:
        said = say(value.get("dataAbsentReason", ""))
    return f"{_concept(value['code'])}: {said}"


def _absent(value: dict[str, Any]) -> str:
    for extension in value["extension"]:
        if "valueCode" in extension:
            return f"not available ({extension['valueCode']})"
    inner = {name: member for name, member in value.items() if name != "extension"}
    return say(inner)


def _named(value: dict[str, Any]) -> str:
    parts = [*value.get("prefix", ()), *value.get("given", ()), value.get("family", "")]
    return " ".join(part for part in parts if part)


def _address(value: dict[str, Any]) -> str:
    parts = [*value.get("line", ()), value.get("postalCode"), value.get("city"),
             value.get("district"), value.get("state"), value.get("country")]  # fmt: skip
    return ", ".join(part for part in parts if part)


def _range(value: dict[str, Any]) -> str:
    if "text" in value:
        return str(value["text"])
    return " to ".join(_quantity(value[side]) for side in ("low", "high") if side in value)


def _manifestation(value: dict[str, Any]) -> str:
    severity = value.get("severity")
    return say(value["manifestation"]) + (f" ({severity})" if severity else "")


def _relative(value: dict[str, Any]) -> str:
    onset = value.get("onsetString") or say(value.get("onsetAge", ""))
    return _concept(value["code"]) + (f" (from {onset})" if onset else "")


#: A member that tells the type → how the type is said. The first that fits counts.
_SPEECH = (
    ("manifestation", _manifestation),
    ("detail", _detail),
    ("attachment", lambda value: say(value["attachment"].get("title", ""))),
    ("actor", lambda value: say(value["actor"])),
    ("individual", lambda value: say(value["individual"])),
    ("who", lambda value: say(value["who"])),
    ("what", lambda value: say(value["what"])),
    ("dueDate", lambda value: str(value["dueDate"])),
    ("low", _range),
    ("high", _range),
    ("display", lambda value: str(value["display"])),
    ("reference", lambda value: say(value["reference"]) if isinstance(value["reference"], dict)
     else ""),
    ("coding", _concept),
    ("onsetString", _relative),
    ("onsetAge", _relative),
    ("text", lambda value: str(value["text"])),
    ("value", lambda value: _quantity(value) if "unit" in value or "code" in value
     else str(value["value"])),
    ("code", lambda value: _component(value) if isinstance(value["code"], dict)
     else _coding(value)),
    ("start", _period),
    ("end", _period),
    ("family", _named),
    ("given", _named),
    ("line", _address),
    ("city", _address),
    ("country", _address),
    ("name", lambda value: str(value["name"])),
    ("_text", lambda value: _absent(value["_text"])),
    ("doseNumberPositiveInt", lambda value: f"dose {value['doseNumberPositiveInt']}"),
    ("doseNumberString", lambda value: f"dose {value['doseNumberString']}"),
    ("extension", _absent),
)  # fmt: skip


def _table(rows: list[tuple[str, str]]) -> str:
    if not rows:
        return ""
    cells = "".join(
        # Labels are ours: plain words that need no escaping.
        f"<tr><td>{label}</td><td>{escape(text)}</td></tr>"
        for label, text in rows
    )
    return f"<table><tbody>{cells}</tbody></table>"
