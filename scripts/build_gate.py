"""Compile fhirkit/validate/gate/gate.rs and its modules, where a Rust compiler is at hand.

Called by the build hook for every wheel, editable installs included, and by hand:
``python scripts/build_gate.py [--force]``. It does nothing when the library is newer than its
sources. Without ``rustc`` (or RUSTC) fhirkit works all the same, in Python alone and more slowly.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "fhirkit/validate/gate/gate.rs"
SUFFIXES = {"darwin": ".dylib", "win32": ".dll"}
LIBRARY = SOURCE.with_name(f"_gate{SUFFIXES.get(sys.platform, '.so')}")
OPTIONS = ("--edition=2021", "-Copt-level=3", "-Ccodegen-units=1", "-Cstrip=symbols")


def build(*, force: bool = False) -> Path | None:
    """Make the library unless it is up to date; its path, or None where it cannot be made."""
    newest = max(source.stat().st_mtime for source in SOURCE.parent.glob("*.rs"))
    if not force and LIBRARY.is_file() and LIBRARY.stat().st_mtime >= newest:
        return LIBRARY
    compiler = shutil.which(os.environ.get("RUSTC", "rustc"))
    # What is there was made of another source: a failure must not leave it in use.
    LIBRARY.unlink(missing_ok=True)
    if compiler is None:
        return None
    with tempfile.TemporaryDirectory(dir=SOURCE.parent) as folder:
        made = Path(folder) / LIBRARY.name
        command = [compiler, *OPTIONS, "--crate-type=cdylib", "-o", str(made), str(SOURCE)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode != 0 or not made.is_file():
            print(f"gate.rs was not compiled: {done.stderr.strip()[-500:]}", file=sys.stderr)
            return None
        made.replace(LIBRARY)
    return LIBRARY


def main() -> int:
    """Build by hand; say what came of it."""
    path = build(force="--force" in sys.argv[1:])
    if path is None:
        print(
            "no library: put rustc on the PATH (or set RUSTC) for quicker checks", file=sys.stderr
        )
        return 1
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1e3:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
