"""Which files git says have changed; and waiting until some file on disk does."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from fhirkit.core.errors import UsageError

#: Seconds between two looks at the files.
_PAUSE = 0.3


def changed_since(revision: str) -> frozenset[Path]:
    """The files that changed since a git revision was left, and those git does not know yet.

    What others have added to the revision's branch since then is not counted: that is how a pull
    request is seen. ``UsageError`` outside a repository, or when git has no such revision.
    """
    top = Path(os.fsdecode(_git("rev-parse", "--show-toplevel")).rstrip("\n"))
    _check_revision(revision)
    try:
        base = _git("merge-base", revision, "HEAD").decode().strip()
    except UsageError:  # no common history, or the clone is too shallow to see it
        base = revision
    listed = _git("diff", "--name-only", "-z", "--diff-filter=d", "--no-relative",
                  "--end-of-options", base, "--")  # fmt: skip
    listed += _git("ls-files", "--others", "--exclude-standard", "-z", "--full-name", ":/")
    names = (os.fsdecode(name) for name in listed.split(b"\0") if name)
    return frozenset((top / name).resolve() for name in names)


def _check_revision(revision: str) -> None:
    if revision.startswith("-"):
        # git would take it for an option; not all versions can be told otherwise.
        raise UsageError(f"--changed: {revision!r} is no revision")
    try:
        _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    except UsageError:
        advice = "name a commit, branch or tag that this repository has"
        if Path(revision).exists():
            advice = f"{revision} is a path; put it before --changed, or a revision between them"
        elif _git("rev-parse", "--is-shallow-repository").strip() == b"true":
            advice = (
                "this clone is shallow and may not have it: git fetch --unshallow"
                " (GitHub: `fetch-depth: 0` of actions/checkout)"
            )
        raise UsageError(f"--changed: there is no revision {revision!r}", advice=advice) from None


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
        reason = said[0] if said else f"git {arguments[0]} failed"
        raise UsageError(f"--changed: {reason}", advice="run it in a git repository")
    return done.stdout


def when_changed(look: Callable[[], tuple[Iterable[str], object]]) -> Iterator[list[str]]:
    """The names at first, then those of them that changed or came, each time there are some.

    ``look`` gives the names, and what they are checked by: where that has changed, all have.
    """
    seen: dict[str, tuple[int, int] | None] = {}
    last: object = None
    while True:
        names, by = look()
        now = {name: _state(name) for name in names}
        changed = [name for name, state in now.items() if by != last or seen.get(name) != state]
        if changed:
            yield changed
        seen, last = now, by
        time.sleep(_PAUSE)


def _state(name: str) -> tuple[int, int] | None:
    try:
        state = Path(name).stat()
    except OSError:
        return None
    return state.st_mtime_ns, state.st_size
