"""The merge: what is safe is merged, what is not clashes, and nothing is mixed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhirkit.cli.merging import SchemaKnowledge
from fhirkit.sync.merge import Merged, merge

KNOWLEDGE = SchemaKnowledge.embedded()
PATIENT: dict[str, Any] = {
    "resourceType": "Patient", "id": "p", "active": True,
    "identifier": [{"system": "urn:a", "value": "1"}, {"system": "urn:b", "value": "2"}],
    "name": [{"family": "Example", "given": ["A"]}],
    "telecom": [{"system": "phone", "value": "1"}, {"system": "email", "value": "x@example.org"}],
    "contact": [{"id": "c1", "gender": "male"}, {"id": "c2", "gender": "female"}],
}  # fmt: skip
WEIGHT: dict[str, Any] = {
    "resourceType": "Observation", "id": "x", "status": "final",
    "code": {"text": "weight"}, "valueQuantity": {"value": 70, "unit": "kg"},
}  # fmt: skip


def three(base: dict[str, Any], ours: dict[str, Any], theirs: dict[str, Any]) -> Merged:
    return merge(base | ours, base | theirs, sent=base, stored=base, knowledge=KNOWLEDGE)


def places(merged: Merged) -> list[str]:
    return [clash.expression for clash in merged.clashes]


def test_different_elements_are_merged() -> None:
    merged = three(PATIENT, {"birthDate": "1980"}, {"gender": "female"})
    assert merged.clashes == []
    assert merged.resource == PATIENT | {"birthDate": "1980", "gender": "female"}


def test_the_same_edit_is_no_clash() -> None:
    assert three(PATIENT, {"active": False}, {"active": False}).clashes == []


def test_the_same_element_clashes_and_keeps_ours() -> None:
    merged = three(PATIENT, {"birthDate": "1980"}, {"birthDate": "1981"})
    assert places(merged) == ["Patient.birthDate"]
    assert merged.resource["birthDate"] == "1980"


def test_lists_are_merged_by_key_whatever_the_index() -> None:
    first, second = PATIENT["telecom"]
    merged = three(
        PATIENT,
        {"telecom": [second]},
        {"telecom": [first, second, {"system": "phone", "value": "3"}]},
    )
    assert merged.clashes == []
    assert [one["value"] for one in merged.resource["telecom"]] == ["x@example.org", "3"]


def test_both_remove_the_first_of_two_and_the_second_stays() -> None:
    second = PATIENT["telecom"][1]
    merged = three(PATIENT, {"telecom": [second]}, {"telecom": [second]})
    assert merged.resource["telecom"] == [second]


def test_elements_of_a_backbone_element_are_merged() -> None:
    c1, c2 = PATIENT["contact"]
    merged = three(
        PATIENT,
        {"contact": [c1 | {"gender": "other"}, c2]},
        {"contact": [c2, c1 | {"name": {"text": "N"}}]},
    )
    assert merged.clashes == []
    assert merged.resource["contact"] == [
        c2, {"id": "c1", "gender": "other", "name": {"text": "N"}},
    ]  # fmt: skip


def test_removed_here_and_changed_there_clashes() -> None:
    c1, c2 = PATIENT["contact"]
    merged = three(PATIENT, {"contact": [c2]}, {"contact": [c1 | {"gender": "other"}, c2]})
    assert places(merged) == ["Patient.contact[0]"]


def test_a_name_is_never_put_together_from_two() -> None:
    ours = {"name": [{"family": "Example", "given": ["B"]}]}
    theirs = {"name": [{"family": "Other", "given": ["A"]}]}
    assert places(three(PATIENT, ours, theirs)) == ["Patient.name"]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({"valueQuantity": {"value": 70, "unit": "lb"}},
         {"valueQuantity": {"value": 71, "unit": "kg"}}),
        ({"code": {"text": "height"}}, {"valueQuantity": {"value": 71, "unit": "kg"}}),
        ({"status": "entered-in-error"}, {"valueQuantity": {"value": 71, "unit": "kg"}}),
        ({"effectiveDateTime": "2024"}, {"effectivePeriod": {"start": "2024"}}),
        ({"valueQuantity": {"value": 71, "unit": "kg"}}, {"dataAbsentReason": {"text": "no"}}),
    ],
    ids=str,
)  # fmt: skip
def test_clinical_groups_come_from_one_side(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    merged = three(WEIGHT, ours, theirs)
    assert len(merged.clashes) == 1
    mine = WEIGHT | ours
    group = ("status", "code", "valueQuantity", "effectiveDateTime", "effectivePeriod")
    assert {n: v for n, v in merged.resource.items() if n in group} == {
        n: v for n, v in mine.items() if n in group
    }


def test_beside_a_group_the_rest_is_merged() -> None:
    merged = three(WEIGHT, {"valueQuantity": {"value": 71, "unit": "kg"}}, {"issued": "2024"})
    assert merged.clashes == []
    assert merged.resource["issued"] == "2024"


def test_a_choice_is_one_slot() -> None:
    base = {"resourceType": "Patient", "id": "p", "deceasedBoolean": False}
    ours = {"resourceType": "Patient", "id": "p", "deceasedDateTime": "2024"}
    theirs = base | {"deceasedBoolean": True}
    merged = merge(ours, theirs, sent=base, stored=base, knowledge=KNOWLEDGE)
    assert places(merged) == ["Patient.deceased"]
    assert "deceasedBoolean" not in merged.resource


def test_a_primitive_and_its_extensions_are_one_slot() -> None:
    base = PATIENT | {"birthDate": "1980"}
    ours = {"_birthDate": {"extension": [{"url": "urn:e", "valueCode": "x"}]}}
    assert places(three(base, ours, {"birthDate": "1981"})) == ["Patient.birthDate"]


def test_a_server_that_spells_its_own_way_makes_no_clash() -> None:
    stored = PATIENT | {"language": "en", "birthDate": "1980-01-01"}
    sent = PATIENT | {"birthDate": "1980"}
    merged = merge(
        sent | {"active": False}, stored | {"gender": "male"},
        sent=sent, stored=stored, knowledge=KNOWLEDGE,
    )  # fmt: skip
    assert merged.clashes == []
    assert merged.resource == sent | {"active": False, "gender": "male"}


def test_a_generated_narrative_is_dropped_when_data_was_merged() -> None:
    base = PATIENT | {"text": {"status": "generated", "div": "<div>1</div>"}}
    ours = {"birthDate": "1980", "text": {"status": "generated", "div": "<div>2</div>"}}
    merged = three(base, ours, {"gender": "female"})
    assert merged.stale
    assert "text" not in merged.resource
    kept = three(base, {"birthDate": "1980"}, {"gender": "female"})
    assert kept.resource["text"] == base["text"]


def test_a_choice_settles_a_clash() -> None:
    ours, theirs = {"birthDate": "1980"}, {"birthDate": "1981"}
    merged = merge(
        PATIENT | ours, PATIENT | theirs, sent=PATIENT, stored=PATIENT, knowledge=KNOWLEDGE,
        choices={"Patient.birthDate": "theirs"},
    )  # fmt: skip
    assert merged.clashes == []
    assert merged.resource["birthDate"] == "1981"


def test_without_a_common_base_only_what_agrees_is_merged() -> None:
    ours = {"resourceType": "Patient", "id": "p", "active": True, "gender": "male"}
    theirs = {"resourceType": "Patient", "id": "p", "active": False, "birthDate": "1980"}
    merged = merge(ours, theirs, sent=None, stored=None, knowledge=KNOWLEDGE)
    assert places(merged) == ["Patient.active"]
    assert merged.resource["birthDate"] == "1980"


edits = st.fixed_dictionaries(
    {},
    optional={
        "active": st.booleans(),
        "birthDate": st.sampled_from(["1980", "1981"]),
        "telecom": st.lists(
            st.sampled_from([{"system": "phone", "value": str(n)} for n in range(4)]),
            unique_by=lambda one: one["value"],
            min_size=1,
        ),
        "contact": st.lists(
            st.sampled_from([{"id": f"c{n}", "gender": "other"} for n in range(3)]),
            unique_by=lambda one: one["id"],
            min_size=1,
        ),
    },
)


@given(edits, edits)
def test_a_merge_is_the_same_from_both_sides_and_merging_again_changes_nothing(
    ours: dict[str, Any], theirs: dict[str, Any]
) -> None:
    merged = three(PATIENT, ours, theirs)
    other = three(PATIENT, theirs, ours)
    assert bool(merged.clashes) == bool(other.clashes)
    if merged.clashes:
        return
    again = merge(
        merged.resource, PATIENT | theirs, sent=PATIENT, stored=PATIENT, knowledge=KNOWLEDGE
    )
    assert again.clashes == []
    assert again.resource == merged.resource, "as after a crash between file and base"


@given(edits)
def test_one_sided_edits_are_taken_whole(ours: dict[str, Any]) -> None:
    assert three(PATIENT, ours, {}).resource == PATIENT | ours
    assert three(PATIENT, {}, ours).resource == PATIENT | ours


def test_what_nothing_was_agreed_on_clashes_only_if_it_says_something_else() -> None:
    ours = {"resourceType": "Observation", "id": "x", "status": "final", "code": {"text": "a  b"},
            "valueQuantity": {"value": Decimal("1.50"), "unit": "kg"}}  # fmt: skip
    theirs = {**ours, "code": {"text": "a b"}, "valueQuantity": {"value": Decimal("1.5"),
                                                                 "unit": "kg"}}  # fmt: skip
    merged = merge(ours, theirs, sent=None, stored=None)
    assert not merged.clashes
    assert merged.resource == ours
    other = {**theirs, "valueQuantity": {"value": Decimal("1.6"), "unit": "kg"}}
    assert merge(ours, other, sent=None, stored=None).clashes
