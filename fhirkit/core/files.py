"""Files on disk: read with a clear error, written whole or not at all.

The only module that writes single files; ``folders.py`` writes whole folders. A record may hold a
person's data, so new files are readable by their owner alone unless the caller says otherwise.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterable
from pathlib import Path

from fhirkit.core.errors import FhirkitError, UsageError


def read_bytes(path: Path) -> bytes:
    """The file's bytes; ``UsageError`` when it is missing, a folder or unreadable."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise UsageError(f"{path}: is a folder, expected a file") from None
    except OSError as problem:
        raise UsageError(f"{path}: cannot be read ({problem.strerror})") from None


def write_atomic(path: Path, data: bytes | Iterable[bytes], *, private: bool = True) -> None:
    """Replace ``path`` by ``data``: after a crash the old or the new file is there, never half.

    Parts are written as they come; when what makes them raises, the old file stays as well.
    The new bytes are synced before the rename, and the folder after it. A symbolic link, device
    or FIFO at ``path`` is refused. ``private`` gives mode 0600, otherwise 0644.
    """
    _refuse_special(path)
    folder = path.parent
    temporary: str | None = None
    try:
        _make(folder)
        handle, temporary = tempfile.mkstemp(prefix=".fhirkit-", dir=folder)
        with os.fdopen(handle, "wb") as out:
            out.writelines([data] if isinstance(data, bytes) else data)
            out.flush()
            os.fsync(out.fileno())
        if not private:
            Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
        temporary = None
        sync_folder(folder)
    except OSError as problem:
        raise FhirkitError(
            f"{path}: cannot be written ({problem.strerror})",
            advice="free some space or choose another place; the old file is unchanged",
        ) from None
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def _make(folder: Path) -> None:
    """Make a folder and those above it, each noted in its parent for good."""
    if not folder.is_dir():
        _make(folder.parent)
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Make a rename in ``folder`` survive a power cut (a no-op where folders can't be opened)."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        return
    finally:
        os.close(handle)


def _refuse_special(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except OSError:
        return
    if not stat.S_ISREG(mode):
        raise UsageError(f"{path}: is not a regular file, so it is not overwritten")


def shown_name(name: str) -> str:
    r"""A file's name as text that can be written anywhere: bytes that are no UTF-8 as ``\xff``."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return os.fsencode(name).decode(errors="backslashreplace")
    return name
