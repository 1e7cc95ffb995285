"""What every row of the hardening list expects: an answer, soon, in bounded memory, by its code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

#: Peak memory of a process that reads a text: so many times its length, and a start.
TIMES, START = 10, 100_000_000
#: A guard against hanging, not a measure of speed: seconds.
GUARD = 120

_MEASURED = """
import sys
from fhirkit.cli.main import main
try:
    main(sys.argv[1:])
finally:
    # Not ru_maxrss: that begins with what the starting process had.
    with open("/proc/self/status") as status:
        peak = next(line.split()[1] for line in status if line.startswith("VmHWM"))
    print("PEAK", int(peak) * 1024, file=sys.stderr)
"""


class Answer(NamedTuple):
    """What `fhirkit validate` said: exit code, issues by file name, peak memory in bytes."""

    code: int
    issues: dict[str, list[dict[str, Any]]]
    peak: int
    text: str

    def rules(self, name: str) -> set[str]:
        """The rules of the errors in a file."""
        errors = ("error", "fatal")
        return {one["rule"] for one in self.issues[name] if one["severity"] in errors}


def validate(folder: Path, *arguments: str) -> Answer:
    """`fhirkit validate` on the files of a folder, in a process of its own."""
    command = [sys.executable, "-c", _MEASURED, "validate", "--json", *arguments, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=GUARD, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    peak = int(done.stderr.rpartition("PEAK ")[2].split()[0])
    issues: dict[str, list[dict[str, Any]]] = {}
    for one in results(done.stdout):
        issues.setdefault(Path(one["file"]).name, []).append(one)
    return Answer(done.returncode, issues, peak, done.stdout)


def results(text: str) -> list[dict[str, Any]]:
    """The issues in what `--json` prints."""
    found: list[dict[str, Any]] = []
    pending: list[Any] = [json.loads(text)]
    while pending:
        part = pending.pop(0)
        if isinstance(part, list):
            pending.extend(part)
        elif isinstance(part, dict) and "rule" in part:
            found.append(part)
        elif isinstance(part, dict):
            pending.extend(part.values())
    return found
