"""A package as a folder: plain files below it, read one by one; links and devices are refused."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from fhirkit.core.errors import UsageError
from fhirkit.definitions.manifest import refused
from fhirkit.definitions.package import MAX_MEMBER_BYTES, MAX_MEMBERS, MAX_TOTAL_BYTES

#: A list of the files of a package, and what they define.
LISTING = ".index.json"
_DEEPEST = 20
# A FIFO must not make us wait, and a link must not lead us elsewhere.
_OPEN = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_BINARY", 0)
)


def folder_entries(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file below a folder as (path, bytes), in order of name, as an archive would have it.

    The folder holds ``package/``, or is the ``package`` folder itself. Hidden files and folders
    of its top (``.git``) are left out, as no tool packs them.
    """
    if not (folder / "package").is_dir():
        if not (folder / "package.json").is_file():
            raise UsageError(
                f"{folder}: holds no package.json, so it is no FHIR package",
                advice="name the folder that has package/package.json, or package.json, in it",
            )
        yield from _below(folder, folder, "package/")
        return
    yield from _below(folder, folder, "")


def _below(root: Path, folder: Path, prefix: str) -> Iterator[tuple[str, bytes]]:
    count = total = 0
    waiting = [(folder, prefix, 0)]
    while waiting:
        here, prefix, depth = waiting.pop()
        with os.scandir(here) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
        inner: list[tuple[Path, str, int]] = []
        for entry in entries:
            if here == root and entry.name.startswith(".") and entry.name != LISTING:
                continue
            count += 1
            if count > MAX_MEMBERS:
                raise refused(str(root), f"it has more than {MAX_MEMBERS} files")
            if entry.is_dir(follow_symlinks=False):
                if depth == _DEEPEST:
                    raise refused(str(root), "its folders are nested too deeply")
                inner.append((here / entry.name, f"{prefix}{entry.name}/", depth + 1))
                continue
            data = read_regular(here / entry.name)
            total += len(data)
            if total > MAX_TOTAL_BYTES:
                raise refused(str(root), "it is larger than a package may be")
            yield f"{prefix}{entry.name}", data
        waiting.extend(reversed(inner))


def read_regular(path: Path) -> bytes:
    """The bytes of a regular file of a plausible size; anything else is ``InvalidInput``."""
    try:
        handle = os.open(path, _OPEN)
    except OSError as problem:
        raise refused(str(path), _why_not(path, problem)) from None
    with os.fdopen(handle, "rb") as file:
        about = os.fstat(file.fileno())
        if not stat.S_ISREG(about.st_mode):
            raise refused(str(path), "it is no regular file")
        data = file.read(MAX_MEMBER_BYTES + 1)
    if len(data) > MAX_MEMBER_BYTES:
        raise refused(str(path), "it is larger than a file of a package may be")
    return data


def _why_not(path: Path, problem: OSError) -> str:
    if path.is_symlink():
        return "it is a link"
    return f"it cannot be read ({problem.strerror})"


class FolderState(NamedTuple):
    """A key of the names, sizes, times and numbers of files, and when the last of them changed
    (nanoseconds since the epoch).
    """

    key: str
    changed: int


class NamedFiles(Mapping[str, bytes]):
    """Files of which the names are known, in ``_names``, and the contents read when asked for."""

    _names: Mapping[str, None]

    def _read(self, name: str) -> bytes:
        raise NotImplementedError

    def __getitem__(self, name: str) -> bytes:
        if name not in self._names:
            raise KeyError(name)
        return self._read(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __contains__(self, name: object) -> bool:
        return name in self._names


class FolderFiles(NamedFiles):
    """The JSON files of a ``package`` folder by name; listed once, read when asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with os.scandir(folder) as entries:
            self._names = dict.fromkeys(
                sorted(
                    entry.name
                    for entry in entries
                    if entry.name.endswith(".json")
                    and not entry.name.startswith(".")
                    and entry.name != "package.json"
                    and entry.is_file(follow_symlinks=False)
                )
            )

    @property
    def listing(self) -> bytes | None:
        """The ``.index.json`` that came with the files, or None."""
        path = self._folder / LISTING
        return read_regular(path) if path.is_file() else None

    def state(self) -> FolderState:
        """What changes when a file does, without reading it."""
        whole = hashlib.sha256()
        changed = 0
        for name in (LISTING, *self._names):
            try:
                about = (self._folder / name).lstat()
            except FileNotFoundError:
                continue
            changed = max(changed, about.st_mtime_ns, about.st_ctime_ns)
            times = f"{about.st_mtime_ns}\0{about.st_ctime_ns}\0{about.st_dev}\0{about.st_ino}"
            whole.update(f"{name}\0{about.st_size}\0{times}\n".encode("utf-8", "surrogateescape"))
        return FolderState(whole.hexdigest(), changed)

    def _read(self, name: str) -> bytes:
        return read_regular(self._folder / name)
