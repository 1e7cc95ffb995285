"""What `--help` says besides a command's text and options: arguments, exit codes, examples, more.

It is read only when somebody asks for help.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import rich_click as click

if TYPE_CHECKING:
    from rich.console import RenderableType

    from fhirkit.cli.manualpages import Page


def attach(command: click.Command, path: str) -> None:
    """Let a command, and the commands in it, tell all of this in their help."""
    command.format_options = partial(_options, command, path)  # type: ignore[method-assign]  # the one place for all commands
    command.format_epilog = partial(_epilog, path)  # type: ignore[method-assign]  # so, too
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            attach(inner, f"{path} {name}")


def _page(path: str) -> Page:
    from fhirkit.cli.manualpages import Page, pages

    return pages().get(path, Page())


def _options(
    command: click.Command, path: str, context: click.Context, formatter: click.HelpFormatter
) -> None:
    write: Any = formatter.write
    for panel in _panels({"Arguments": list(_page(path).arguments.items())}):
        write(panel)
    type(command).format_options(command, context, formatter)


def _epilog(path: str, context: click.Context, formatter: click.HelpFormatter) -> None:
    del context
    from rich.padding import Padding
    from rich.text import Text

    page = _page(path)
    tell: Any = formatter.write
    codes = [(str(code), meaning) for code, meaning in page.codes.items()]
    for panel in _panels({"Exit codes": codes}):
        tell(panel)
    if page.examples:
        lines = Text("\n").join(
            Text.assemble(f"# {one.meaning}\n", (f"  {one.line}", "bold")) for one in page.examples
        )
        tell(_panel("Examples", lines))
    if page.see:
        tell(Padding(f"See also: {', '.join(page.see)}", (0, 1, 1, 1)))


def _panels(parts: dict[str, list[tuple[str, str]]]) -> Iterator[RenderableType]:
    from rich.table import Table
    from rich.text import Text

    for title, rows in parts.items():
        if rows:
            table = Table.grid(padding=(0, 2))
            for name, meaning in rows:
                table.add_row(Text(name, "bold cyan"), Text(meaning))
            yield _panel(title, table)


def _panel(title: str, content: RenderableType) -> RenderableType:
    from rich.panel import Panel

    return Panel(content, title=title, title_align="left", border_style="dim")
