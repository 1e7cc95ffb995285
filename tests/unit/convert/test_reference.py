"""The page for authors is true: tables as in the code, an example that converts, known rules."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from convert_cases import ROOT, write_case

from fhirkit.convert.catalogue import CATALOGUE
from fhirkit.convert.kinds import KINDS
from fhirkit.convert.kinds import wordlists as words
from fhirkit.convert.reference import MARKER, reference_page
from fhirkit.convert.values import Word
from fhirkit.terminology.codes import check

PAGE = (ROOT / "docs/case-format.md").read_text(encoding="utf-8")


def test_the_tables_are_those_of_the_code() -> None:
    assert PAGE.partition(MARKER)[1] + PAGE.partition(MARKER)[2] == reference_page()


def test_the_first_example_converts(tmp_path: Path) -> None:
    example = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert example is not None
    report = (
        "A woman of 34 came on 14 March 2024. Wheezing on workdays, temperature 36.9 °C.\n"
        "Asthma was suspected.\n"
    )
    done = write_case(tmp_path, example[1], report)
    assert len(done.outcome) == 0
    assert done.output is not None


def test_every_rule_used_is_in_the_catalogue() -> None:
    used = set()
    for path in (ROOT / "fhirkit").rglob("*.py"):
        if path.name != "catalogue.py":
            used |= set(re.findall(r'"(case-[a-z-]+)"', path.read_text(encoding="utf-8")))
    assert used == set(CATALOGUE)


@pytest.mark.parametrize(
    "name", [name for name in dir(words) if isinstance(getattr(words, name), Word)]
)
def test_displays_are_hl7s(name: str) -> None:
    """Where the embedded definitions list a code, our display is theirs."""
    word = getattr(words, name)
    for code, display in word.words.items():
        found = check(word.system, code)
        if found.is_known and found.display is not None:
            assert display == found.display, code


def test_every_kind_has_a_builder() -> None:
    from fhirkit.convert.builders import BUILDERS

    assert set(BUILDERS) == set(KINDS)


def test_every_key_of_a_fact_is_used_by_a_builder_or_check() -> None:
    """A key that nothing reads would be a fact silently lost."""
    text = "\n".join(
        path.read_text(encoding="utf-8")
        for path in (ROOT / "fhirkit/convert").rglob("*.py")
        if "kinds" not in path.parts
    )
    for kind in KINDS.values():
        for key in kind.keys:
            assert re.search(rf'"{key}"', text), f"{kind.name}.{key}"
