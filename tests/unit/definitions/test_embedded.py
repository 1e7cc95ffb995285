"""The embedded definitions: what others read from them, and what happens when they are missing."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from fhirkit.core.errors import FhirkitError
from fhirkit.definitions.codes import harvest
from fhirkit.definitions.embedded import LAYOUT, R4_DATABASE, connect
from fhirkit.definitions.package import Package

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("system", "code", "display"),
    [
        ("http://hl7.org/fhir/administrative-gender", "female", "Female"),
        # nested below another concept
        ("http://terminology.hl7.org/CodeSystem/v3-ActCode", "AMB", "ambulatory"),
        # spelled out by value sets only
        ("http://loinc.org", "11369-6", "History of Immunization"),
        ("http://unitsofmeasure.org", "%", "percent"),
        ("urn:iso:std:iso:3166", "DE", "Germany"),
    ],
)
def test_codes_and_displays(system: str, code: str, display: str) -> None:
    row = (
        connect()
        .execute("SELECT display FROM code WHERE system = ? AND code = ?", (system, code))
        .fetchone()
    )
    assert row == (display,)


def test_complete_code_systems_are_marked() -> None:
    complete = dict(connect().execute("SELECT url, complete FROM code_system"))
    assert complete["http://hl7.org/fhir/administrative-gender"] == 1
    assert complete["http://loinc.org"] == 0
    assert sum(complete.values()) > 1000
    assert not any(url.startswith("#") for url in complete)


def test_the_connection_is_read_only_and_shared() -> None:
    assert connect() is connect()
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        connect().execute("DELETE FROM code")


def test_a_missing_file_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(FhirkitError) as caught:
        connect(tmp_path / "r4.sqlite")
    assert "build_definitions.py" in (caught.value.advice or "")


@pytest.mark.parametrize("content", [b"", b"no database at all" * 100])
def test_a_damaged_file_is_no_traceback(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "r4.sqlite"
    path.write_bytes(content)
    with pytest.raises(FhirkitError, match="cannot be read"):
        connect(path)


def test_a_file_of_another_layout_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "r4.sqlite"
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT)")
        connection.execute("INSERT INTO about VALUES ('layout', ?)", (str(LAYOUT + 1),))
    connection.close()
    with pytest.raises(FhirkitError, match="another version"):
        connect(path)


def test_harvesting_prefers_a_display_and_a_complete_system() -> None:
    files = {
        "CodeSystem-a.json": b'{"resourceType":"CodeSystem","url":"urn:a","content":"complete",'
        b'"concept":[{"code":"1","display":"one","concept":[{"code":"2"}]}]}',
        "ValueSet-a.json": b'{"resourceType":"ValueSet","url":"urn:v1","compose":{"include":['
        b'{"system":"urn:b","concept":[{"code":"x"}]},'
        b'{"system":"urn:a","concept":[{"code":"9","display":"not in it"}]}]}}',
        "ValueSet-b.json": b'{"resourceType":"ValueSet","url":"urn:v2","compose":{"include":['
        b'{"system":"urn:b","concept":[{"code":"x","display":"ex"}]}]}}',
    }
    systems, codes = harvest(Package("p", "1", (), files))
    assert [(row.url, row.complete) for row in systems] == [("urn:a", True), ("urn:b", False)]
    assert [tuple(row[:4]) for row in codes] == [
        ("urn:a", "1", "one", "urn:a"),
        ("urn:a", "2", None, "urn:a"),
        ("urn:b", "x", "ex", "urn:v2"),
    ]


def test_building_twice_does_the_work_once() -> None:
    script = [sys.executable, str(ROOT / "scripts/build_definitions.py")]
    subprocess.run(script, check=True, capture_output=True)
    before = R4_DATABASE.stat()
    subprocess.run(script, check=True, capture_output=True)
    after = R4_DATABASE.stat()
    assert (before.st_mtime_ns, before.st_ino) == (after.st_mtime_ns, after.st_ino)


def test_the_build_says_what_is_wrong_with_a_given_package(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.tgz"
    wrong.write_bytes(b"x")
    script = [sys.executable, str(ROOT / "scripts/build_definitions.py"), "--force"]
    before = R4_DATABASE.read_bytes()
    for path in (wrong, tmp_path / "absent.tgz"):
        environment = {"PATH": "/usr/bin:/bin", "FHIRKIT_R4_CORE": str(path)}
        done = subprocess.run(script, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode in (1, 2)
        assert "Traceback" not in done.stderr
        assert path.name in done.stderr
    assert R4_DATABASE.read_bytes() == before
