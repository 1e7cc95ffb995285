"""The text of a YAML file before it is parsed, and the parser's complaint in a writer's words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yaml import MarkedYAMLError

#: A case with its source is some kilobytes; this is far beyond, and still read in seconds.
MAX_BYTES = 16 * 1024 * 1024

_BREAK = re.compile(r"\r\n|\r|\n")
# What YAML cannot hold (C0, C1 but NEL, surrogates, FFFE and FFFF, a BOM inside the text), and the
# three breaks that YAML 1.1 counts as ends of lines and YAML 1.2 does not.
FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]"
)
_UTF16_OR_32 = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")


class Refusal(Exception):
    """Reading cannot go on: the rule, the place and what to do. Becomes the last issue."""

    def __init__(
        self,
        rule: str,
        message: str,
        place: tuple[int, int] = (1, 1),
        *,
        advice: str | None = None,
    ) -> None:
        super().__init__(message)
        self.rule = rule
        self.message = message
        self.place = place
        self.advice = advice


def decode(data: bytes) -> str:
    """The text of a file in UTF-8, without its byte order mark; ``Refusal`` for anything else."""
    if len(data) > MAX_BYTES:
        raise Refusal(
            "case-size",
            f"the file has more than {MAX_BYTES // 1024 // 1024} MiB",
            advice="a case file holds one case; put tables and images beside it",
        )
    if data.startswith(_UTF16_OR_32):
        raise Refusal(
            "case-encoding",
            "the file is UTF-16 or UTF-32, expected UTF-8",
            advice="save it as UTF-8",
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        before = data[: problem.start].decode("utf-8-sig", "replace")
        raise Refusal(
            "case-encoding",
            f"byte 0x{data[problem.start]:02x} is not UTF-8",
            place_of(before, len(before)),
            advice="save the file as UTF-8 (it looks like an older 8-bit encoding)",
        ) from None
    bad = FORBIDDEN.search(text)
    if bad is not None:
        code = ord(bad[0])
        raise Refusal(
            "case-character",
            f"the character U+{code:04X} cannot stand in a case file",
            place_of(text, bad.start()),
            advice="remove it"
            if code not in (0x85, 0x2028, 0x2029)
            else "press Enter for a line break instead: programs disagree about this one",
        )
    return text


def place_of(text: str, offset: int) -> tuple[int, int]:
    """Line and column, from 1, of a character of the text."""
    line, start = 1, 0
    for found in _BREAK.finditer(text, 0, offset):
        line += 1
        start = found.end()
    return line, offset - start + 1


def explain(problem: MarkedYAMLError, text: str) -> Refusal:
    """The parser's complaint as a refusal, with advice for the slips that people make."""
    mark = problem.problem_mark or problem.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
    lines = _BREAK.split(text)
    written = lines[line - 1] if line <= len(lines) else ""
    what = problem.problem or "cannot be read"
    if "\t" in written[: len(written) - len(written.lstrip())]:
        return Refusal(
            "case-tab",
            "a tab indents this line; YAML wants spaces",
            (line, written.index("\t") + 1),
            advice="replace the tab by spaces",
        )
    if "nesting depth" in what:
        # Newer builds of the parser stop by themselves before our own limit is asked.
        advice = "write the inner parts as lists and mappings of their own"
        return Refusal("case-nesting", "nested too deeply", (line, column), advice=advice)
    message = f"not valid YAML: {what}"
    context = problem.context_mark
    if context is not None and problem.context and context.line + 1 != line:
        message += f" ({problem.context}, from line {context.line + 1})"
    return Refusal(
        "case-syntax", message, (line, column), advice=_advice(what, written, lines, line)
    )


_HINT_WIDTH = 300
_HEADER = re.compile(r"[:-]\s+[>|]")
_SIGN = re.compile(r"[:,\[{-]\s*([@`%*&!>|])")
_BRACKET_IN_FLOW = re.compile(r"\{[^}]*:\s*[^\"'{\[,]*[\[\]]")
_NO_SPACE = re.compile(r"^\s*[\w-]+:[^\s:/]")


def _advice(what: str, written: str, lines: list[str], line: int) -> str:
    """The likeliest slip on this line (or the line before) and its cure."""
    before = next((text for text in reversed(lines[: line - 1]) if text.strip()), "")
    # A hint is not worth a slow pattern on a line of a megabyte.
    written, before = written[:_HINT_WIDTH], before[:_HINT_WIDTH]
    for here in (written, before):
        if _HEADER.search(here) and ("block scalar" in what or "comment or line break" in what):
            return "a value that starts with > or | must be in quotes"
        if _BRACKET_IN_FLOW.search(here):
            return "a value with [ or ] inside { } must be in quotes (for mm[Hg] write mmHg)"
    if _NO_SPACE.search(before) and not _NO_SPACE.search(written):
        return "put a space after the colon"
    if "mapping values are not allowed" in what:
        return "a value that holds ': ' must be in quotes; check the indentation too"
    if _SIGN.search(written) and ("cannot start" in what or "found" in what or "anchor" in what):
        return "a value that starts with a sign of YAML (@ ` % * & ! > |) must be in quotes"
    if _NO_SPACE.search(written):
        return "put a space after the colon"
    if "quoted scalar" in what or "end of stream" in what:
        return "look for a quote or bracket that is not closed"
    return "check the indentation, and quote values that hold : # [ ] { } or ,"
