"""`fhirkit validate` opens no connection, whatever a record or its profiles point to."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

# Every way to a network in Python goes through these.
GUARD = """
import socket, sys
def refuse(*_, **__):
    sys.stderr.write("SOCKET")
    raise AssertionError("a socket was opened")
socket.socket.connect = socket.socket.connect_ex = socket.socket.sendto = refuse
socket.getaddrinfo = socket.create_connection = refuse
from fhirkit.cli.main import cli, run
sys.exit(run(cli, sys.argv[1:]))
"""
RECORD = {
    "resourceType": "Observation",
    "meta": {"profile": ["http://127.0.0.1:9/StructureDefinition/p"]},
    "extension": [{"url": "http://127.0.0.1:9/x", "valueUri": "http://127.0.0.1:9/y"}],
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "718-7"}]},
    "subject": {"reference": "http://127.0.0.1:9/fhir/Patient/1"},
}
XML = (
    '<?xml-stylesheet href="http://127.0.0.1:9/a.xsl"?><Patient xmlns="http://hl7.org/fhir" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
    'xsi:schemaLocation="http://127.0.0.1:9/a.xsd"><active value="true"/></Patient>'
)


def guarded(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", GUARD, *arguments],
        cwd=folder, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


@pytest.mark.parametrize("references", ["none", "type", "exists", "valid"])
def test_x4_no_socket_is_opened(tmp_path: Path, references: str) -> None:
    (tmp_path / "a.json").write_text(json.dumps(RECORD))
    (tmp_path / "b.xml").write_text(XML)
    done = guarded(tmp_path, "validate", ".", "--no-config", "--references", references)
    assert done.returncode in (1, 3), done.stderr
    assert "2 checked" in done.stderr
    assert "SOCKET" not in done.stderr


def test_the_guard_of_this_test_holds(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"resourceType": "Patient"}')
    done = guarded(tmp_path, "validate", "a.json", "--remote", "http://127.0.0.1:9/fhir")
    assert "SOCKET" in done.stderr
