"""A working tree, a chaos server beside it, and what has to be known to judge a run."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fhirkit.chaos import Behaviour, ChaosServer
from fhirkit.core.jsonio import loads

HERE = Path(__file__).parent
MARK = "https://chaos.example/marks"
CANARY = "Zyxwv-Canary"
TOKEN = "t0ken-canary-81c2"
LONGEST = 60.0
Resource = dict[str, Any]


@dataclass
class Ran:
    """A command that was run: its exit code (negative: the signal), output, and memory in MB."""

    words: tuple[str, ...]
    code: int
    out: str
    err: str
    memory: int
    seconds: float
    counts: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        last = (self.err.strip().splitlines() or [""])[-1][:200]
        return f"{' '.join(self.words)} → {self.code} ({last})"


class Runner:
    """Runs commands through one zygote."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "zygote.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        self.pid = 0
        self._rest = b""

    def close(self) -> None:
        """End the zygote."""
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
        self._process.wait(10)

    def run(self, folder: Path, words: tuple[str, ...], hook: dict[str, Any] | None) -> Ran:
        """One command; a hang is killed and told by the code -999."""
        side = folder.parent
        out, err, counts = side / "out.txt", side / "err.txt", side / "counts.json"
        counts.unlink(missing_ok=True)
        order = {
            "words": words, "folder": str(folder), "out": str(out), "err": str(err), "hook": hook,
            "environment": {"CHAOS_TOKEN": TOKEN}, "late": 1.0, "counts": str(counts),
        }  # fmt: skip
        assert self._process.stdin is not None
        started = time.monotonic()
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self.pid = self._line()["pid"]
        hung = not self._ready(LONGEST)
        if hung:
            os.kill(self.pid, signal.SIGKILL)
        end = self._line()
        self.pid = 0
        return Ran(
            words,
            -999 if hung else end["code"],
            out.read_text(errors="replace"),
            err.read_text(errors="replace"),
            end["memory"],
            time.monotonic() - started,
            json.loads(counts.read_text()) if counts.exists() else {},
        )

    def _ready(self, seconds: float) -> bool:
        assert self._process.stdout is not None
        return b"\n" in self._rest or bool(
            select.select([self._process.stdout], [], [], seconds)[0]
        )

    def _line(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        while b"\n" not in self._rest:
            part = os.read(self._process.stdout.fileno(), 65536)
            if not part:
                raise RuntimeError("the zygote has ended")
            self._rest += part
        line, _, self._rest = self._rest.partition(b"\n")
        found: dict[str, Any] = json.loads(line)
        return found


class World:
    """`tree` is the working tree, `server` the remote `origin`."""

    def __init__(self, folder: Path, runner: Runner, behaviour: Behaviour) -> None:
        self.tree = folder / "tree"
        self.tree.mkdir(parents=True)
        self.runner = runner
        self.server = ChaosServer(behaviour)
        self.typed: list[bytes] = []
        self.foreign: dict[str, str] = {}
        self.foreign_deleted: set[str] = set()
        self.removed: set[str] = set()
        self.dangling_allowed: set[str] = set()
        self.ran: list[Ran] = []
        self.may_delete = 0
        assert self.run("init").code == 0
        assert self.run("remote", "add", "origin", self.server.url).code == 0

    def close(self) -> None:
        self.server.close()

    def run(self, *words: str, hook: dict[str, Any] | None = None) -> Ran:
        """A command in the tree."""
        ran = self.runner.run(self.tree, words, hook)
        self.ran.append(ran)
        return ran

    # -- two sides that are edited -------------------------------------------------------------

    def write(self, *resources: Resource) -> None:
        """The user writes files."""
        for resource in resources:
            path = self.path(f"{resource['resourceType']}/{resource['id']}")
            path.parent.mkdir(exist_ok=True)
            data = json.dumps(resource, indent=1).encode()
            self.typed.append(data)
            path.write_bytes(data)

    def edit(self, key: str, **changes: Any) -> None:
        """The user changes a file."""
        self.write({**self.read(key), **changes})

    def remove(self, *keys: str) -> None:
        """The user deletes files; what they held is no longer theirs to keep."""
        for key in keys:
            self.path(key).unlink()
            self.removed.add(key)

    def other(self, key: str, **changes: Any) -> None:
        """Somebody else changes a resource on the server."""
        where = self.on_server(key)
        now = self.server.store.read(where) if where else None
        if where is None or now is None:
            raise AssertionError(f"{key} is not on the server")
        self.server.put({**now, **changes})
        self.foreign[key] = next(iter(changes))

    def path(self, key: str) -> Path:
        return self.tree / f"{key}.json"

    def read(self, key: str) -> Resource:
        return loads(self.path(key).read_bytes())

    def files(self) -> dict[str, Resource]:
        """The tree's resources by key."""
        found = {}
        for path in sorted(self.tree.glob("[A-Z]*/*.json")):
            found[f"{path.parent.name}/{path.stem}"] = loads(path.read_bytes())
        return found

    def on_server(self, key: str) -> str | None:
        """Where the resource that was made from a file is on the server, by its mark."""
        code = key.replace("/", "-")
        for version in self.server.store.living():
            if mark_of(version.resource or {}) == code:
                return version.key
        return None


def mark_of(resource: Resource) -> str | None:
    """The mark that a resource carries wherever it goes, and whatever id it gets."""
    for tag in resource.get("meta", {}).get("tag", []):
        if tag.get("system") == MARK:
            return str(tag.get("code"))
    return None


def marked(resource: Resource) -> Resource:
    """The resource with its mark."""
    code = f"{resource['resourceType']}-{resource['id']}"
    return {**resource, "meta": {"tag": [{"system": MARK, "code": code}]}}


def sample() -> list[Resource]:
    """Nine resources: a cycle, a reference to itself, contained ones, and long chains."""
    about = {"subject": {"reference": "Patient/p"}}
    return [
        marked(one)
        for one in (
            {"resourceType": "Organization", "id": "o", "name": "Example clinic",
             "partOf": {"reference": "Organization/top"}},
            {"resourceType": "Organization", "id": "top", "name": "Example trust"},
            {"resourceType": "Patient", "id": "p", "name": [{"family": CANARY}],
             "birthDate": "1979", "managingOrganization": {"reference": "Organization/o"}},
            {"resourceType": "Encounter", "id": "e", "status": "finished",
             "class": {"code": "AMB"}, **about,
             "diagnosis": [{"condition": {"reference": "Condition/c"}}]},
            {"resourceType": "Condition", "id": "c", **about,
             "encounter": {"reference": "Encounter/e"}},
            {"resourceType": "Observation", "id": "x", "status": "final",
             "code": {"text": "weight"}, **about, "hasMember": [{"reference": "Observation/x"}]},
            {"resourceType": "Observation", "id": "y", "status": "final",
             "code": {"text": "height"}, **about, "derivedFrom": [{"reference": "Observation/x"}],
             "contained": [{"resourceType": "Device", "id": "d"}],
             "device": {"reference": "#d"}},
            {"resourceType": "MedicationStatement", "id": "m", "status": "active",
             "medicationCodeableConcept": {"text": "example"}, **about},
            {"resourceType": "Provenance", "id": "v", "recorded": "2020-01-01T00:00:00Z",
             "target": [{"reference": "Condition/c"}], "agent": [{"who": {"display": "test"}}]},
        )
    ]  # fmt: skip


class KillAtRequest:
    """Kills the running command at its n-th request, before or after it is carried out."""

    def __init__(self, runner: Runner, number: int, when: str) -> None:
        self.runner, self.number, self.when = runner, number, when
        self.met = 0
        self.struck = 0

    def serve(self, exchange: Any, target: str) -> bool:
        del target
        self.met += 1
        if self.met != self.number or not self.runner.pid:
            return False
        self.struck += 1
        if self.when == "after":
            exchange.answer()
        os.kill(self.runner.pid, signal.SIGKILL)
        exchange.cut()
        return True


class Meanwhile:
    """Something happens while the n-th request is under way; then it is answered as usual."""

    def __init__(self, number: int, act: Callable[[], None], *, writes: bool = False) -> None:
        self.number, self.act, self.writes = number, act, writes
        self.met = 0
        self.struck = 0

    def serve(self, exchange: Any, target: str) -> bool:
        del target
        if self.writes and exchange.method == "GET":
            return False
        self.met += 1
        if self.met == self.number:
            self.struck += 1
            self.act()
        return False
