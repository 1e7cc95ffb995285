"""What stands at the head of a case file: format, id, title, language, source, timeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhirkit.convert.facts import Items, schema_of
from fhirkit.convert.identity import ID, is_instant
from fhirkit.convert.kinds.fields import AT, BASIS, ENCOUNTER, NOTE, PERFORMER, QUOTE, WHY
from fhirkit.convert.reading import nearest
from fhirkit.convert.shape import Key, Kind
from fhirkit.convert.values import Pattern, Raw, Text, Texts

if TYPE_CHECKING:
    from fhirkit.convert.model import Fact
    from fhirkit.convert.read.nodes import Mapping, Node
    from fhirkit.convert.reading import Reading

FORMAT = "case/1"


def _check_source(fact: Fact, reading: Reading) -> None:
    if "file" in fact.own and "text" in fact.own:
        reading.issue("case-conflict", fact.node, "the source has both `file` and `text`")


class Inline(Text):
    """The text of a source, kept as it is: offsets count its characters."""

    def read(self, node: Node, reading: Reading) -> str | None:
        """The text, untouched."""
        return reading.text(node, self.expects)


class Instant(Text):
    """A moment, to the second and with its zone."""

    def __init__(self) -> None:
        super().__init__(what="an instant, as 2026-01-31T12:00:00Z")

    def read(self, node: Node, reading: Reading) -> str | None:
        """The instant."""
        text = reading.text(node, self.expects)
        if text is None:
            return None
        if is_instant(text):
            return text.replace("+00:00", "Z")
        reading.issue("case-timestamp", node, f"'{text[:60]}' is not {self.expects}")
        return None


SOURCE = Kind(
    "source",
    "DocumentReference",
    "The report that the case was made from.",
    (
        Key("file", Text(), "Its file, beside the case file or below it."),
        Key("text", Inline(), "The text itself, instead of a file."),
        Key("kind", Text(), "What it is: Published case report, Discharge letter …"),
        Key("title", Text(), "Its title."),
        Key("url", Pattern(r"\S+:\S+", "a URL"), "Where it was published."),
        Key("sha256", Pattern("[0-9A-Fa-f]{64}", "64 hexadecimal digits"),
            "SHA-256 of the file: a changed report is then an error."),
    ),
    one_of=(("file", "text"),),
    check=_check_source,
    quoted=False,
)  # fmt: skip
TIMELINE_POINT = Kind(
    "timeline",
    "",
    "One named time.",
    (
        Key("date", Raw("a date, or a time worked out from another"),
            "2022, 2022-02, 2022-02-14, `visit + 4 wk`, `from admission to discharge` …",
            required=True),
        QUOTE, BASIS, WHY, NOTE,
    ),
    short="date",
    quoted=False,
)  # fmt: skip
DEFAULTS = Kind(
    "defaults",
    "",
    "What holds for every fact that does not say otherwise.",
    (AT, PERFORMER, ENCOUNTER),
    quoted=False,
)
#: Keys of the case itself that are plain values.
HEADER = (
    Key("fhirkit", Pattern("case/1", FORMAT), "The format of the file.", required=True),
    Key("id", Text(), "The id of the case; every resource's id starts with it.", required=True),
    Key("title", Text(), "What the case is about."),
    Key("language", Pattern(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*", "a language tag, as en or de-AT"),
        "The language of the texts."),
    Key("written", Instant(), "When the case was written: the time stamp of what is made of it."),
    Key("not-in-report", Texts(), "What a reader may look for and the source does not say."),
)  # fmt: skip
#: Every key that may stand at the top, but for the kinds.
TOP = (*(key.name for key in HEADER), "source", "timeline", "defaults", "patient")


def read_header(root: Mapping, reading: Reading) -> dict[str, Any]:
    """The plain values at the top of a case."""
    values: dict[str, Any] = {}
    for key in HEADER:
        node = root.get(key.name)
        reading.trail = (key.name,)
        if node is None:
            if key.required:
                hint = f"start the file with `fhirkit: {FORMAT}`" if key.name == "fhirkit" else None
                reading.issue("case-missing-key", root, f"`{key.name}` is missing", hint)
            continue
        if key.name == "fhirkit":
            _check_version(node, reading)
            continue
        values[key.name] = key.type.read(node, reading)
    case_id = values.get("id")
    if case_id is not None and not ID.fullmatch(case_id):
        reading.trail = ("id",)
        message = f"'{case_id[:80]}' cannot begin a FHIR id"
        reading.issue("case-id", root.get("id"), message)
        values["id"] = None
    return values


def _check_version(node: Node, reading: Reading) -> None:
    text = reading.text(node, FORMAT)
    if text is not None and text != FORMAT:
        message = f"the format '{text[:40]}' is not one that this fhirkit reads"
        reading.issue("case-version", node, message, nearest(text, [FORMAT]))


def top_schema() -> dict[str, Any]:
    """The JSON Schema of everything at the top of a case but the kinds."""
    made = {key.name: {**key.type.schema(), "description": key.help} for key in HEADER}
    made["fhirkit"] = {"const": FORMAT, "description": HEADER[0].help}
    made["source"] = schema_of(SOURCE)
    point = Items(TIMELINE_POINT, many=False).schema()
    made["timeline"] = {
        "type": "object",
        "description": "Named times; facts refer to them.",
        "additionalProperties": point,
    }
    made["defaults"] = schema_of(DEFAULTS)
    return made
