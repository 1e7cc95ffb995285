"""The server's jars: fetched and compiled by Maven once, kept in the user's cache folder.

``<cache>/<hash of our sources>/`` holds the compiled jar and ``manifest.json``, the class path into
Maven's own repository. It is made under another name and renamed, under a lock, so that nobody
ever sees half of it; before each use it is compared with what is on disk.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from filelock import FileLock, Timeout

from fhirkit.core.errors import Blocked, FhirkitError, InvalidInput, Unreachable, UsageError
from fhirkit.core.files import read_bytes, write_atomic
from fhirkit.core.jsonio import dump_bytes, loads
from fhirkit.server import processes
from fhirkit.server.progress import Progress
from fhirkit.server.tools import Java, find_maven, require_compiler

MAVEN_DEADLINE = 1800.0
_JAR = "fhirkit-hapi.jar"
_MANIFEST = "manifest.json"
_POLL = 0.2


@dataclass(frozen=True, slots=True)
class Artefacts:
    """A server that is ready to run: its class path, our own jar first."""

    class_path: tuple[Path, ...]


def ensure(
    java: Java,
    *,
    cache: Path | None,
    log: Path,
    environment: Mapping[str, str] | None,
    progress: Progress,
) -> Artefacts:
    """The jars, from the cache or made now; only one process makes them at a time."""
    sources = dict(_sources(files("fhirkit.server") / "hapi"))
    folder = _cache(cache) / _digest(sources)
    found = _prepared(folder)
    if found is not None:
        return found
    require_compiler(java)
    maven = find_maven(environment)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder.with_suffix(".lock"))
        progress.phase("preparing the server (once; downloads about 300 MB)")
        with lock.acquire(timeout=MAVEN_DEADLINE):
            found = _prepared(folder)  # perhaps another start made it while we waited
            return found or _make(folder, sources, java, maven, log, environment, progress)
    except Timeout:
        raise Blocked(
            "another start has been preparing the server for half an hour",
            advice=f"end it, or remove {folder.with_suffix('.lock')} if there is none",
        ) from None
    except OSError as problem:
        raise FhirkitError(
            f"{folder}: the server cannot be kept there ({problem.strerror})",
            advice="free some space, or make that folder writable",
        ) from None


def _make(
    folder: Path,
    sources: dict[str, bytes],
    java: Java,
    maven: Path,
    log: Path,
    environment: Mapping[str, str] | None,
    progress: Progress,
) -> Artefacts:
    # We hold the lock: an unfinished folder belongs to a run that was killed.
    for leftover in folder.parent.glob(f".{folder.name}.*"):
        shutil.rmtree(leftover, ignore_errors=True)
    work = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        for name, content in sources.items():
            path = work / "build" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        listing = work / "class-path.txt"
        command = [str(maven), "-B", "-Dstyle.color=never", f"-Dmdep.outputFile={listing}"]
        command += ["package", "dependency:build-classpath"]
        if environment is not None:
            environment = {**environment, "JAVA_HOME": str(java.home)}
        _run_maven(command, work / "build", log, environment, progress)
        _finish(work, listing, log)
        if folder.exists():  # it was there and did not hold what its manifest says
            shutil.rmtree(folder)
        work.rename(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    made = _prepared(folder)
    if made is None:
        raise FhirkitError(f"{folder}: changed while it was being made", advice="start again")
    return made


def _run_maven(
    command: list[str],
    folder: Path,
    log: Path,
    environment: Mapping[str, str] | None,
    progress: Progress,
) -> None:
    """Run Maven with its talk in the log; whatever ends this function ends Maven."""
    process = processes.launch(command, log=log, folder=folder, environment=environment)
    deadline = time.monotonic() + MAVEN_DEADLINE
    fetched = 0
    try:
        with log.open("rb") as told:
            while process.poll() is None and time.monotonic() < deadline:
                fetched += told.read().count(b"Downloaded from ")
                progress.detail(f"{fetched} files downloaded")
                time.sleep(_POLL)
        code = process.poll()
    finally:
        # The listing argument names a temporary folder of ours: nobody else's command has it.
        processes.end(process.pid, command[3], grace=2)
    if code != 0:
        how = "took over half an hour" if code is None else f"ended with code {code}"
        raise Unreachable(
            f"Maven could not build the server: it {how}; its log {log} ends with:\n"
            + processes.why(log),
            sent=False,
            advice="check the network and Maven's settings, then start again",
        )


def _finish(work: Path, listing: Path, log: Path) -> None:
    """Keep the jar and write the manifest; the rest of the build goes away."""
    try:
        jar = (work / "build/target" / _JAR).read_bytes()
        (work / _JAR).write_bytes(jar)
        # Maven separates the entries as this system's class paths do.
        jars = [Path(name) for name in listing.read_text("utf-8").strip().split(":") if name]
        sizes = {str(path): path.stat().st_size for path in jars}
    except FileNotFoundError as problem:
        raise FhirkitError(
            f"Maven ended well but left no {problem.filename}", advice=f"see its log {log}"
        ) from None
    shutil.rmtree(work / "build")
    listing.unlink()
    manifest = {"jar": hashlib.sha256(jar).hexdigest(), "class_path": sizes}
    write_atomic(work / _MANIFEST, dump_bytes(manifest))


def _prepared(folder: Path) -> Artefacts | None:
    """What the folder holds, if every file is there as it was when the manifest was written."""
    try:
        manifest = loads(read_bytes(folder / _MANIFEST))
        sizes: dict[str, int] = manifest["class_path"]
        if hashlib.sha256(read_bytes(folder / _JAR)).hexdigest() != manifest["jar"]:
            return None
        if any(Path(name).stat().st_size != size for name, size in sizes.items()):
            return None
        return Artefacts((folder / _JAR, *map(Path, sizes)))
    except (OSError, UsageError, InvalidInput, KeyError, TypeError, AttributeError):
        return None


def _sources(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, bytes]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            if entry.name not in {"target", "__pycache__"}:
                yield from _sources(entry, f"{prefix}{entry.name}/")
        else:
            yield prefix + entry.name, entry.read_bytes()


def _digest(sources: dict[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, content in sources.items():
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:16]


def _cache(cache: Path | None) -> Path:
    if cache is not None:
        return cache
    from platformdirs import user_cache_path

    return user_cache_path("fhirkit", appauthor=False) / "hapi"
