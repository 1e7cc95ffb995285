"""A made-up Java and Maven on PATH, whose behaviour a test chooses."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from fhirkit import server
from fhirkit.server import processes

JAVA = """
import os, signal, sys, time
from pathlib import Path
here = Path(__file__).parent
mode = (here / "java.mode").read_text()
if "-version" in sys.argv:
    release = (here / "java.release").read_text()
    if mode == "broken":
        sys.exit("Unable to locate a Java Runtime.")
    print(f"    java.home = {here.parent}", file=sys.stderr)
    print(f"    java.specification.version = {release}", file=sys.stderr)
    sys.exit()
print("fake java starts", flush=True)
options = dict(word[2:].split("=", 1) for word in sys.argv if word.startswith("--"))
if mode == "exit":
    print("Caused by: the reason, in words", flush=True)
    print("... 19 common frames omitted", flush=True)
    sys.exit(1)
if mode == "port":
    sys.exit(98)
if mode == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if mode in ("ready", "stubborn"):
    Path(options["ready"]).write_text("yes")
time.sleep(300)
"""

MAVEN = """
import sys, time
from pathlib import Path
here = Path(__file__).parent
mode = (here / "mvn.mode").read_text()
with (here / "mvn.calls").open("a") as calls:
    calls.write("x")
print("Downloaded from somewhere: a.jar", flush=True)
if mode == "hang":
    (here / "mvn.hangs").write_text("yes")
    time.sleep(300)
if mode == "fail":
    print("[ERROR] Could not transfer artifact a:b:jar:1", flush=True)
    print("[ERROR]", flush=True)
    sys.exit(1)
if mode == "empty":
    sys.exit()
assert (Path.cwd() / "pom.xml").exists() and list(Path.cwd().rglob("Main.java"))
listing = next(word for word in sys.argv if word.startswith("-Dmdep.outputFile=")).split("=")[1]
(here / "dependency.jar").write_bytes(b"a dependency")
Path("target").mkdir()
Path("target/fhirkit-hapi.jar").write_bytes(b"our jar")
Path(listing).write_text(str(here / "dependency.jar"))
"""


class Told(server.Progress):
    """Keeps what it was told."""

    def __init__(self) -> None:
        self.phases: list[str] = []

    def phase(self, text: str) -> None:
        self.phases.append(text)


@dataclass
class Machine:
    """A machine with a fake Java and Maven, and folders of its own."""

    root: Path
    told: Told = field(default_factory=Told)

    @property
    def bin(self) -> Path:
        return self.root / "jdk/bin"

    @property
    def home(self) -> Path:
        return self.root / "data/fhirkit/server"

    @property
    def cache(self) -> Path:
        return self.root / "cache/fhirkit/hapi"

    @property
    def environment(self) -> dict[str, str]:
        return {
            **{name: value for name, value in os.environ.items() if name != "JAVA_HOME"},
            "PATH": str(self.bin),
            "HOME": str(self.root),
            "XDG_DATA_HOME": str(self.root / "data"),
            "XDG_CACHE_HOME": str(self.root / "cache"),
        }

    @property
    def maven_calls(self) -> int:
        calls = self.bin / "mvn.calls"
        return len(calls.read_text()) if calls.exists() else 0

    def behave(self, *, java: str = "ready", mvn: str = "good", release: str = "17") -> None:
        (self.bin / "java.mode").write_text(java)
        (self.bin / "java.release").write_text(release)
        (self.bin / "mvn.mode").write_text(mvn)

    def start(self, **options: Any) -> server.ServerInfo:
        wish: dict[str, Any] = {
            "port": 0,
            "timeout": 20,
            "home": self.home,
            "cache": self.cache,
            "environment": self.environment,
            "progress": self.told,
        }
        return server.start(**(wish | options))

    def running(self) -> list[str]:
        """Command lines of processes of this machine: servers and Mavens."""
        lines = (processes.command_line(int(pid.name)) for pid in Path("/proc").glob("[0-9]*"))
        return [line for line in lines if line and str(self.bin) in line]


@pytest.fixture
def machine(tmp_path: Path) -> Any:
    made = Machine(tmp_path)
    made.bin.mkdir(parents=True)
    for name, source in (("java", JAVA), ("mvn", MAVEN), ("javac", "")):
        program = made.bin / name
        program.write_text(f"#!{sys.executable} -S\n{source}")
        program.chmod(0o755)
    made.behave()
    yield made
    for info in server.find(made.home):
        server.stop(info, home=made.home, grace=0.1)
    assert made.running() == [], "a process was left behind"
