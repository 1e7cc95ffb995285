"""QuestionnaireResponses against a Questionnaire: each case is the good one with one change."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from fhirkit import Validator
from fhirkit.validate.options import Options, References

Json = dict[str, Any]
SYSTEM = "http://example.org/colours"
CORE = "http://hl7.org/fhir/StructureDefinition/"
SDC = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-"
UCUM = "http://unitsofmeasure.org"


def limit(name: str, kind: str, value: Any) -> Json:
    return {"url": name if ":" in name else CORE + name, f"value{kind}": value}


def option(code: str, **more: Any) -> Json:
    return {"valueCoding": {"system": SYSTEM, "code": code}, **more}


def kilograms(value: int) -> Json:
    return {"value": value, "system": UCUM, "code": "kg"}


FORM: Json = {
    "resourceType": "Questionnaire", "url": "http://example.org/form", "version": "2",
    "status": "active",
    "item": [
        {"linkId": "g", "type": "group", "required": True, "repeats": True, "item": [
            {"linkId": "yes", "type": "boolean", "required": True, "text": "Yes?"},
            {"linkId": "why", "type": "string", "maxLength": 9,
             "enableWhen": [{"question": "yes", "operator": "=", "answerBoolean": True}]},
            {"linkId": "hint", "type": "display"}]},
        {"linkId": "colour", "type": "choice", "repeats": True,
         "answerOption": [option("red"), option("blue"),
                          option("none", extension=[
                              limit("questionnaire-optionExclusive", "Boolean", value=True)])],
         "item": [{"linkId": "shade", "type": "integer", "required": True,
                   "extension": [limit("minValue", "Integer", 1)]}]},
        {"linkId": "open", "type": "open-choice",
         "answerOption": [option("red"), {"valueString": "x"}]},
        {"linkId": "sex", "type": "choice",
         "answerValueSet": "http://hl7.org/fhir/ValueSet/administrative-gender"},
        {"linkId": "day", "type": "date", "extension": [limit("maxValue", "Date", "2020-06-30")]},
        {"linkId": "mass", "type": "quantity",
         "extension": [limit(SDC + "questionnaire-maxQuantity", "Quantity", kilograms(100))]},
        {"linkId": "size", "type": "decimal",
         "extension": [limit("maxDecimalPlaces", "Integer", 2)]},
        {"linkId": "mail", "type": "string",
         "extension": [limit("regex", "String", "[a-z]+@[a-z]+")]},
        {"linkId": "file", "type": "attachment",
         "extension": [limit("maxSize", "Decimal", 4), limit("mimeType", "Code", "image/png")]},
        {"linkId": "who", "type": "reference",
         "extension": [limit("questionnaire-referenceResource", "Code", "Patient")]},
        {"linkId": "last", "type": "text", "enableBehavior": "all", "enableWhen": [
            {"question": "size", "operator": ">", "answerDecimal": 3},
            {"question": "day", "operator": "exists", "answerBoolean": False}]},
    ],
}  # fmt: skip


def item(name: str, *answers: Json, **more: Any) -> Json:
    return {"linkId": name, "answer": list(answers), **more}


GOOD: Json = {
    "resourceType": "QuestionnaireResponse", "status": "completed",
    "questionnaire": "http://example.org/form|2",
    "item": [
        {"linkId": "g", "item": [item("yes", {"valueBoolean": True}),
                                 item("why", {"valueString": "because"})]},
        item("colour", {**option("red"), "item": [item("shade", {"valueInteger": 3})]}),
        item("open", {"valueString": "something else"}),
        item("sex", {"valueCoding": {"system": "http://hl7.org/fhir/administrative-gender",
                                     "code": "female"}}),
        item("mass", {"valueQuantity": {"value": 99000, "system": UCUM, "code": "g"}}),
        item("size", {"valueDecimal": 3.25}),
        item("mail", {"valueString": "a@b"}),
        item("last", {"valueString": "text"}),
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def validator() -> Validator:
    return Validator([FORM])


def errors(validator: Validator, change: Callable[[Json], Any]) -> list[tuple[str, str]]:
    response = deepcopy(GOOD)
    change(response)
    found = validator.validate(response).errors
    return [(i.rule, i.expression.removeprefix("QuestionnaireResponse")) for i in found]


def put(place: int, new: Json) -> Callable[[Json], Any]:
    return lambda response: response["item"].insert(place, new)


def answer(place: int, **value: Any) -> Callable[[Json], Any]:
    return lambda response: response["item"][place].update(answer=[value])


def test_a_good_response_is_valid(validator: Validator) -> None:
    assert errors(validator, lambda response: None) == []


CASES: dict[str, tuple[Callable[[Json], Any], list[tuple[str, str]]]] = {
    "unknown item": (put(8, item("zz", {"valueInteger": 1})), [("response-link-id", "")]),
    "misplaced": (put(8, item("why", {"valueString": "x"})), [("response-misplaced", "")]),
    "order": (lambda r: r["item"].insert(0, r["item"].pop()), [("response-order", "")]),
    "missing": (lambda r: r["item"][0]["item"].pop(0),
                [("response-required", ".item[0]"), ("response-not-enabled", ".item[0].item[0]")]),
    "missing in answer": (lambda r: r["item"][1]["answer"][0].pop("item"),
                          [("response-required", ".item[1]")]),
    "group missing": (lambda r: r["item"].pop(0), [("response-required", "")]),
    "group empty": (lambda r: r["item"].__setitem__(0, {"linkId": "g"}),
                    [("response-group", ".item[0]"), ("response-required", ".item[0]")]),
    "nearest answer counts": (put(1, {"linkId": "g", "item": [item("yes", {"valueBoolean": False}),
                                                              item("why", {"valueString": "x"})]}),
                              [("response-not-enabled", ".item[1].item[1]")]),
    "not repeating": (put(3, item("open", {"valueString": "y"})), [("response-repeats", "")]),
    "two answers": (lambda r: r["item"][2]["answer"].append({"valueString": "y"}),
                    [("response-repeats", ".item[2]")]),
    "display answered": (lambda r: r["item"][0]["item"].append(item("hint", {"valueString": "x"})),
                         [("response-structure", ".item[0].item[2]")]),
    "other text": (lambda r: r["item"][0]["item"][0].update(text="No?"),
                   [("response-text", ".item[0].item[0]")]),
    "type": (answer(5, valueString="3"),
             [("response-answer-type", ".item[5].answer[0].value.ofType(string)"),
              ("response-not-enabled", ".item[7]")]),
    "option": (lambda r: r["item"][1]["answer"][0]["valueCoding"].update(code="green"),
               [("response-option", ".item[1].answer[0]")]),
    "open option": (answer(2, **option("green")), [("response-option", ".item[2].answer[0]")]),
    "exclusive": (lambda r: r["item"][1]["answer"].append(
        {**option("none"), "item": [item("shade", {"valueInteger": 1})]}),
        [("response-option", ".item[1].answer[1]")]),
    "value set": (answer(3, valueCoding={"system": SYSTEM, "code": "male"}),
                  [("response-value-set", ".item[3].answer[0]")]),
    "inner limit": (lambda r: r["item"][1]["answer"][0]["item"][0].update(
        answer=[{"valueInteger": 0}]),
        [("response-limit", ".item[1].answer[0].item[0].answer[0].value.ofType(integer)")]),
    "length": (lambda r: r["item"][0]["item"][1].update(answer=[{"valueString": "0123456789"}]),
               [("response-limit", ".item[0].item[1].answer[0].value.ofType(string)")]),
    "day": (lambda r: (r["item"].pop(), r["item"].insert(4, item("day", {"valueDate": "2020-07"}))),
            [("response-limit", ".item[4].answer[0].value.ofType(date)")]),
    "not exists": (put(4, item("day", {"valueDate": "2020"})),
                   [("response-not-enabled", ".item[8]")]),
    "mass": (answer(4, valueQuantity={"value": 100001, "system": UCUM, "code": "g"}),
             [("response-limit", ".item[4].answer[0].value.ofType(Quantity)")]),
    "units": (answer(4, valueQuantity={"value": 1, "system": UCUM, "code": "m"}),
              [("response-limit", ".item[4].answer[0].value.ofType(Quantity)")]),
    "regex": (answer(6, valueString="a@b!"),
              [("response-limit", ".item[6].answer[0].value.ofType(string)")]),
    "attachment": (put(7, item("file", {"valueAttachment": {
        "contentType": "image/gif", "data": "QUJDREU="}})),
        [("response-attachment", ".item[7].answer[0]"),
         ("response-attachment", ".item[7].answer[0]")]),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_each_change_is_found_at_its_place(validator: Validator, name: str) -> None:
    change, expected = CASES[name]
    assert sorted(errors(validator, change)) == sorted(expected)


@pytest.mark.parametrize("status", ["in-progress", "stopped", "entered-in-error"])
def test_only_a_complete_response_must_be_complete(validator: Validator, status: str) -> None:
    def change(response: Json) -> None:
        response["status"] = status
        response["item"].pop(0)

    assert errors(validator, change) == []


def test_an_exact_decimal_counts_its_digits(validator: Validator) -> None:
    from fhirkit import dumps, loads

    text = dumps(GOOD)
    assert validator.validate(text).valid
    issues = validator.validate(text.replace("3.25", "3.250")).errors
    assert [issue.rule for issue in issues] == ["response-limit"]
    assert loads(text)["item"]


@pytest.mark.parametrize("canonical", ["http://example.org/other", "http://example.org/form|3"])
def test_an_unknown_form_is_said(validator: Validator, canonical: str) -> None:
    outcome = validator.validate({**GOOD, "questionnaire": canonical, "item": []})
    assert "questionnaire-unknown" in {issue.rule for issue in outcome}
    assert not any(issue.rule.startswith("response-") for issue in outcome)


def test_responses_inside_a_bundle_and_contained_forms_are_checked() -> None:
    form = {key: value for key, value in FORM.items() if key != "url"}
    response = {**deepcopy(GOOD), "contained": [{**form, "id": "f"}], "questionnaire": "#f"}
    response["item"][2]["answer"].append({"valueString": "y"})
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": response}]}
    found = [issue for issue in Validator().validate(bundle).errors if "response" in issue.rule]
    expected = "Bundle.entry[0].resource.item[2]"
    assert [(issue.rule, issue.expression) for issue in found] == [("response-repeats", expected)]


@pytest.mark.parametrize(
    ("question", "wrong"), [("b", False), ("a", True), ("inner", True), ("nowhere", True)]
)
def test_enable_when_names_another_question(question: str, *, wrong: bool) -> None:
    condition = {"question": question, "operator": "exists", "answerBoolean": True}
    first = {"linkId": "a", "type": "group", "enableWhen": [condition],
             "item": [{"linkId": "inner", "type": "string"}]}  # fmt: skip
    items = [first, {"linkId": "b", "type": "boolean"}]
    form = {"resourceType": "Questionnaire", "status": "draft", "item": items}
    found = [i.expression for i in Validator().validate(form).errors if i.rule == "enable-when"]
    assert found == (["Questionnaire.item[0]"] if wrong else [])


HOSTILE: list[Any] = [
    {"item": "x"}, {"item": [None, 3, {"linkId": 3}]}, {"item": [{"linkId": "g", "item": {}}]},
    {"item": [{"linkId": "colour", "answer": [{"valueCoding": 7}, None]}]},
    {"item": [{"linkId": "mass", "answer": [{"valueQuantity": {"value": "x"}}]}]},
    {"item": [{"linkId": "day", "answer": [{"valueDate": "2020-13"}, {"valueDate": 5}]}]},
    {"item": [{"linkId": "file", "answer": [{"valueAttachment": {"data": "é"}}]}]},
    {"item": [{"linkId": "size", "answer": [{"valueDecimal": True}]}]},
    {"questionnaire": "#x", "contained": [None, {"id": "x"}]}, {"questionnaire": 5},
]  # fmt: skip


@pytest.mark.parametrize("change", HOSTILE)
def test_malformed_responses_do_no_harm(validator: Validator, change: Json) -> None:
    validator.validate({**GOOD, **change})


@pytest.mark.parametrize(
    "damage", [{"item": [None, {"type": 3}]}, {"item": {}}, {"item": [{"enableWhen": [{}, 3]}]}]
)
def test_malformed_forms_do_no_harm(damage: Json) -> None:
    Validator([{**FORM, **damage}]).validate(GOOD)
    Validator().validate({**FORM, **damage})


def with_reference(options: Options) -> list[tuple[str, str]]:
    change = put(7, item("who", {"valueReference": {"reference": "Group/1"}}))
    return errors(Validator([FORM], options=options), change)


def test_what_a_reference_leads_to_counts_only_where_it_is_trusted() -> None:
    expected = [("response-limit", ".item[7].answer[0].value.ofType(Reference)")]
    assert with_reference(Options(trust_server_references=True)) == expected
    assert with_reference(Options()) == []


def test_a_form_must_be_at_hand_where_references_must_lead_somewhere() -> None:
    strict = Validator([FORM], options=Options(references=References.EXISTS))
    response = {**GOOD, "questionnaire": "http://example.org/other"}
    found = [(one.rule, one.expression) for one in strict.validate(response).errors]
    assert ("questionnaire-missing", "QuestionnaireResponse.questionnaire") in found


def enabled_by(text: str, language: str = "text/fhirpath") -> Json:
    url = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-enableWhenExpression"
    return {"url": url, "valueExpression": {"language": language, "expression": text}}


FINNISH = "http://phr.kanta.fi/StructureDefinition/fiphr-ext-questionnaire-enablewhen"
EXPRESSIONS = {
    "holds": (enabled_by("item.where(linkId='a').answer.value > 3"), None),
    "fails": (enabled_by("item.where(linkId='a').answer.value > 4"), "response-not-enabled"),
    "nothing": (enabled_by("item.where(linkId='z').answer.value"), "response-not-enabled"),
    "broken": (enabled_by("item.where("), "response-enabling-not-checked"),
    "other language": (enabled_by("true", "text/cql"), "response-enabling-not-checked"),
    "Finnish holds": ({"url": FINNISH, "valueString": "item.exists()"}, None),
    "Finnish fails": ({"url": FINNISH, "valueString": "item.empty()"}, "response-not-enabled"),
}


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_an_expression_tells_whether_an_item_is_asked(name: str) -> None:
    expression, expected = EXPRESSIONS[name]
    form = {**FORM, "item": [
        {"linkId": "a", "text": "a", "type": "integer"},
        {"linkId": "b", "text": "b", "type": "string", "extension": [expression]}]}  # fmt: skip
    response = {**GOOD, "item": [item("a", {"valueInteger": 4}), item("b", {"valueString": "x"})]}
    rules = {one.rule for one in Validator([form]).validate(response)}
    assert {rule for rule in rules if rule.startswith("response-")} == (
        {expected} if expected else set()
    )


@pytest.mark.parametrize(
    ("operator", "value", "enabled"),
    [
        (">", {"value": 6, "system": UCUM, "code": "kg"}, True),
        (">", {"value": 4, "system": UCUM, "code": "kg"}, False),
        (">", {"value": 6000, "system": UCUM, "code": "g"}, True),
        (">", {"value": 6, "unit": "kg"}, True),
        (">", {"value": 6}, True),
        ("<", {"value": 6}, False),
        ("=", {"value": 5}, True),
        ("=", {"value": 5, "unit": "pounds"}, True),
        ("!=", {"value": 5}, False),
        ("!=", {"value": 6}, True),
        ("=", {"unit": "kg"}, False),
    ],
)
def test_quantities_without_formal_units_are_compared_by_their_numbers(
    operator: str, value: Json, enabled: bool
) -> None:
    when = {"question": "s", "operator": operator, "answerQuantity": kilograms(5)}
    form = {
        "resourceType": "Questionnaire", "url": "http://example.org/when", "status": "active",
        "item": [{"linkId": "s", "type": "quantity"},
                 {"linkId": "d", "type": "string", "required": True, "enableWhen": [when]}],
    }  # fmt: skip
    response = {
        "resourceType": "QuestionnaireResponse", "questionnaire": "http://example.org/when",
        "status": "completed", "item": [{"linkId": "s", "answer": [{"valueQuantity": value}]}],
    }  # fmt: skip
    found = [issue.rule for issue in Validator([form]).validate(response)]
    assert found == (["response-required"] if enabled else [])
