"""Processes of their own session: launched, recognised again later, ended with all they started."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from fhirkit.core.errors import FhirkitError

# Our own children, kept so that they are reaped; another run's servers are not in it.
_CHILDREN: dict[int, subprocess.Popen[bytes]] = {}
_POLL = 0.05


def launch(
    command: list[str], *, log: Path, folder: Path, environment: Mapping[str, str] | None
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own, talking into ``log``; its files are private."""
    with private_log(log) as out:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=None if environment is None else dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            umask=0o077,
        )
    _CHILDREN[process.pid] = process
    return process


@contextmanager
def private_log(log: Path) -> Iterator[int]:
    """A descriptor that appends to ``log``, which only its owner may read."""
    try:
        log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError as problem:
        raise FhirkitError(f"{log}: cannot be written ({problem.strerror})") from None
    try:
        yield handle
    finally:
        os.close(handle)


def is_alive(pid: int, token: str) -> bool:
    """Whether this process runs and carries the token: a pid alone may be another's by now."""
    return bool(token) and token in (command_line(pid) or "")


def command_line(pid: int) -> str | None:
    """The command line of a running process; None when there is none, or it is a zombie."""
    child = _CHILDREN.get(pid)
    if child is not None and child.poll() is not None:
        return None
    if Path("/proc/self/cmdline").exists():
        try:
            raw = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return None
        return raw.replace(b"\0", b" ").decode(errors="replace") or None
    # POSIX has ps in /bin; macOS, too.
    listed = subprocess.run(
        ["/bin/ps", "-ww", "-o", "args=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
    )
    return listed.stdout.strip() or None


def is_child(pid: int) -> bool:
    """Whether this process launched that one."""
    return pid in _CHILDREN


def exit_code(pid: int) -> int | None:
    """How our own child ended; None when it runs or is not ours."""
    child = _CHILDREN.get(pid)
    return None if child is None else child.poll()


def end(pid: int, token: str, *, grace: float) -> bool:
    """Ask the process and its group to stop, then make them; True when it had to be forced."""
    if not is_alive(pid, token):
        return False
    try:
        _signal_group(pid, signal.SIGTERM)
        if _gone_within(pid, token, grace):
            return False
    finally:
        # Also when the wait is interrupted: nothing may be left behind.
        if is_alive(pid, token):
            _signal_group(pid, signal.SIGKILL)
    if not _gone_within(pid, token, 10):
        raise FhirkitError(f"process {pid} does not end, although it was killed")
    return True


def _signal_group(pid: int, number: int) -> None:
    try:
        # The process leads a session, so its group has its own pid as number.
        with suppress(ProcessLookupError):
            os.killpg(pid, number)
    except PermissionError:
        raise FhirkitError(f"process {pid} belongs to somebody else, so it stays") from None


def _gone_within(pid: int, token: str, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while is_alive(pid, token):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL)
    child = _CHILDREN.get(pid)
    if child is not None:
        # Its command line is gone a moment before it can be waited for.
        with suppress(subprocess.TimeoutExpired):
            child.wait(timeout=10)
    return True


def why(log: Path, *, lines: int = 5) -> str:
    """The end of a log for an error message: its last cause, if it names one, and last lines."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")[-200_000:]
    except OSError:
        return "(the log cannot be read)"
    told = [line[:300] for line in text.splitlines() if line.strip()]
    causes = [line for line in told if line.startswith("Caused by:") or "[ERROR]" in line][-1:]
    shown = causes + [line for line in told[-lines:] if line not in causes]
    return "\n".join(f"    {line}" for line in shown) or "    (nothing)"
