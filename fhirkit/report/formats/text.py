"""The text format: a line an issue, the line of the file it points to, and what to do."""

from __future__ import annotations

from fhirkit.core.issues import Issue
from fhirkit.report.formats.escape import one_line, without_commands
from fhirkit.report.formats.excerpt import excerpt
from fhirkit.report.formats.outcomes import FileOutcome, Settings

_COLOURS = {"fatal": "31", "error": "31", "warning": "33", "information": "34"}


class TextFormat:
    """For people: each issue, the line of the source it points to, and what to do."""

    concise = False

    def __init__(self, settings: Settings) -> None:
        self._colour = settings.colour
        self._show_values = settings.show_values

    def add(self, one: FileOutcome) -> str:
        """The issues of an input."""
        lines: list[str] = []
        source = None if self.concise or one.data is None else _Lines(one.data, one.line or 1)
        for issue in one.outcome:
            lines.append(self._head(issue))
            if self.concise:
                continue
            if source is not None and issue.line is not None:
                lines += self._excerpt(issue, source)
            if issue.advice:
                lines.append(f"    {self._paint('36', 'try:')} {one_line(issue.advice)}")
        if one.server is not None:
            lines += [one_line(f"{one.place}: {text}") for text in _server(one)]
        return "".join(f"{line}\n" for line in lines)

    def end(self) -> str:
        """Nothing: the summary is talk."""
        return ""

    def _head(self, issue: Issue) -> str:
        place = f"{one_line(issue.place)}: " if issue.place else ""
        where = f" ({issue.expression})" if issue.expression else ""
        severity = self._paint(_COLOURS[issue.severity], str(issue.severity))
        return f"{place}{severity} {one_line(f'{issue.rule} {issue.message}{where}')}"

    def _excerpt(self, issue: Issue, source: _Lines) -> list[str]:
        number = issue.line or 0
        line = source.get(number)
        if not line.strip():
            return []
        shown = excerpt(line, issue.column, xml=source.xml, show_values=self._show_values)
        lines = [f"    {number} | {without_commands(shown.text)}"]
        if shown.caret is not None:
            lines.append(" " * (len(f"    {number} | ") + shown.caret) + self._paint("31", "^"))
        return lines

    def _paint(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour else text


class ConciseFormat(TextFormat):
    """One line an issue, as editors and scripts read it."""

    concise = True


class _Lines:
    """The lines of an input, split only when the first issue asks for one."""

    def __init__(self, data: bytes, first: int) -> None:
        self._data = data
        self._first = first
        self._lines: list[str] | None = None
        self.xml = data[:64].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")

    def get(self, number: int) -> str:
        """A line by its number in the file; empty when there is none."""
        if self._lines is None:
            self._lines = self._data.decode("utf-8-sig", "replace").split("\n")
        index = number - self._first
        return self._lines[index].rstrip("\r") if 0 <= index < len(self._lines) else ""


def _server(one: FileOutcome) -> list[str]:
    """The server's errors, one a line."""
    lines: list[str] = []
    for issue in one.server.errors if one.server is not None else ():
        places = issue.get("expression") or issue.get("location")
        place = f" ({places[0]})" if isinstance(places, list) and places else ""
        details = issue.get("details")
        text = issue.get("diagnostics") or (
            details.get("text") if isinstance(details, dict) else None
        )
        lines.append(f"the server: {text or 'no reason'}{place}")
    return lines
