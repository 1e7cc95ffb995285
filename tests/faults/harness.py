"""What the fault tests share: a server, a tree beside it, the command line in this process."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fake_server import FakeServer
from faults import Fault, Faults

from fhirkit.cli.main import cli, run
from fhirkit.remote.transport import Policy


@pytest.fixture
def server() -> Iterator[FakeServer]:
    fake = FakeServer()
    yield fake
    fake.close()


@dataclass
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    def results(self) -> dict[str, str]:
        return {line["resource"]: line["result"] for line in self.json["resources"]}


Run = Callable[..., Ran]


@pytest.fixture
def fhirkit(
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Run:
    """Run a command in the tree at `tmp_path`, with waits made short, and deadlines as well
    unless the server is a real one."""
    deadline = 60.0 if request.node.get_closest_marker("server") else 0.6
    monkeypatch.chdir(tmp_path)
    short = Policy(timeout=deadline, first_wait=0.02, longest_wait=0.3, max_bytes=5_000_000)
    real = Policy.__init__

    def brief(self: Policy, **settings: Any) -> None:
        merged = {name: getattr(short, name) for name in Policy.__slots__} | settings
        merged["timeout"] = min(merged["timeout"], short.timeout)
        real(self, **merged)

    monkeypatch.setattr(Policy, "__init__", brief)

    def go(*words: str) -> Ran:
        capfd.readouterr()
        code = run(cli, list(words))
        captured = capfd.readouterr()
        return Ran(code, captured.out, captured.err)

    return go


@pytest.fixture
def tree(tmp_path: Path, server: FakeServer, fhirkit: Run) -> Path:
    """A working tree with six resources, two of which refer to each other."""
    assert fhirkit("init").code == 0
    assert fhirkit("remote", "add", "origin", server.url).code == 0
    for resource in sample():
        write(tmp_path, resource)
    return tmp_path


def sample() -> list[dict[str, Any]]:
    about = {"subject": {"reference": "Patient/p"}}
    return [
        {"resourceType": "Organization", "id": "o", "name": "Example clinic"},
        {"resourceType": "Patient", "id": "p", "birthDate": "1979",
         "managingOrganization": {"reference": "Organization/o"}},
        {"resourceType": "Encounter", "id": "e", "status": "finished", "class": {"code": "AMB"},
         "diagnosis": [{"condition": {"reference": "Condition/c"}}], **about},
        {"resourceType": "Condition", "id": "c", "encounter": {"reference": "Encounter/e"},
         **about},
        {"resourceType": "Observation", "id": "x", "status": "final", "code": {"text": "weight"},
         **about},
        {"resourceType": "Provenance", "id": "v", "recorded": "2020-01-01T00:00:00Z",
         "target": [{"reference": "Condition/c"}], "agent": [{"who": {"display": "test"}}]},
    ]  # fmt: skip


def write(root: Path, resource: dict[str, Any]) -> None:
    path = root / resource["resourceType"] / f"{resource['id']}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(resource))


def read(root: Path, key: str) -> dict[str, Any]:
    resource: dict[str, Any] = json.loads((root / f"{key}.json").read_text())
    return resource


def expected(resources: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {f"{one['resourceType']}/{one['id']}": one for one in resources}


def under(server: FakeServer, *faults: Fault) -> None:
    """Put the server under faults; none makes it well again."""
    server.faults = Faults(list(faults)) if faults else None
