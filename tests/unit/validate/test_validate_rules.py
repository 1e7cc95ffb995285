"""Every rule of the catalogue has a failing example that yields it alone and a passing one."""

from __future__ import annotations

import io
import tomllib
from pathlib import Path

import pytest

from fhirkit import Validator, loads
from fhirkit.core.issues import Outcome
from fhirkit.validate.batch import Input, check, read_all
from fhirkit.validate.catalogue import RULES
from fhirkit.validate.explanation import FOLDER, Explanation, explanation
from fhirkit.validate.options import Options

FORMAT = """
    advice = "What to do about it, one sentence."
    link = "https://hl7.org/fhir/R4/… the section that says so"
    failing = '''
    {"resourceType": "…"}
    '''
    passing = '''
    {"resourceType": "…"}
    '''
    # Only where needed: rules the failing example cannot help breaking, too, and definitions and
    # options (fhirkit.validate.options) that the Validator is made with.
    beside = ["…"]
    definitions = ['''{"resourceType": "StructureDefinition", …}''']
    [options]
    best_practice = true
"""


def explained(rule: str) -> Explanation:
    found = explanation(rule)
    assert found is not None, (
        f"the rule {rule} has no examples yet: write fhirkit/validate/data/rules/{rule}.toml"
        f" (our own made-up data):\n{FORMAT}"
    )
    return found


def rules_found(found: Explanation, data: bytes) -> list[str]:
    validator = Validator(map(loads, found.definitions), options=Options(**found.options))
    return [issue.rule for issue in validator.validate(data, file="example")]


def of_a_missing_file(tmp_path: Path) -> list[str]:
    inputs = read_all([str(tmp_path / "no-such-file.json")], io.BytesIO())
    (checked,) = check(Validator(), inputs)
    return [issue.rule for issue in checked.outcome]


def of_a_bug(tmp_path: Path) -> list[str]:
    class Broken(Validator):
        def validate(self, *_: object, **__: object) -> Outcome:
            raise KeyError("Ann Sample")

    (checked,) = check(Broken(), [Input("a.json", b"{}")])
    assert "KeyError in validate" in checked.crash
    assert "Ann" not in checked.crash
    return [issue.rule for issue in checked.outcome]


def of_less_than_everything(_: Path) -> list[str]:
    validator = Validator(options=Options(shape_only=True))
    return [issue.rule for issue in validator.validate(b'{"resourceType": "Patient"}')]


#: What no example text can show, brought about.
SITUATIONS = {
    "file-unreadable": of_a_missing_file,
    "internal-error": of_a_bug,
    "checks-left-out": of_less_than_everything,
}


@pytest.mark.parametrize("rule", RULES)
def test_the_failing_example_yields_this_rule_alone(rule: str, tmp_path: Path) -> None:
    found = explained(rule)
    if found.failing_note:
        rules = SITUATIONS[rule](tmp_path)
    else:
        assert found.failing, f"{rule}: no failing example"
        rules = rules_found(found, found.failing_bytes())
    if rule == "too-many-issues":
        # Its example is what it is for: other issues, more than are listed.
        assert rules[-1] == rule
        return
    assert set(rules) == {rule, *found.beside}


@pytest.mark.parametrize("rule", RULES)
def test_the_passing_example_yields_no_issue(rule: str) -> None:
    found = explained(rule)
    assert rules_found(found, found.passing_bytes()) == []


@pytest.mark.parametrize("rule", RULES)
def test_advice_is_a_sentence_and_the_link_leads_to_a_specification(rule: str) -> None:
    found = explained(rule)
    assert found.advice[0].isupper()
    assert found.advice.endswith((".", "}", "]"))
    assert len(found.advice) <= 120, "advice stands in one line below each issue"
    assert found.link.startswith(("https://hl7.org/fhir/", "http://unitsofmeasure.org"))


def test_no_file_explains_a_rule_that_is_gone() -> None:
    names = {file.name for file in FOLDER.iterdir()}
    assert names == {f"{rule}.toml" for rule in RULES}


def test_a_wrong_key_is_refused_rather_than_ignored() -> None:
    import msgspec

    table = tomllib.loads("advice='x'\nlink='y'\npassing='z'\nfialing='w'")
    with pytest.raises(msgspec.ValidationError, match="fialing"):
        msgspec.convert(table, Explanation)
