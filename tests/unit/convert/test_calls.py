"""The public calls: what they take, what they give back, and what never changes."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from uuid import UUID, uuid5

import pytest
import yaml
from convert_cases import RLS, converted, small_case
from hypothesis import given
from hypothesis import strategies as st

import fhirkit
from fhirkit.convert import convert, convert_case, load_case
from fhirkit.convert.identity import NAMESPACE, full_url, instant, name_uuid
from fhirkit.convert.schema import case_schema
from fhirkit.core.errors import InvalidInput, UsageError
from fhirkit.core.jsonio import dumps, loads


def test_the_function_is_there_whatever_was_imported_first() -> None:
    for first in ("import fhirkit.convert.conversion", "from fhirkit.convert import convert", ""):
        call = f"fhirkit.convert({str(RLS)!r}, to='collection')"
        code = f"{first}\nimport fhirkit\nprint(len({call}['entry']))"
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert done.stdout == "43\n"


def test_a_mapping_is_as_good_as_a_file() -> None:
    """Whatever types a YAML reader makes of it: numbers, dates and text read the same."""
    data = yaml.safe_load(RLS.read_text(encoding="utf-8"))
    done = convert_case(data, "collection", folder=RLS.parent)
    assert dumps(done.bundle) == dumps(fhirkit.convert(RLS, to="collection"))


def test_the_case_is_not_changed() -> None:
    case = small_case(conditions={"flu": {"text": "Flu", "status": {"visit": "active"}}})
    before = repr(case)
    convert(case)
    assert repr(case) == before


def test_a_source_may_stand_in_the_case() -> None:
    case = small_case(
        source={"text": "Fever,\nsince May.", "kind": "Note"},
        conditions={"flu": {"text": "Flu", "quote": "Fever, since May"}},
    )
    flu = converted(case)["Condition/flu"]
    parts = {one["url"]: one for one in flu["extension"][0]["extension"]}
    assert parts["offset"]["valueInteger"] == 0
    assert parts["length"]["valueInteger"] == len("Fever,\nsince May")


def test_models_go_in_and_out() -> None:
    model = convert(RLS, "collection", model=True)
    assert type(model).__module__ == "fhir.resources.R4B.bundle"
    assert len(model.entry) == 43
    again = loads(model.model_dump_json(exclude_none=True))
    assert len(again["entry"]) == 43
    with pytest.raises(UsageError, match="NDJSON"):
        convert(RLS, "ndjson", model=True)


def test_a_case_can_be_looked_at() -> None:
    case = load_case(RLS)
    assert case.title == "Restless legs syndrome secondary to iron-deficiency anemia"
    assert len(case.not_in_report) == 5
    with pytest.raises(InvalidInput, match="`patient` is missing"):
        load_case({"fhirkit": "case/1", "id": "x"})


def test_without_provenance() -> None:
    done = convert_case(RLS, "collection", provenance="none")
    assert "Provenance" not in {one["resource"]["resourceType"] for one in done.bundle["entry"]}


@given(st.text())
def test_our_uuids_are_uuid5(name: str) -> None:
    try:
        name.encode()
    except UnicodeEncodeError:
        return
    assert UUID(name_uuid(name)) == uuid5(NAMESPACE, name)


def test_full_urls_never_change() -> None:
    """This value is written into records: it must be the same in every later version."""
    assert full_url("rls-ida", "Patient", "patient") == (
        "urn:uuid:857a1f32-746d-53e0-868b-9613625c4460"
    )


@pytest.mark.parametrize(
    ("given_as", "made"),
    [
        (0, "1970-01-01T00:00:00Z"),
        ("1700000000", "2023-11-14T22:13:20Z"),
        ("2026-01-31T12:00:00+01:00", "2026-01-31T12:00:00+01:00"),
        (dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC), "2026-01-31T12:00:00Z"),
    ],
)
def test_time_stamps(given_as: str | int | dt.datetime, made: str) -> None:
    assert instant(given_as) == made
    bundle = convert(small_case(), "collection", timestamp=given_as)
    assert bundle["timestamp"] == made
    assert bundle["entry"][-1]["resource"]["recorded"] == made


@pytest.mark.parametrize(
    "wrong",
    ["today", "2026-01-31", "2026-13-31T12:00:00Z", "9" * 12, "", dt.datetime(2026, 1, 31)],  # noqa: DTZ001  # the point
)
def test_what_is_no_time_stamp(wrong: str | dt.datetime) -> None:
    with pytest.raises(UsageError):
        convert(small_case(), timestamp=wrong)


def test_what_yaml_turns_round_stays_as_written() -> None:
    case = small_case(observations={"a": {"text": "Code", "value": "NO"}})
    assert converted(case)["Observation/a"]["valueString"] == "NO"


@pytest.mark.parametrize("text", ["1.10", "12:30", "0123", "1e3", "on", "~x"])
def test_plain_words_stay_text(text: str) -> None:
    case = small_case(conditions={"flu": {"text": text}})
    assert converted(case)["Condition/flu"]["code"]["text"] == text


def test_points_are_put_in_the_order_of_time() -> None:
    case = small_case(
        timeline={"late": "2024-06-01", "early": "2024-05-01", "mid": "early + 1 wk"},
        defaults={"at": "early"},
        conditions={"flu": {"text": "Flu", "status": {"late": "resolved", "early": "active"}}},
    )
    assert load_case(case).points.order == {"early": 0, "mid": 1, "late": 2}
    flu = converted(case, as_of="mid")["Condition/flu"]
    assert flu["clinicalStatus"]["coding"][0]["code"] == "active"
    assert converted(case)["Condition/flu"]["abatementDateTime"] == "2024-06-01"


def test_a_vital_sign_in_a_foreign_unit_claims_no_profile() -> None:
    done = convert_case(small_case(vitals={"height": "1.70 m", "weight": "70 kg"}), "collection")
    profiles = {
        entry["resource"]["id"]: entry["resource"].get("meta") for entry in done.bundle["entry"]
    }
    assert profiles["t-height"] is None
    assert profiles["t-weight"] is not None
    assert [issue.rule for issue in done.outcome] == ["case-no-profile"]


def test_a_word_inside_a_name_is_not_a_test() -> None:
    done = convert_case(small_case(labs={"urine-glucose": {"value": "5 mg/dL"}}), "collection")
    code = done.bundle["entry"][1]["resource"]["code"]
    assert code == {"text": "urine glucose"}
    assert [issue.rule for issue in done.outcome] == ["case-no-code"]


def test_the_schema_takes_the_example() -> None:
    """No JSON Schema library is needed to see that every key of the example is in it."""
    schema = case_schema()
    data = yaml.safe_load(RLS.read_text(encoding="utf-8"))
    assert set(data) <= set(schema["properties"])
    for kind in ("conditions", "medications", "care-plans"):
        facts = schema["properties"][kind]["additionalProperties"]["properties"]
        for name, fact in data[kind].items():
            if name != "defaults":
                assert set(fact) <= set(facts)
