"""`fhirkit lsp`: the language server for editors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from fhirkit.core.errors import UsageError

if TYPE_CHECKING:
    from fhirkit.cli.project import Project
    from fhirkit.policy.config import ConfigFile


@click.command("lsp")
def command() -> None:
    """Serve editors over the Language Server Protocol, on standard input and output.

    Records (FHIR JSON, XML, NDJSON) and case files are checked while they are written, by the
    nearest settings (fhirkit.toml). In JSON, NDJSON and case files hovering tells what an element,
    key or code means, completion what fits, and safe repairs are offered; in case files a name
    leads to its fact. Needs `pip install 'fhirkit[lsp]'`.
    """
    try:
        from fhirkit.editor.server import Server
    except ModuleNotFoundError as missing:
        raise UsageError(
            f"the language server needs {missing.name}", advice="pip install 'fhirkit[lsp]'"
        ) from None
    from fhirkit import __version__

    Server(_Projects, __version__).run()


class _Projects:
    """The projects of files, each kept as long as nothing that it was made of has changed."""

    def __init__(self) -> None:
        self._kept: dict[Path | None, tuple[object, Project]] = {}

    def of(self, file: Path) -> Project:
        """The project of a file: by the nearest settings, as they are now."""
        from fhirkit.cli.checking import Checking
        from fhirkit.cli.project import Project
        from fhirkit.policy import find_config

        found = find_config(file.parent)
        made_of = (found, [_state(path) for path in _sources(found)])
        kept = self._kept.get(found.path)
        if kept is None or kept[0] != made_of:
            named = (
                Checking(no_config=True) if found.path is None else Checking(config=str(found.path))
            )
            kept = self._kept[found.path] = (made_of, Project(named))
        return kept[1]


def _sources(settings: ConfigFile) -> Iterator[Path]:
    """The files and folders besides the settings that a project is made of."""
    from fhirkit.cli.packages import package_cache

    config, folder = settings.config, settings.folder
    if config.baseline is not None:
        yield folder / config.baseline
    for pattern in config.definitions:
        yield from sorted(folder.glob(pattern))
    if config.packages or config.fhir_version:
        yield package_cache(None).root
    yield from (folder / name for name in config.packages)


def _state(path: Path) -> tuple[str, int, int] | None:
    try:
        state = path.stat()
    except (OSError, ValueError):
        return None
    return str(path), state.st_mtime_ns, state.st_size
