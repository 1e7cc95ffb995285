"""Files, folders, globs, NDJSON and standard input."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from fhirkit import Validator
from fhirkit.validate.batch import STDIN, Checked, check, expand, read_all

GOOD = '{"resourceType":"Patient"}'
XML = '<Patient xmlns="http://hl7.org/fhir"><active value="true"/></Patient>'
BAD = '{"resourceType":"Patient","gender":"x"}'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "b.json").write_text(GOOD)
    (tmp_path / "a.json").write_text(BAD)
    (tmp_path / "notes.txt").write_text("no resource")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden/c.json").write_text(BAD)
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner/c.XML").write_text(XML)
    (tmp_path / "inner/d.ndjson").write_text(f"{GOOD}\n\n{BAD}\r\n{{\n")
    return tmp_path


def run(validator: Validator, patterns: list[str], stdin: bytes = b"") -> list[Checked]:
    return list(check(validator, read_all(expand(patterns), io.BytesIO(stdin))))


def test_a_folder_is_read_to_its_depth_in_order(validator: Validator, folder: Path) -> None:
    results = run(validator, [str(folder)])
    found = [(Path(item.input.name).name, item.input.line, item.outcome.valid) for item in results]
    assert found == [
        ("a.json", None, False),
        ("b.json", None, True),
        ("c.XML", None, True),
        ("d.ndjson", 1, True),
        ("d.ndjson", 3, False),
        ("d.ndjson", 4, False),
    ]


def test_places_in_ndjson_are_those_of_the_file(validator: Validator, folder: Path) -> None:
    results = run(validator, [str(folder / "inner/d.ndjson")])
    issue = results[1].outcome.issues[0]
    assert (issue.rule, issue.line, issue.column) == ("binding-required", 3, 27)
    assert results[2].outcome.issues[0].line == 4


def test_globs_and_repeated_names(folder: Path) -> None:
    names = expand([f"{folder}/*.json", f"{folder}/a.json", f"{folder}/**/*.ndjson"])
    assert [Path(name).name for name in names] == ["a.json", "b.json", "d.ndjson"]
    assert expand([f"{folder}/*.nothing"]) == []


def test_a_file_whose_name_looks_like_a_glob_is_that_file(tmp_path: Path) -> None:
    odd = tmp_path / "a[1].json"
    odd.write_text(GOOD)
    assert expand([str(odd)]) == [str(odd)]


def test_what_cannot_be_read_does_not_stop_the_rest(validator: Validator, folder: Path) -> None:
    missing = folder / "missing.json"
    results = run(validator, [str(missing), str(folder / "b.json")])
    assert [issue.rule for issue in results[0].outcome] == ["file-unreadable"]
    assert results[1].outcome.valid


@pytest.mark.parametrize(
    ("data", "count"),
    [(GOOD, 1), (f"{GOOD}\n{BAD}\n", 2), ('{\n"resourceType":"Patient"}', 1), ("", 1)],
)
def test_standard_input(validator: Validator, data: str, count: int) -> None:
    results = run(validator, [STDIN], data.encode())
    assert len(results) == count
    assert {item.input.name for item in results} == {"<stdin>"}


def test_an_unknown_profile_leaves_the_check_incomplete(validator: Validator) -> None:
    data = b'{"resourceType":"Patient","meta":{"profile":["http://example.org/p"]}}'
    assert run(validator, [STDIN], data)[0].incomplete
    assert not run(validator, [STDIN], GOOD.encode())[0].incomplete
