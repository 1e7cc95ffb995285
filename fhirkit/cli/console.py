"""What a person reads on standard error, and data on standard output, both safe for a terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeVar

import rich_click as click

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fhirkit.core.issues import Issue

_T = TypeVar("_T")

_PIECE = 1 << 15
_COLOURS = {"fatal": "red", "error": "red", "warning": "yellow", "information": "blue"}


def plain(text: str) -> str:
    """The text with control characters made visible, so that no value can drive a terminal."""
    return "".join(_visible(char) for char in text)


def _visible(char: str) -> str:
    code = ord(char)
    if char in "\n\t" or (code >= 0x20 and code not in _HIDDEN):
        return char
    return f"\\u{code:04x}"


# DEL, the C1 controls, and the marks that turn the direction of text.
_HIDDEN = frozenset({0x7F, *range(0x80, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)})


def say(text: str = "") -> None:
    """A line of talk, on standard error."""
    click.echo(plain(text), err=True)


def counted(count: int, noun: str) -> str:
    """``1 file``, ``2 files``: a number and its noun, with the plural's -s."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def emit(text: str) -> None:
    """Data on standard output, exactly as given, in UTF-8 whatever the locale says."""
    sys.stdout.flush()
    data = text.encode()
    buffer = getattr(sys.stdout, "buffer", None)
    if buffer is None:
        sys.stdout.write(text)
        return
    # A pipe whose reader goes away in the midst of a large write is only seen by the next one.
    for start in range(0, len(data), _PIECE):
        buffer.write(data[start : start + _PIECE])
        buffer.flush()


def emit_json(value: Any) -> None:
    """A JSON document on standard output."""
    from fhirkit.core.jsonio import dumps

    emit(dumps(value))


def complain(message: str, *, advice: str | None = None) -> None:
    """An error line on standard error, with advice on a line of its own."""
    click.secho("error: ", fg="red", bold=True, nl=False, err=True)
    say(message)
    if advice:
        click.secho("  try: ", fg="cyan", nl=False, err=True)
        say(advice)


def show_issue(issue: Issue, *, err: bool = False) -> None:
    """One issue: ``place: severity rule message (expression)``, then the advice."""
    head = f"{issue.place}: " if issue.place else ""
    click.echo(plain(head), nl=False, err=err)
    click.secho(str(issue.severity), fg=_COLOURS[str(issue.severity)], nl=False, err=err)
    where = f" ({issue.expression})" if issue.expression else ""
    click.echo(plain(f" {issue.rule} {issue.message}{where}"), err=err)
    if issue.advice:
        click.echo(plain(f"    try: {issue.advice}"), err=err)


def show_issues(issues: Iterable[Issue], *, err: bool = False) -> None:
    """Every issue, one after the other."""
    for issue in issues:
        show_issue(issue, err=err)


def wants_colour() -> bool:
    """Whether standard output is a terminal that shows colours (https://no-color.org)."""
    import os

    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return sys.stdout.isatty()


def progress(items: Iterable[_T], *, what: str, total: int | None = None) -> Iterator[_T]:
    """Pass the items through, with a progress bar on standard error when only that is a terminal.

    Where standard output is one as well, what is written there shows the progress.
    """
    if not sys.stderr.isatty() or sys.stdout.isatty():
        yield from items
        return
    from rich.console import Console
    from rich.progress import Progress

    # Redirected, what is written to standard output would come out on standard error.
    with Progress(console=Console(stderr=True), transient=True, redirect_stdout=False) as shown:
        yield from shown.track(items, description=what, total=total)
