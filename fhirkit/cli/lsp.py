"""`fhirkit lsp`: the language server for editors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from fhirkit.core.errors import UsageError

if TYPE_CHECKING:
    from fhirkit.cli.project import Project


@click.command("lsp")
def command() -> None:
    """Serve editors over the Language Server Protocol, on standard input and output.

    Records (FHIR JSON, XML, NDJSON) and case files are checked while they are written, by the
    settings of the folder (fhirkit.toml). In JSON and in case files hovering tells what an element
    or key means, and completion what fits. Needs `pip install 'fhirkit[lsp]'`.
    """
    try:
        from fhirkit.editor.server import Server
    except ModuleNotFoundError as missing:
        raise UsageError(
            f"the language server needs {missing.name}", advice="pip install 'fhirkit[lsp]'"
        ) from None
    from fhirkit import __version__

    Server(_project, __version__).run()


def _project(folder: Path) -> Project:
    """The settings of the folder that the editor has open."""
    from fhirkit.cli.checking import Checking
    from fhirkit.cli.project import Project
    from fhirkit.policy import find_config

    path = find_config(folder).path
    return Project(Checking(no_config=True) if path is None else Checking(config=str(path)))
