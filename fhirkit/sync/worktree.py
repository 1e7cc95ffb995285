"""The working tree: one resource a file, ``Type/id.json``, in a folder with ``.fhirkit`` in it.

The user's files: nothing is overwritten or removed that was not read just before, and what goes
away goes to ``.fhirkit/trash``. A file that cannot be used becomes an issue and is held back;
the others go on. Symbolic links are not followed, and no name leads out of the folder.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fhirkit.core.errors import Conflict, FhirkitError, InvalidInput, UsageError
from fhirkit.core.files import read_bytes, sync_folder, write_atomic
from fhirkit.core.issues import Issue, Severity
from fhirkit.core.jsonio import dump_bytes, loads
from fhirkit.core.resource import ResourceKey, content_hash
from fhirkit.sync.entry import Entry, tree_form
from fhirkit.sync.filecache import FileCache, NoCache, looks

STATE = ".fhirkit"
_TYPE = re.compile(r"[A-Z][A-Za-z]{1,63}")
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_LARGEST = 256 * 1024 * 1024


class Contents(Mapping[ResourceKey, dict[str, Any]]):
    """Resources by key, each read when it is asked for: a tree may be larger than the memory."""

    def __init__(
        self, keys: Collection[ResourceKey], load: Callable[[ResourceKey], dict[str, Any]]
    ) -> None:
        self._keys = keys
        self._load = load

    def __getitem__(self, key: ResourceKey) -> dict[str, Any]:
        """The resource; ``KeyError`` for one that is not there."""
        if key not in self._keys:
            raise KeyError(key)
        return self._load(key)

    def __contains__(self, key: object) -> bool:
        """Whether it is there, without reading it."""
        return key in self._keys

    def __iter__(self) -> Iterator[ResourceKey]:
        """All keys."""
        return iter(self._keys)

    def __len__(self) -> int:
        """How many."""
        return len(self._keys)


def is_id(text: str) -> bool:
    """Whether this is a logical id that a file and an address can have: of dots alone none can."""
    return _ID.fullmatch(text) is not None and text not in (".", "..")


@dataclass(slots=True)
class Scan:
    """What the files hold. ``held`` are keys whose file is there and cannot be used."""

    resources: Mapping[ResourceKey, dict[str, Any]]
    entries: dict[ResourceKey, Entry] = field(default_factory=dict)
    held: set[ResourceKey] = field(default_factory=set)
    issues: list[Issue] = field(default_factory=list)

    @classmethod
    def of(cls, resources: Mapping[ResourceKey, dict[str, Any]]) -> Scan:
        """A scan of resources that come from elsewhere than from files."""
        return cls(resources, {key: Entry.of(one) for key, one in resources.items()})


class WorkingTree:
    """A folder of resources and its ``.fhirkit`` state folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.state = root / STATE
        self._trash: Path | None = None

    @classmethod
    def find(cls, start: Path) -> WorkingTree:
        """The tree that ``start`` lies in."""
        start = start.absolute()
        for folder in (start, *start.parents):
            if (folder / STATE).is_dir():
                return cls(folder)
        raise UsageError(
            f"{start}: not in a working tree", advice="fhirkit init makes one in this folder"
        )

    @classmethod
    def init(cls, root: Path) -> tuple[WorkingTree, bool]:
        """Make the folder a working tree; the second value is False when it was one already."""
        tree = cls(root.absolute())
        if tree.state.is_dir():
            return tree, False
        try:
            tree.root.mkdir(parents=True, exist_ok=True)
            tree.state.mkdir(mode=0o700)
        except OSError as problem:
            raise UsageError(
                f"{tree.state}: cannot be made a folder ({problem.strerror})"
            ) from None
        # The state holds records, so a version control system is kept from taking it up.
        write_atomic(tree.state / ".gitignore", b"*\n")
        write_atomic(tree.state / "config.toml", b"")
        return tree, True

    @property
    def config(self) -> Path:
        """The file with the remotes."""
        return self.state / "config.toml"

    @property
    def database(self) -> Path:
        """The file with the base."""
        return self.state / "state.db"

    def path(self, key: ResourceKey) -> Path:
        """The file of a resource; ``InvalidInput`` for a key that FHIR does not allow."""
        if _TYPE.fullmatch(key.type) is None or not is_id(key.id):
            raise InvalidInput("a resource's type or id is not one that FHIR allows")
        return self.root / key.type / f"{key.id}.json"

    def scan(self, cache: FileCache | None = None) -> Scan:
        """Look at every resource file, read what is new; what cannot be used becomes an issue."""
        entries: dict[ResourceKey, Entry] = {}
        scan = Scan(Contents(entries, lambda key: self._load_as(entries[key])), entries)
        cache = cache or NoCache()
        for folder in _listed(self.root):
            if _TYPE.fullmatch(folder.name) is None:
                continue
            if folder.is_symlink():
                scan.issues.append(_issue("tree-symlink", "symbolic link, not followed", folder))
            elif folder.is_dir():
                self._scan_type(folder, scan, cache)
        return scan

    def _scan_type(self, folder: os.DirEntry[str], scan: Scan, cache: FileCache) -> None:
        kind = sys.intern(folder.name)
        known, entries = cache.known(kind), scan.entries
        names: dict[str, str] = {}
        for file in _listed(Path(folder.path)):
            name = file.name
            if not name.endswith(".json"):
                continue
            key = ResourceKey(kind, name[:-5])
            twin = names.setdefault(name.casefold(), name)
            if twin != name:
                message = f"differs from {twin} in upper and lower case only"
                scan.issues.append(_issue("tree-case-clash", message, file, Severity.WARNING))
            before = _status(file)
            held = known.get(name)
            if held is not None and before is not None and held[0] == looks(before):
                entries[key] = Entry(key, held[1])  # only plain files are remembered
                continue
            resource, issues = _load(key, file)
            scan.issues.extend(issues)
            if resource is None:
                scan.held.update((key, *_claimed(file)))
                continue
            digest = content_hash(resource)
            entries[key] = Entry(key, digest)
            if before is not None and not issues:
                cache.learn(f"{kind}/{name}", before, digest)

    def _load_as(self, entry: Entry) -> dict[str, Any]:
        """The resource that a scan saw; ``Conflict`` when its file was changed since."""
        path = self.path(entry.key)
        try:
            resource: dict[str, Any] = loads(read_bytes(path))
            same = content_hash(resource) == entry.hash
        except (FhirkitError, AttributeError):
            same = False
        if not same:
            raise Conflict(
                f"{path}: was changed while fhirkit was at work", advice="run the command again"
            )
        return resource

    def current(self, key: ResourceKey) -> Entry | None:
        """The entry of a resource's file as it is at this moment; None when there is none."""
        path = self.path(key)
        try:
            mode = path.lstat().st_mode
        except OSError:
            return None
        if not stat.S_ISREG(mode) or path.parent.is_symlink():
            raise Conflict(f"{path}: is not a plain file, so it is left alone")
        try:
            return Entry.of(loads(read_bytes(path)))
        except (InvalidInput, KeyError, TypeError, AttributeError):
            raise Conflict(f"{path}: cannot be read as a resource, so it is left alone") from None

    def write(self, resource: dict[str, Any], *, expected: Entry | None) -> dict[str, Any]:
        """Put a resource into its file, which must still be as ``expected``; returns its form.

        ``Conflict`` when somebody changed the file meanwhile.
        """
        key = ResourceKey.of(resource)
        form = tree_form(resource)
        path = self._unchanged(key, expected)
        if expected is not None:
            self._to_trash(path, key, move=False)
        elif path.parent.is_dir() and path.exists():
            raise Conflict(f"{path}: the file system takes it for another file's name")
        write_atomic(path, dump_bytes(form))
        return form

    def discard(self, key: ResourceKey, *, expected: Entry | None) -> None:
        """Move a resource's file, which must still be as ``expected``, to the trash."""
        path = self._unchanged(key, expected)
        if expected is not None:
            self._to_trash(path, key, move=True)

    def _unchanged(self, key: ResourceKey, expected: Entry | None) -> Path:
        path = self.path(key)
        if path.parent.is_symlink():
            raise Conflict(f"{path.parent}: is a symbolic link, so nothing is written through it")
        now = self.current(key)
        if (now.hash if now else None) != (expected.hash if expected else None):
            raise Conflict(
                f"{path}: was changed while fhirkit was at work", advice="run the command again"
            )
        return path

    def _to_trash(self, path: Path, key: ResourceKey, *, move: bool) -> None:
        if self._trash is None:
            moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
            self._trash = self.state / "trash" / moment
        target = self._trash / key.type / path.name
        write_atomic(target, read_bytes(path))
        if move:
            try:
                path.unlink()
            except OSError as problem:
                raise FhirkitError(f"{path}: cannot be removed ({problem.strerror})") from None
            sync_folder(path.parent)


