"""`fhirkit validate` as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

GOOD = '{"resourceType":"Patient","gender":"male"}'
BAD = '{\n "resourceType":"Patient",\n "gender":"x"\n}'
CLAIM = '{"resourceType":"Patient","meta":{"profile":["http://example.org/p"]}}'
LONG = '{"resourceType":"Patient","extension":[{"url":"http://example.org/x","valueDecimal":1.1234567890123456789}]}'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in {"good": GOOD, "bad": BAD, "claim": CLAIM, "long": LONG}.items():
        (tmp_path / f"{name}.json").write_text(text)
    return tmp_path


def run(*arguments: object, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "fhirkit.cli.main", "validate", *map(str, arguments)]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["good.json"], 0),
        (["bad.json"], 1),
        (["good.json", "bad.json", "missing.json"], 1),
        (["claim.json"], 3),
        (["claim.json", "bad.json"], 3),
        (["claim.json", "--allow-incomplete"], 0),
        (["long.json"], 0),
        (["long.json", "--fail-on", "warning"], 1),
        (["missing.json"], 2),
        (["*.nothing"], 2),
        (["good.json", "--fail-on", "nonsense"], 2),
        (["good.json", "--profile", "http://example.org/p"], 3),
        (["good.json", "--definition", "good.json"], 2),
        ([], 2),
    ],
)
def test_exit_codes(folder: Path, arguments: list[str], code: int) -> None:
    paths = [folder / name if name.endswith((".json", ".nothing")) else name for name in arguments]
    done = run(*paths)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr


def test_issues_on_stdout_and_the_summary_on_stderr(folder: Path) -> None:
    done = run(folder / "bad.json", folder / "good.json")
    assert done.stdout.startswith(f"{folder / 'bad.json'}:3:2: error binding-required ")
    assert "(Patient.gender)" in done.stdout
    assert done.stderr == "2 checked: 1 valid, 1 invalid\n"


def test_json_is_one_document(folder: Path) -> None:
    document = json.loads(run(folder, "--json").stdout)
    assert document["valid"] is False
    files = {Path(entry["file"]).name: entry for entry in document["files"]}
    assert [files[name]["valid"] for name in ("good.json", "bad.json")] == [True, False]
    assert files["claim.json"]["complete"] is False
    issue = files["bad.json"]["issues"][0]
    assert (issue["rule"], issue["line"], issue["column"]) == ("binding-required", 3, 2)


def test_operation_outcomes_are_valid_themselves(folder: Path) -> None:
    for paths, kind in (([folder / "bad.json"], "OperationOutcome"), ([folder], "Bundle")):
        done = run(*paths, "--format", "operation-outcome")
        assert json.loads(done.stdout)["resourceType"] == kind
        again = run("-", stdin=done.stdout)
        assert again.returncode == 0, again.stdout


def test_standard_input_may_be_ndjson() -> None:
    flat = BAD.replace("\n", "")
    done = run("-", stdin=f"{GOOD}\n{flat}\n")
    assert done.stdout.startswith("<stdin>:2:")
    assert done.returncode == 1


def test_values_cannot_drive_the_terminal(folder: Path) -> None:
    (folder / "evil.json").write_text('{"resourceType":"Patient","\\u001b[31mx\\u0007":1}')
    done = run(folder / "evil.json")
    assert "\x1b" not in done.stdout
    assert "\x07" not in done.stdout


@pytest.fixture
def server() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            resource = json.loads(body)
            bad = resource.get("gender") == "x" or resource.get("id") == "refused"
            severity = "error" if bad else "information"
            issue = {"severity": severity, "code": "invalid"}
            answer = json.dumps({"resourceType": "OperationOutcome", "issue": [issue]}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/fhir+json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    listener = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{listener.server_port}/fhir"
    listener.shutdown()
    listener.server_close()


def test_what_only_the_server_refuses_counts(folder: Path, server: str) -> None:
    (folder / "refused.json").write_text('{"resourceType": "Patient", "id": "refused"}')
    done = run(folder / "refused.json", "--remote", server)
    assert done.returncode == 1
    assert "refused.json: the server: no reason" in done.stdout
    assert "fhirkit says valid, the server says invalid (1 errors)" in done.stderr


def test_a_server_is_asked_too(folder: Path, server: str) -> None:
    done = run(folder / "bad.json", folder / "good.json", "--remote", server)
    assert done.returncode == 1
    assert "fhirkit says invalid (2 errors), the server says invalid (1 errors)" in done.stderr
    assert "fhirkit says valid, the server says valid" in done.stderr
    document = json.loads(run(folder / "good.json", "--remote", server, "--json").stdout)
    assert document["files"][0]["remote"]["verdict"] == "valid"


def test_a_server_that_does_not_answer_is_said(folder: Path) -> None:
    done = run(folder / "good.json", "--remote", "http://127.0.0.1:9/fhir")
    assert done.returncode == 5
    assert "no verdict" in done.stderr
