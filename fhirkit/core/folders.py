"""Whole folders on disk: there complete or not at all, whatever happens in between.

A folder is filled under a temporary name beside its place, synced, and renamed. Names are checked
for every system, so that a folder made on one can be copied to another.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from fhirkit.core.errors import FhirkitError
from fhirkit.core.files import sync_folder

#: What an interrupted run may leave behind; ``sweep`` removes it.
_UNFINISHED = ".fhirkit-unfinished-"
# Windows keeps these for devices, with any ending, in any case.
_DEVICE = re.compile(
    r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(\..*)?", re.IGNORECASE
)
_FORBIDDEN = frozenset('<>:"/\\|?*')


def is_portable(name: str) -> bool:
    """Whether one part of a path is a plain file name on Linux, macOS and Windows alike."""
    return not (
        name in ("", ".", "..")
        or name.endswith((".", " "))
        or len(name.encode("utf-8", "replace")) > 255
        or any(char in _FORBIDDEN or ord(char) < 0x20 or ord(char) == 0x7F for char in name)
        or any(0xD800 <= ord(char) < 0xE000 for char in name)
        or _DEVICE.fullmatch(name.partition(" ")[0].rstrip("."))
    )


def write_folder(folder: Path, files: Iterable[tuple[str, bytes]]) -> bool:
    """Make ``folder`` hold these files (path with ``/``, bytes); False when it is there already.

    The paths must be plain relative ones. When ``files`` raises, nothing is left behind; a
    process that is killed leaves at most a folder that nobody takes for a finished one.
    """
    temporary: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=folder.parent))
        _fill(temporary, files)
        temporary.chmod(0o755)
        try:
            # A folder is never renamed onto one that holds anything: who comes second loses.
            temporary.rename(folder)
        except OSError:
            if folder.is_dir():
                return False
            raise
        temporary = None
        sync_folder(folder.parent)
        return True
    except OSError as problem:
        raise _not_written(folder, problem) from None
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def remove_folder(folder: Path) -> None:
    """Remove a folder: it is gone at once, or still there whole."""
    try:
        grave = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=folder.parent))
        # The grave's own name keeps it unique; inside it nothing can be in the way.
        folder.rename(grave / "removed")
        sync_folder(folder.parent)
        shutil.rmtree(grave, ignore_errors=True)
    except OSError as problem:
        raise _not_written(folder, problem) from None


def sweep(parent: Path) -> None:
    """Remove what interrupted runs left in ``parent``. The caller holds the lock that they took."""
    for left in parent.glob(f"{_UNFINISHED}*"):
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left, ignore_errors=True)


def _fill(root: Path, files: Iterable[tuple[str, bytes]]) -> None:
    written: list[Path] = []
    folders = {root}
    for name, data in files:
        parts = name.split("/")
        if not all(map(is_portable, parts)):
            raise ValueError(f"not a plain relative path: {name!r}")
        path = root.joinpath(*parts)
        if path.parent not in folders:
            path.parent.mkdir(parents=True, exist_ok=True)
            folders.update({path.parent, *path.parent.parents} - {*root.parents})
        with path.open("xb") as out:
            out.write(data)
        path.chmod(0o644)
        written.append(path)
    # All is written before the first is synced: the disk then works through one queue.
    for path in written:
        _sync_file(path)
    for inner in sorted(folders, reverse=True):
        inner.chmod(0o755)
        sync_folder(inner)


def _sync_file(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _not_written(folder: Path, problem: OSError) -> FhirkitError:
    return FhirkitError(
        f"{folder}: cannot be written ({problem.strerror or type(problem).__name__})",
        advice="free some space, or choose a place that you may write to; nothing is half done",
    )
