"""Start a server until it answers, or leave nothing behind; stop it; wait for its end."""

from __future__ import annotations

import os
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from fhirkit.core.errors import Blocked, FhirkitError, Unreachable, UsageError
from fhirkit.server import artefacts, processes
from fhirkit.server.instances import HOST, Instance, ServerInfo, find
from fhirkit.server.progress import Progress
from fhirkit.server.tools import Java, find_java

DEFAULT_PORT = 8080
START_DEADLINE = 180.0
STOP_GRACE = 20.0

_MAIN = "fhirkit.hapi.Main"
_POLL = 0.1
# The exit code of our Main when somebody else has the port.
_PORT_TAKEN = 98
_JAVA_OPTIONS = [
    # The quick compiler only: a start costs a third, and requests to a local server are few.
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    "-Xmx1g",
    "-XX:+ExitOnOutOfMemoryError",
    # Java 17 takes the encoding of files from the locale, which may be C.
    "-Dfile.encoding=UTF-8",
]


@dataclass(frozen=True, slots=True)
class _Wish:
    """What a start was asked for; ``data`` is absolute, or None for a server in memory."""

    port: int
    data: Path | None
    attached: bool
    timeout: float
    home: Path | None
    cache: Path | None
    environment: Mapping[str, str] | None
    progress: Progress


