"""Files that are made from others, kept so that they are not made again: compiled definitions.

A file's name holds the key of all it was made from and the SHA-256 of its own content. So nothing
in the folder has to be believed: what does not bear its own hash, was made from something else,
is a link, or could have been written by another user is not there. The folder is a convenience:
where it cannot be read or written, everything is made for the one run.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

#: All files together, in bytes; beyond it those that were not used for longest go.
MAX_BYTES = 256 * 1024 * 1024
#: Days after which a file nobody used goes.
KEPT_DAYS = 60
#: Seconds to wait for another process that makes the same file.
_WAIT = 300.0
_DAY = 86_400.0
_HASH = 32
_MAKING = ".making-"
_NAME = re.compile(r".*-[0-9a-f]{32}\.[0-9a-f]{32}\.[a-z]+")
_SPECIAL = re.compile(r"[^A-Za-z0-9.-]+")
_OPEN = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_BINARY", 0)
)


class DerivedFiles:
    """One folder of derived files, private to its user; a suffix (``.sqlite``) tells their form."""

    def __init__(self, folder: Path | Callable[[], Path]) -> None:
        self._folder = folder

    @property
    def folder(self) -> Path:
        """Where the files are; found out when first asked for."""
        if not isinstance(self._folder, Path):
            self._folder = self._folder()
        return self._folder

    def find(self, name: str, key: str, suffix: str) -> Path | None:
        """The file of this name that was made from what the key stands for, if it is whole."""
        start = f"{_stem(name, key)}."
        for path in self._files():
            if path.name.startswith(start) and path.suffix == suffix and _is_whole(path):
                _note_use(path)
                return path
        return None

    def made(self, name: str, key: str, suffix: str, make: Callable[[Path], None]) -> Path | None:
        """The file, made now by ``make(path)`` unless it is there; None where none can be kept.

        Of several processes one makes it. It appears by a rename, whole or not at all.
        """
        found = self.find(name, key, suffix)
        if found is not None:
            return found
        from filelock import FileLock, Timeout

        stem = _stem(name, key)
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with FileLock(self.folder / f"{stem}.lock", timeout=_WAIT):
                found = self.find(name, key, suffix)
                return found or self._make(stem, suffix, make)
        except (OSError, Timeout):
            return None

    def size(self) -> int:
        """The bytes of all files."""
        return sum(_state(path).st_size for path in self._files())

    def clear(self) -> int:
        """Remove every file; how many bytes that gave back."""
        freed = 0
        for path in self._files():
            size = _state(path).st_size
            with suppress(OSError):
                path.unlink()
                freed += size
        self._sweep(0)
        return freed

    def _make(self, stem: str, suffix: str, make: Callable[[Path], None]) -> Path | None:
        from tempfile import TemporaryDirectory

        with TemporaryDirectory(dir=self.folder, prefix=_MAKING) as making:
            fresh = Path(making) / "fresh"
            make(fresh)
            fresh.chmod(0o600)
            digest = hashlib.sha256(fresh.read_bytes()).hexdigest()[:_HASH]
            path = self.folder / f"{stem}.{digest}{suffix}"
            for other in self._files():
                if other.name.startswith(f"{stem}."):
                    with suppress(OSError):
                        other.unlink()  # damaged, or it would have been found
            fresh.replace(path)
        self._prune(path)
        return path

    def _prune(self, newest: Path) -> None:
        """Remove what was not used for long, and what is too much."""
        by_use = sorted(self._files(), key=lambda path: _state(path).st_mtime, reverse=True)
        oldest, total = time.time() - KEPT_DAYS * _DAY, _state(newest).st_size
        for path in by_use:
            if path == newest:
                continue
            about = _state(path)
            total += about.st_size
            if about.st_mtime < oldest or total > MAX_BYTES:
                total -= about.st_size
                with suppress(OSError):
                    path.unlink()
        self._sweep(time.time() - _DAY)

    def _sweep(self, before: float) -> None:
        """Remove locks without a file, and what a killed process was making."""
        stems = {path.name.rsplit(".", 2)[0] for path in self._files()}
        for path in self._entries():
            alone = path.suffix == ".lock" and path.stem not in stems
            if not (alone or path.name.startswith(_MAKING)):
                continue
            if before and _state(path).st_mtime > before:
                continue
            with suppress(OSError):
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()

    def _files(self) -> list[Path]:
        return [path for path in self._entries() if _NAME.fullmatch(path.name)]

    def _entries(self) -> list[Path]:
        try:
            with os.scandir(self.folder) as entries:
                return sorted(Path(entry.path) for entry in entries)
        except OSError:
            return []


def program(*folders: Path) -> str:
    """A key of the program itself: its version, and its source files by name, size and time."""
    from fhirkit import __version__

    return hashlib.sha256("\n".join((__version__, *_sources(folders))).encode()).hexdigest()


def _sources(folders: tuple[Path, ...]) -> Iterator[str]:
    for folder in folders:
        for path in sorted(folder.glob("*.py")):
            about = path.stat()
            yield f"{path.name}\0{about.st_size}\0{about.st_mtime_ns}"


def _stem(name: str, key: str) -> str:
    """The beginning of the file's name. A name may come from a stranger's package."""
    return f"{_SPECIAL.sub('_', name)[:80].strip('.')}-{key[:_HASH]}"


def _is_whole(path: Path) -> bool:
    """Whether a file is the user's own and has the content that its name promises."""
    try:
        handle = os.open(path, _OPEN)
    except OSError:
        return False
    try:
        if not _is_ours(os.fstat(handle)):
            return False
        with os.fdopen(handle, "rb", closefd=False) as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()[:_HASH]
    except OSError:
        return False
    finally:
        os.close(handle)
    return path.stem.endswith(f".{digest}")


def _is_ours(about: os.stat_result) -> bool:
    """Whether nobody but this user (and the administrator) can have written a file."""
    if not stat.S_ISREG(about.st_mode):
        return False
    if not hasattr(os, "geteuid"):
        return True
    return about.st_uid in (0, os.geteuid()) and not about.st_mode & 0o022


def _note_use(path: Path) -> None:
    """Keep the day of the last use, by which old files are found."""
    with suppress(OSError):
        if time.time() - path.stat().st_mtime > _DAY:
            os.utime(path)


def _state(path: Path) -> os.stat_result:
    """The state of a file; all zero when it has just gone."""
    try:
        return path.lstat()
    except OSError:
        return os.stat_result([0] * 10)