def _listed(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return sorted(found, key=lambda entry: entry.name)
    except OSError as problem:
        raise FhirkitError(f"{folder}: cannot be listed ({problem.strerror})") from None


def _status(file: os.DirEntry[str]) -> os.stat_result | None:
    try:
        return file.stat(follow_symlinks=False)
    except OSError:
        return None


def _load(
    key: ResourceKey, file: os.DirEntry[str]
) -> tuple[dict[str, Any] | None, tuple[Issue, ...]]:
    """The resource in a file, or the issues that keep it from being used."""
    if file.is_symlink():
        return None, (_issue("tree-symlink", "symbolic link, not followed", file),)
    if not file.is_file(follow_symlinks=False):
        return None, (_issue("tree-file", "not a plain file", file),)
    if not is_id(key.id):
        message = "the file's name is not a logical id (letters, digits, - and ., up to 64)"
        return None, (_issue("tree-id", message, file),)
    if file.stat().st_size > _LARGEST:
        return None, (_issue("tree-file", "larger than 256 MiB", file),)
    try:
        resource = loads(read_bytes(Path(file.path)), file=file.path)
    except InvalidInput as problem:
        return None, problem.issues
    except UsageError as problem:
        return None, (_issue("tree-file", problem.message, file),)
    if not isinstance(resource, dict):
        return None, (_issue("tree-file", "not a resource: expected a JSON object", file),)
    for name, expected in (("resourceType", key.type), ("id", key.id)):
        if resource.get(name) != expected:
            message = f"{name} is not {expected}, which the file's place says"
            return None, (_issue("tree-place", message, file),)
    return resource, ()


def _claimed(file: os.DirEntry[str]) -> Iterator[ResourceKey]:
    """The key that a misplaced file's content names: it is still here, so not deleted here."""
    try:
        if file.is_file(follow_symlinks=False) and file.stat().st_size <= _LARGEST:
            key = ResourceKey.of(loads(read_bytes(Path(file.path))))
            if isinstance(key.type, str) and isinstance(key.id, str):
                yield key
    except (InvalidInput, UsageError, KeyError, TypeError, OSError):
        return


def _issue(
    rule: str, message: str, file: os.DirEntry[str], severity: Severity = Severity.ERROR
) -> Issue:
    return Issue(severity, rule, message, issue_type="structure", file=file.path)