def start(
    *,
    port: int = DEFAULT_PORT,
    data: Path | None = None,
    memory: bool = False,
    attached: bool = False,
    timeout: float = START_DEADLINE,
    home: Path | None = None,
    cache: Path | None = None,
    environment: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> ServerInfo:
    """Start the server on ``port`` (0: any free one) and return when it answers requests.

    ``data`` is the folder of its database, by default one a port in ``home`` (the user's data
    folder); with ``memory`` there is none. A server that already runs there is returned as it
    is. An ``attached`` server ends with this process; others live on. ``timeout`` bounds the
    start after the preparation. ``environment`` says where Java and Maven are (default: that of
    this process). However a start fails, no process of it is left.
    """
    if memory and data is not None:
        raise UsageError("a server in memory has no data folder", advice="give one of the two")
    if data is not None and port == 0:
        # The same data on whichever port: a server that has it open is the one that is meant.
        for info in find(home, data=data):
            port = info.port
    port = port or _free_port()
    instance = Instance.of(home, port)
    where = None if memory else (data or instance.default_data).resolve()
    progress = progress or Progress()
    wish = _Wish(port, where, attached, timeout, home, cache, environment, progress)
    with _only_start(instance, wish):
        running = instance.load()
        if running is None:
            return _start_new(instance, wish)
        if running.phase == "starting":
            # We hold the lock, so whoever started it was killed and it ends by itself at best.
            processes.end(running.pid, running.token, grace=2)
            instance.forget(running.token)
            return _start_new(instance, wish)
        if running.data != where and (memory or data is not None):
            raise Blocked(
                f"port {port} has a running server with {_described(running.data)}, "
                f"not {_described(where)}",
                advice=f"stop it first: fhirkit server stop --port {port}; or use another port",
            )
        progress.phase(f"already running on port {port}")
        return running


def stop(info: ServerInfo, *, home: Path | None = None, grace: float = STOP_GRACE) -> bool:
    """Stop a server, gently at first; True when it had to be forced. Gone already is fine."""
    forced = processes.end(info.pid, info.token, grace=grace)
    Instance.of(home, info.port).forget(info.token)
    return forced


def is_ours(info: ServerInfo) -> bool:
    """Whether this very process started the server, rather than found it running."""
    return processes.is_child(info.pid)


def wait(info: ServerInfo) -> int | None:
    """Return when the server has ended: its exit code, or None when it is not our child."""
    while processes.is_alive(info.pid, info.token):
        time.sleep(_POLL)
    return processes.exit_code(info.pid)


@contextmanager
def _only_start(instance: Instance, wish: _Wish) -> Iterator[None]:
    """Hold the lock of the port while starting."""
    lock = FileLock(instance.lock)
    try:
        instance.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            wish.progress.phase(f"another start on port {wish.port} is under way: waiting for it")
            lock.acquire(timeout=artefacts.MAVEN_DEADLINE + wish.timeout)
    except Timeout:
        raise Blocked(f"another start on port {wish.port} does not come to an end") from None
    except OSError as problem:
        raise UsageError(f"{instance.folder}: cannot be used ({problem.strerror})") from None
    try:
        yield
    finally:
        lock.release()


def _start_new(instance: Instance, wish: _Wish) -> ServerInfo:
    _require_port(wish.port)
    _require_data(wish)
    java = find_java(wish.environment)
    instance.turn_log()
    built = artefacts.ensure(
        java,
        cache=wish.cache,
        log=instance.log,
        environment=wish.environment,
        progress=wish.progress,
    )
    where = "in memory" if wish.data is None else f"data in {wish.data}"
    wish.progress.phase(f"starting HAPI FHIR on port {wish.port}, {where}")
    token = f"fhirkit-{uuid.uuid4().hex}"
    process = processes.launch(
        _command(java, built, instance, wish, token),
        log=instance.log,
        folder=instance.folder,
        environment=wish.environment,
    )
    info = ServerInfo(
        port=wish.port,
        pid=process.pid,
        token=token,
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        data=wish.data,
        log=instance.log,
        phase="starting",
    )
    try:
        instance.save(info)
        _until_ready(process, instance, info, wish)
    except BaseException:
        # An interrupt, too: a server that nobody knows of must not live on.
        processes.end(info.pid, token, grace=3)
        instance.forget(token)
        raise
    return replace(info, phase="running")


def _command(
    java: Java, built: artefacts.Artefacts, instance: Instance, wish: _Wish, token: str
) -> list[str]:
    return [
        str(java.program),
        f"-Dfhirkit.server={token}",
        *_JAVA_OPTIONS,
        "-cp",
        os.pathsep.join(map(str, built.class_path)),
        _MAIN,
        f"--port={wish.port}",
        f"--database={wish.data or ''}",
        f"--ready={instance.ready(token)}",
        f"--parent={os.getpid()}",
        f"--attached={str(wish.attached).lower()}",
    ]


def _until_ready(
    process: subprocess.Popen[bytes], instance: Instance, info: ServerInfo, wish: _Wish
) -> None:
    begin = time.monotonic()
    while not instance.ready(info.token).exists():
        passed = time.monotonic() - begin
        code = process.poll()
        if code == _PORT_TAKEN:
            raise _port_taken(wish.port)
        if code is not None:
            raise _not_started(info, f"Java ended with code {code}")
        if passed > wish.timeout:
            raise _not_started(info, f"it was not ready after {wish.timeout:g} s")
        wish.progress.detail(f"{passed:.0f} s")
        time.sleep(_POLL)
    wish.progress.phase(f"ready after {time.monotonic() - begin:.1f} s")


def _not_started(info: ServerInfo, how: str) -> FhirkitError:
    return Unreachable(
        f"the server on port {info.port} did not start: {how}; its log {info.log} ends with:\n"
        + processes.why(info.log),
        sent=False,
        advice="see the log; a slow machine may need a longer --timeout",
    )


def _port_taken(port: int) -> FhirkitError:
    return Blocked(
        f"port {port} on {HOST} is taken by another program",
        advice="choose another with --port, or --port 0 for any free one",
    )


def _require_port(port: int) -> None:
    with socket.socket() as probe:
        # As the server itself will: a port in the last wait of a closed connection is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen(1)
        except PermissionError:
            raise UsageError(
                f"port {port} may not be used by you", advice="choose one above 1023 with --port"
            ) from None
        except OverflowError:
            raise UsageError(f"{port} is not a port (0 to 65535)") from None
        except OSError:
            raise _port_taken(port) from None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _require_data(wish: _Wish) -> None:
    """Make the data folder, and refuse one that another server uses."""
    if wish.data is None:
        return
    if ";" in str(wish.data):
        raise UsageError(
            f"{wish.data}: the database cannot have ';' in its path", advice="choose another folder"
        )
    for other in find(wish.home, data=wish.data):
        raise Blocked(
            f"{wish.data} is in use by the server on port {other.port}",
            advice=f"use {other.url}, or stop it: fhirkit server stop --port {other.port}",
        )
    try:
        wish.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as problem:
        raise UsageError(f"{wish.data}: cannot be a data folder ({problem.strerror})") from None
    if not os.access(wish.data, os.R_OK | os.W_OK | os.X_OK):
        raise UsageError(f"{wish.data}: is not writable by you", advice="choose another folder")


def _described(data: Path | None) -> str:
    return "its data in memory" if data is None else f"its data in {data}"
