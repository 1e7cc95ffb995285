"""Which files git says have changed; and waiting until some file on disk does."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from fhirkit.core.errors import UsageError

#: Seconds between two looks at the files.
_PAUSE = 0.3


def changed_since(revision: str) -> frozenset[Path]:
    """The files that differ from a git revision, and those git does not know yet.

    ``UsageError`` outside a repository, or when git has no such revision.
    """
    top = Path(_git("rev-parse", "--show-toplevel").decode().rstrip("\n"))
    if revision.startswith("-"):
        # git would take it for an option; not all versions can be told otherwise.
        raise UsageError(f"--changed: {revision!r} is no revision")
    _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    listed = _git("diff", "--name-only", "-z", "--diff-filter=d", "--no-relative",
                  "--end-of-options", revision, "--")  # fmt: skip
    listed += _git("ls-files", "--others", "--exclude-standard", "-z", "--full-name", ":/")
    return frozenset((top / name).resolve() for name in listed.decode().split("\0") if name)


def only_changed(names: Iterable[str], revision: str) -> list[str]:
    """Those of the names that differ from a git revision."""
    changed = changed_since(revision)
    return [name for name in names if Path(name).resolve() in changed]


def _git(*arguments: str) -> bytes:
    program = shutil.which("git")
    if program is None:
        raise UsageError("--changed asks git, which is not on PATH")
    done = subprocess.run([program, *arguments], capture_output=True, check=False)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        reason = said[0] if said else f"there is no revision {arguments[-1].split('^')[0]!r}"
        raise UsageError(
            f"--changed: {reason}", advice="run it in a git repository, with a revision it has"
        )
    return done.stdout


def when_changed(names: Callable[[], Iterable[str]]) -> Iterator[list[str]]:
    """The names at first, then those of them that changed or came, each time there are some."""
    seen: dict[str, tuple[int, int] | None] = {}
    while True:
        now = {name: _state(name) for name in names()}
        changed = [name for name, state in now.items() if seen.get(name) != state]
        if changed:
            yield changed
        seen = now
        time.sleep(_PAUSE)


def _state(name: str) -> tuple[int, int] | None:
    try:
        state = Path(name).stat()
    except OSError:
        return None
    return state.st_mtime_ns, state.st_size
