"""Java and Maven on this machine: where they are, and whether they will do."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fhirkit.core.errors import UsageError

#: HAPI FHIR 8 is compiled for this release.
OLDEST_JAVA = 17

JAVA_ADVICE = (
    f"install a JDK {OLDEST_JAVA} or newer (Debian, Ubuntu: apt install openjdk-17-jdk-headless; "
    "macOS: brew install openjdk), or let JAVA_HOME point to one"
)
MAVEN_ADVICE = (
    "install Apache Maven (Debian, Ubuntu: apt install maven; macOS: brew install maven); "
    "it is needed once, to fetch the server"
)

_SETTING = re.compile(r"^\s*java\.(home|specification\.version) = (.+?)\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Java:
    """A Java that runs: its program, its home and its major release."""

    program: Path
    home: Path
    release: int

    @property
    def has_compiler(self) -> bool:
        """Whether it is a JDK; a JRE runs the server but cannot compile its sources."""
        return (self.home / "bin/javac").exists()


def find_java(environment: Mapping[str, str] | None) -> Java:
    """The Java of JAVA_HOME, or else of PATH, whichever is recent enough first."""
    candidates = []
    if environment and environment.get("JAVA_HOME"):
        candidates.append(Path(environment["JAVA_HOME"]) / "bin/java")
    on_path = shutil.which("java", path=_search_path(environment))
    if on_path:
        candidates.append(Path(on_path))

    too_old = None
    for program in candidates:
        java = _ask(program)
        if java is not None and java.release >= OLDEST_JAVA:
            return java
        too_old = too_old or java
    if too_old is not None:
        raise UsageError(
            f"{too_old.program} is Java {too_old.release}, "
            f"but a HAPI FHIR server needs Java {OLDEST_JAVA} or newer",
            advice=JAVA_ADVICE,
        )
    where = f" (tried {', '.join(map(str, candidates))})" if candidates else ""
    raise UsageError(f"no Java that runs was found{where}", advice=JAVA_ADVICE)


def find_maven(environment: Mapping[str, str] | None) -> Path:
    """The ``mvn`` of PATH."""
    found = shutil.which("mvn", path=_search_path(environment))
    if found is None:
        raise UsageError("Maven (mvn) was not found on PATH", advice=MAVEN_ADVICE)
    return Path(found)


def require_compiler(java: Java) -> None:
    """Refuse a Java that lacks ``javac``, before Maven says it less clearly."""
    if not java.has_compiler:
        raise UsageError(
            f"{java.home} is a Java runtime without a compiler (javac), "
            "which is needed once, to build the server",
            advice=JAVA_ADVICE,
        )


def _search_path(environment: Mapping[str, str] | None) -> str | None:
    return None if environment is None else environment.get("PATH", "")


def _ask(program: Path) -> Java | None:
    """What the program says of itself; None when it is not there or doesn't run."""
    try:
        answer = subprocess.run(
            [program, "-XshowSettings:properties", "-version"],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=60,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    settings = dict(_SETTING.findall(answer.stderr + answer.stdout))
    # "1.8" was the way to say 8 until Java 9.
    release = settings.get("specification.version", "").removeprefix("1.")
    if answer.returncode != 0 or not release.isdigit() or "home" not in settings:
        return None
    return Java(program, Path(settings["home"]), int(release))
