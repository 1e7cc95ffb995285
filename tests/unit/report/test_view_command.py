"""`fhirkit view`: what it reads, where it writes, what it answers."""

from __future__ import annotations

import json
import stat
import webbrowser
from pathlib import Path

import pytest

from fhirkit.cli.main import cli, run

ROOT = Path(__file__).parents[3]
CASE = ROOT / "bundles/rls-ida/case.yaml"
PATIENT = '{"resourceType": "Patient", "id": "p", "gender": "female"}'

OTHER = PATIENT.replace('"p"', '"q"')


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def view(*arguments: str | Path) -> int:
    return run(cli, ["view", *map(str, arguments)])


def test_a_case_becomes_a_private_page(capfd: pytest.CaptureFixture[str]) -> None:
    assert view(CASE) == 0
    assert capfd.readouterr().out == "case.html\n"
    page = Path("case.html")
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    text = page.read_text()
    assert "<h1><bdi>Restless legs syndrome secondary to iron-deficiency anemia</bdi></h1>" in text
    assert "Not in the report" in text
    assert "ferritin" in text
    assert text.count('<article class="card"') == 43
    card = text[text.index("Observation/rls-ida-temperature</span>") :].partition("</article>")[0]
    assert "vs-1" in card, "a warning of the case file stands beside the resource made from it"
    assert "case.yaml:" in card


def test_a_case_at_its_first_visit(capfd: pytest.CaptureFixture[str]) -> None:
    assert view(CASE, "--as-of", "visit", "-o", "visit.html") == 0
    text = Path("visit.html").read_text()
    assert "ongoing" in text
    assert "stopped, date not given" not in text


def test_a_page_on_standard_output(capfd: pytest.CaptureFixture[str]) -> None:
    Path("p.json").write_text(PATIENT)
    assert view("p.json", "-o", "-") == 0
    assert capfd.readouterr().out.startswith("<!doctype html>")
    assert not Path("p.html").exists()


def test_findings_are_on_the_page_and_in_the_answer(capfd: pytest.CaptureFixture[str]) -> None:
    Path("p.json").write_text(PATIENT.replace("female", "unheard-of"))
    assert view("p.json", "--json") == 1
    answer = json.loads(capfd.readouterr().out)
    assert answer["page"] == "p.html"
    assert answer["valid"] is False
    assert "Patient.gender" in [issue["expression"] for issue in answer["issues"]]
    assert 'class="finding error"' in Path("p.html").read_text()
    assert view("p.json", "--no-validate") == 0
    assert "not validated" in Path("p.html").read_text()


def test_a_folder_of_resources(capfd: pytest.CaptureFixture[str]) -> None:
    folder = Path("tree/Patient")
    folder.mkdir(parents=True)
    (folder / "p.json").write_text(PATIENT)
    (folder / "q.json").write_text(PATIENT.replace("female", "unheard-of"))
    (folder / "bad.json").write_text("{")
    assert view("tree") == 1
    text = Path("tree.html").read_text()
    second = text[text.index('id="r1"') : text.index('class="behind"', text.index('id="r1"'))]
    assert "Patient.gender" in second
    assert "bad.json" in text


def test_ndjson_and_xml(capfd: pytest.CaptureFixture[str]) -> None:
    bundle = (
        f'{{"resourceType": "Bundle", "type": "collection", "entry": [{{"resource": {PATIENT}}}]}}'
    )
    Path("many.ndjson").write_text(f'{OTHER}\n{{"no": "type"}}\n{bundle}\n')
    Path("one.xml").write_text('<Patient xmlns="http://hl7.org/fhir"><id value="x"/></Patient>')
    assert view("one.xml") == 0
    assert "Patient/x" in Path("one.html").read_text()
    assert view("many.ndjson") == 1
    text = Path("many.html").read_text()
    assert "Patient/q" in text
    assert "Patient/p" in text, "a Bundle in a line is opened"
    assert "many.ndjson:2" in text, "a line that is no resource is said to be none"


def test_another_file_is_not_overwritten_unasked(capfd: pytest.CaptureFixture[str]) -> None:
    Path("p.json").write_text(PATIENT)
    Path("p.html").write_text("<p>my own work</p>")
    assert view("p.json") == 2
    assert "fhirkit view p.json -o page.html" in capfd.readouterr().err
    assert Path("p.html").read_text() == "<p>my own work</p>"
    assert view("p.json", "-o", "p.html") == 0
    assert view("p.json") == 0, "a page of ours is replaced"


@pytest.mark.parametrize(
    "arguments",
    [
        ["absent.json"],
        ["p.json", "--as-of", "visit"],
        ["p.json", "-o", "-", "--open"],
        ["p.json", "--limit", "0"],
        ["list.json"],
        ["notes.txt"],
        ["empty"],
    ],
)
def test_wrong_calls(arguments: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    Path("p.json").write_text(PATIENT)
    Path("list.json").write_text("[1]")
    Path("notes.txt").write_text("not a record")
    Path("empty").mkdir()
    assert view(*arguments) == 2
    captured = capfd.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err


def test_a_bad_case_shows_all_its_issues(capfd: pytest.CaptureFixture[str]) -> None:
    Path("bad.yaml").write_text("fhirkit: case/1\nid: x\npateint: {}\nvitlas: {}\n")
    assert view("bad.yaml") == 1
    error = capfd.readouterr().err
    assert "bad.yaml:3:1" in error
    assert "bad.yaml:4:1" in error
    assert not Path("bad.html").exists()


def test_the_browser_is_opened_if_asked(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    Path("p.json").write_text(PATIENT)
    asked: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda url: bool(asked.append(url)))
    assert view("p.json", "--open") == 0
    assert asked == [Path("p.html").resolve().as_uri()]
    assert "no browser" in capfd.readouterr().err
