"""The state of reading one case: issues found so far, names, timeline and source.

Everything that reads a value reports here, so that one run shows every trouble.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from fhirkit.convert.catalogue import CATALOGUE
from fhirkit.convert.model import At, Quote
from fhirkit.convert.points import Points
from fhirkit.convert.read.nodes import Mapping, Scalar, Sequence
from fhirkit.convert.read.quotes import QuoteAmbiguous, QuoteError, SourceText
from fhirkit.convert.read.timeline import TimelineError, When
from fhirkit.core.issues import Issue, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fhirkit.convert.model import Fact
    from fhirkit.convert.read.nodes import Node
    from fhirkit.convert.shape import Kind

_SHAPES = {Scalar: "text", Sequence: "a list", Mapping: "a mapping"}


class Reading:
    """Collects issues and knows what a value may refer to. ``trail`` is the key path so far."""

    def __init__(self, file: str | None, *, strict: bool = False) -> None:
        self.file = file
        self.strict = strict
        #: The case came as plain data, so no YAML reader has looked at its characters.
        self.is_data = False
        self.issues: list[Issue] = []
        self.trail: tuple[str, ...] = ()
        self.names: dict[str, tuple[Kind, Scalar | None]] = {}
        self.points = Points()
        self.document: SourceText | None = None
        self.quotes_need_source = True
        self.missing_source: tuple[Node, str] | None = None
        self.quoted = False
        self._told_points: set[str] = set()

    def issue(
        self,
        rule: str,
        node: Node | None,
        message: str,
        advice: str | None = None,
        *,
        severity: Severity | None = None,
    ) -> None:
        """Report an issue of a rule of the catalogue at a node."""
        known = CATALOGUE[rule]
        line = column = None
        if node is not None:
            _, line, column = node.place
        self.issues.append(
            Issue(
                severity or known.severity,
                rule,
                message,
                expression=".".join(self.trail),
                issue_type=known.issue_type,
                advice=advice or known.cure,
                file=self.file,
                line=line,
                column=column,
            )
        )

    def assumption(self, node: Node, what: str) -> None:
        """Note an assumed fact: an issue in a strict reading."""
        if self.strict:
            self.issue("case-assumed", node, f"'{what}' is assumed, not stated by the source")

    @property
    def failed(self) -> bool:
        """Whether an issue so far is an error."""
        return any(issue.is_error for issue in self.issues)

    def text(self, node: Node, expects: str = "text") -> str | None:
        """The text of a scalar; an issue for an empty value or another shape."""
        if isinstance(node, Scalar):
            if node.is_null or not node.text.strip():
                self.issue("case-shape", node, f"nothing is given, expected {expects}")
                return None
            if self.is_data and not node.text.isprintable() and not _writable(node.text):
                self.issue("case-character", node, "the text holds a control character")
                return None
            return node.text
        self.wrong_shape(node, expects)
        return None

    def wrong_shape(self, node: Node, expects: str) -> None:
        """Report a node of the wrong shape."""
        if isinstance(node, Scalar) and node.is_null:
            self.issue("case-shape", node, f"nothing is given, expected {expects}")
            return
        self.issue("case-shape", node, f"expected {expects}, found {_SHAPES[type(node)]}")

    def unknown_key(self, key: Scalar, known: Iterable[str], what: str) -> None:
        """Report a key nobody knows, with the nearest one that is known."""
        known = list(known)
        self.issue(
            "case-unknown-key",
            key,
            f"'{key.text}' is not a key of {what}",
            nearest(key.text, known) or f"the keys are {', '.join(known)}",
        )

    def resolve(self, node: Scalar) -> When | None:
        """The time a text stands for; the trouble of a named time is told once, where it is."""
        try:
            return self.points.timeline.resolve(node.text)
        except TimelineError as problem:
            if problem.name is None or problem.name not in self._told_points:
                self.issue(problem.rule, node, problem.message, problem.advice)
            return None

    def in_order(self, fact: Fact, first: str, second: str) -> None:
        """Hold the time of one key to be not certainly after that of another."""
        start, end = fact.values.get(first), fact.values.get(second)
        if isinstance(start, At) and isinstance(end, At) and start.when.certainly_after(end.when):
            message = f"`{second}` lies before `{first}`"
            self.issue("case-order", fact.key or fact.node, message)

    def tell(self, *names: str) -> None:
        """Remember that the trouble of named times has been told."""
        self._told_points.update(names)

    def told(self, name: str) -> bool:
        """Whether the trouble of a named time has been told."""
        return name in self._told_points

    def quote(self, node: Node) -> Quote | None:
        """The place of a quote in the source."""
        text = self.text(node, "words of the source")
        if text is None:
            return None
        if self.document is None:
            if self.quotes_need_source:
                self.issue(
                    "case-quote-without-source",
                    node,
                    "there is a quote, and no source that it could be found in",
                    "add `source: {file: report.md}`, or remove the quote",
                )
            self.quoted = True
            return None
        try:
            span = self.document.find(text)
        except QuoteError as problem:
            rule = (
                "case-quote-twice"
                if isinstance(problem, QuoteAmbiguous)
                else "case-quote-not-found"
            )
            self.issue(rule, node, problem.message, problem.advice)
            return None
        return Quote(" ".join(text.split()), *span)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """``did you mean …?``, when something known is close to the word."""
    known = list(known)
    close = get_close_matches(word, known, n=1) or [
        name for name in known if name.replace("-", "") == word.replace("_", "").replace("-", "")
    ]
    return f"did you mean {close[0]}?" if close else None


def _writable(text: str) -> bool:
    # What a FHIR string may hold (https://hl7.org/fhir/R4/datatypes.html#string) and XML, too.
    return all(
        char in "\n\r\t" or (ord(char) >= 0x20 and ord(char) not in range(0x7F, 0xA0))  # C0, C1
        for char in text
    ) and not any(0xD800 <= ord(char) <= 0xDFFF or char in "\ufffe\uffff" for char in text)
