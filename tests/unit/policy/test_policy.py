"""Configuration, selection, suppressions and baseline: which issues count."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhirkit.core.errors import UsageError
from fhirkit.core.issues import Issue, Outcome, Severity
from fhirkit.policy import Baseline, Policy, find_config, read_config
from fhirkit.policy.config import ConfigFile, config_schema
from fhirkit.policy.patterns import fits_expression, fits_path

RULES = ["binding-required", "binding-extensible", "cardinality-min", "json-syntax"]
TODAY = dt.date(2026, 5, 1)


def issue(rule: str = "binding-required", place: str = "Patient.gender", **more: Any) -> Issue:
    return Issue(more.pop("severity", Severity.ERROR), rule, more.pop("message", "m"), place)


def config(folder: Path, text: str, name: str = "fhirkit.toml") -> ConfigFile:
    (folder / name).write_text(text)
    return read_config(folder / name)


def policy(folder: Path, text: str, **more: Any) -> Policy:
    return Policy(config(folder, text), RULES, today=TODAY, **more)


def kept(policy: Policy, *issues: Issue, file: str = "a.json") -> list[str]:
    return [str(one.rule) for one in policy.apply(file, Outcome(issues))]


# Reading


def test_the_nearest_configuration_is_found_and_a_repository_ends_the_search(
    tmp_path: Path,
) -> None:
    inner = tmp_path / "project/records"
    inner.mkdir(parents=True)
    config(tmp_path, 'ignore = ["json-syntax"]')
    assert find_config(inner).path == tmp_path / "fhirkit.toml"
    (tmp_path / "project/.git").mkdir()
    assert find_config(inner).path is None
    config(tmp_path / "project", "[tool.other]\nx = 1", "pyproject.toml")
    assert find_config(inner).path is None
    config(tmp_path / "project", "[tool.fhirkit]\nfail-on = 'warning'", "pyproject.toml")
    assert find_config(inner).config.fail_on == "warning"
    config(tmp_path / "project", "fail-on = 'error'")
    assert find_config(inner).config.fail_on == "error", "fhirkit.toml goes first"


@pytest.mark.parametrize(
    ("text", "message", "advice"),
    [
        ("ignroe = []", "unknown field `ignroe`", "did you mean 'ignore'?"),
        ("fail-on = 'sometimes'", "fail-on", "write one of error"),
        ("ignore = 'x'", "ignore", "docs/ci.md"),
        ("[[suppress]]\nrule = 'x'", "reason", "docs/ci.md"),
        ("[[suppress]]\nrule='x'\nreason='long'\nexpires='soon'", "suppress", "docs/ci.md"),
        ("x = ", "not valid TOML", None),
    ],
)
def test_a_wrong_configuration_is_refused_with_its_place(
    tmp_path: Path, text: str, message: str, advice: str | None
) -> None:
    with pytest.raises(UsageError, match=r"fhirkit\.toml: ") as caught:
        config(tmp_path, text)
    assert message in caught.value.message
    assert advice is None or advice in str(caught.value.advice)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_config(tmp_path / "fhirkit.toml")


@pytest.mark.parametrize(
    "text",
    ["ignore = ['bindig-required']", "select = ['x-*']", "[severity]\nnothing = 'off'",
     "[[suppress]]\nrule = 'cardinalty-min'\nreason = 'because'"],
)  # fmt: skip
def test_a_mistyped_rule_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match="no rule is named"):
        policy(tmp_path, text)


def test_the_schema_accepts_what_we_read_and_refuses_the_rest(tmp_path: Path) -> None:
    import tomllib

    from jsonschema import Draft202012Validator

    checker = Draft202012Validator(config_schema())
    text = "ignore = ['binding-*']\n[[profiles]]\npath = '*.json'\nprofiles = ['http://x']\n"
    assert checker.is_valid(tomllib.loads(text))
    assert not checker.is_valid(tomllib.loads("ignroe = []"))
    assert not checker.is_valid(tomllib.loads("fail-on = 'sometimes'"))


# Selection and severity


def test_select_and_ignore_take_patterns(tmp_path: Path) -> None:
    every = [issue(), issue("binding-extensible"), issue("cardinality-min")]
    assert kept(policy(tmp_path, "ignore = ['binding-*']"), *every) == ["cardinality-min"]
    assert kept(policy(tmp_path, "select = ['binding-*']"), *every) == every_rule(every[:2])
    asked = policy(tmp_path, "select = ['binding-*']", select=["cardinality-min"])
    assert kept(asked, *every) == ["cardinality-min"], "the command line goes before"
    both = policy(tmp_path, "ignore = ['binding-extensible']", ignore=["cardinality-min"])
    assert kept(both, *every) == ["binding-required"]


def every_rule(issues: list[Issue]) -> list[str]:
    return [one.rule for one in issues]


def test_severities_change_and_off_is_off(tmp_path: Path) -> None:
    text = "[severity]\nbinding-required = 'warning'\ncardinality-min = 'off'"
    outcome = policy(tmp_path, text).apply("a", Outcome((issue(), issue("cardinality-min"))))
    assert [(one.rule, one.severity) for one in outcome] == [("binding-required", Severity.WARNING)]


def test_what_cannot_be_read_always_counts(tmp_path: Path) -> None:
    fatal = issue("json-syntax", "", severity=Severity.FATAL)
    text = (
        "ignore = ['*']\n[severity]\njson-syntax = 'off'\n"
        "[[suppress]]\nrule = 'json-*'\nreason = 'please not'"
    )
    known = Baseline(tmp_path)
    known.add("a.json", [fatal])
    assert kept(policy(tmp_path, text, baseline=known), fatal) == ["json-syntax"]


# Suppressions


def test_a_suppression_fits_rule_path_and_place(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    text = """
    [[suppress]]
    rule = "binding-*"
    path = "old/**"
    expression = "Bundle.entry.resource.gender"
    reason = "the old system wrote it so"
    """
    made = policy(tmp_path, text)
    fits = issue(place="Bundle.entry[3].resource.gender")
    assert kept(made, fits, file="old/deep/a.json") == []
    assert kept(made, fits, file="new/a.json") == ["binding-required"]
    assert kept(made, issue(place="Bundle.entry[3].resource"), file="old/a.json") != []
    assert kept(made, issue("cardinality-min", fits.expression), file="old/a.json") != []
    assert made.suppressed == 1
    assert list(made.leftovers()) == []


def test_unused_and_expired_suppressions_are_told_with_their_line(tmp_path: Path) -> None:
    text = (
        "[[suppress]]\nrule = 'cardinality-min'\nreason = 'not needed'\n\n"
        "[[suppress]]\nrule = 'binding-required'\nreason = 'until then'\nexpires = 2026-04-30\n"
    )
    made = policy(tmp_path, text)
    assert kept(made, issue()) == ["binding-required"]
    told = list(made.leftovers())
    assert [(one.rule, one.line) for one in told] == [
        ("suppression-unused", 1),
        ("suppression-expired", 5),
    ]
    assert not any(one.is_error for one in told)
    last_day = policy(tmp_path, text.replace("2026-04-30", "2026-05-01"))
    assert kept(last_day, issue()) == []


@pytest.mark.parametrize(
    ("file", "pattern", "fits"),
    [
        ("a.json", "*.json", True),
        ("in/a.json", "*.json", False),
        ("in/a.json", "**/*.json", True),
        ("a.json", "**/*.json", True),
        ("in/deep/a.json", "in", True),
        ("in/deep/a.json", "in/", True),
        ("inn/a.json", "in", False),
        ("in/a.json", "./in/?.json", True),
        ("in/a+b.json", "in/a+b.json", True),
    ],
)
def test_globs_of_paths(
    tmp_path: Path, monkeypatch: Any, file: str, pattern: str, fits: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    assert fits_path(file, pattern, tmp_path) is fits
    assert fits_path(str(tmp_path / file), pattern, tmp_path) is fits


def test_a_file_outside_the_folder_fits_no_glob(tmp_path: Path) -> None:
    assert not fits_path("/elsewhere/a.json", "**", tmp_path)


@pytest.mark.parametrize(
    ("place", "pattern", "fits"),
    [
        ("A.b[0].c[1]", "A.b.c", True),
        ("A.b[0].c[1]", "A.b[0].c[1]", True),
        ("A.b[0].c[1]", "A.b[1].c[1]", False),
        ("A.b[0].c[1]", "A.*", True),
        ("A.b", "A.b.c", False),
    ],
)
def test_places_fit_with_or_without_indices(place: str, pattern: str, fits: bool) -> None:
    assert fits_expression(place, pattern) is fits


# Baseline


def test_a_baseline_knows_findings_by_content_and_number(tmp_path: Path) -> None:
    known = Baseline(tmp_path)
    first, second = issue(place="Bundle.entry[0].x"), issue(place="Bundle.entry[7].x")
    known.add(str(tmp_path / "a.json"), [first, second])
    known.write(tmp_path / "base.json")
    read = Baseline.read(tmp_path / "base.json")
    assert len(read) == 2
    made = policy(tmp_path, "", baseline=read)
    moved = [issue(place=f"Bundle.entry[{n}].x") for n in (1, 9, 4)]
    assert kept(made, *moved, file=str(tmp_path / "a.json")) == ["binding-required"]
    assert made.known == 2
    assert kept(made, first, file=str(tmp_path / "b.json")) == ["binding-required"]


def test_what_the_baseline_knew_and_is_gone_is_told(tmp_path: Path) -> None:
    known = Baseline(tmp_path)
    known.add(str(tmp_path / "a.json"), [issue(), issue(message="other")])
    known.add(str(tmp_path / "unvisited.json"), [issue()])
    made = policy(tmp_path, "", baseline=known)
    assert kept(made, issue(), file=str(tmp_path / "a.json")) == []
    (told,) = made.leftovers()
    assert told.rule == "baseline-stale"
    assert told.message.startswith("1 ")


@given(st.text(min_size=6), st.text(min_size=6))
def test_a_baseline_holds_no_text_of_findings(tmp_path_factory: Any, one: str, two: str) -> None:
    folder = tmp_path_factory.mktemp("base")
    known = Baseline(folder)
    known.add(str(folder / "a.json"), [issue(place=f"zq{one}", message=f"zq{two}")])
    known.write(folder / "base.json")
    assert b"zq" not in (folder / "base.json").read_bytes()


@pytest.mark.parametrize("text", ["", "[]", '{"version": 9, "findings": {}}', '{"version": 1}'])
def test_a_damaged_baseline_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "b.json").write_text(text)
    with pytest.raises(UsageError, match="baseline"):
        Baseline.read(tmp_path / "b.json")


def test_a_missing_baseline_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        Baseline.read(tmp_path / "b.json")
    assert "fhirkit baseline" in str(caught.value.advice)


# Profiles


def test_profiles_are_asked_by_path_and_type(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    text = """
    [[profiles]]
    path = "labs/**"
    type = "Observation"
    profiles = ["http://example.org/lab"]
    [[profiles]]
    type = "Patient"
    profiles = ["http://example.org/patient"]
    """
    made = policy(tmp_path, text)
    assert made.profiles("labs/a.json", "Observation") == ("http://example.org/lab",)
    assert made.profiles("a.json", "Observation") == ()
    assert made.profiles("labs/a.json", "Patient") == ("http://example.org/patient",)
    assert made.asks_profiles
