"""Other versions of FHIR: a made-up one here, and R4B and R5 where their packages are at hand."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from fhirkit import Validator, dumps
from fhirkit.core.errors import UsageError
from fhirkit.definitions.package import Package, read_package
from fhirkit.validate import core

CORE = "http://hl7.org/fhir/StructureDefinition/"
SYSTEM = "http://hl7.org/fhirpath/System."
REAL = {
    version: Path(folder) / name
    for folder in os.environ.get("FHIRKIT_TEST_PACKAGES", "").split(os.pathsep)
    if folder
    for version, name in (
        ("4.3.0", "hl7.fhir.r4b.core-4.3.0.tgz"),
        ("5.0.0", "hl7.fhir.r5.core-5.0.0.tgz"),
    )
}


def element(path: str, kind: str | None = None, low: int = 0, high: str = "1", **more: Any) -> Any:
    made: dict[str, Any] = {"id": path, "path": path, "min": low, "max": high, **more}
    made["base"] = {"path": path, "min": low, "max": high}
    if kind is not None:
        made["type"] = [{"code": kind}]
    return made


def structure(name: str, kind: str, base: str | None, *elements: Any, **more: Any) -> Any:
    made = {
        "resourceType": "StructureDefinition", "url": CORE + name, "version": "9.1.0",
        "name": name, "status": "draft", "fhirVersion": "9.1.0", "kind": kind, "abstract": False,
        "type": name, "derivation": "specialization",
        "snapshot": {"element": [element(name, high="*"), *elements]}, **more,
    }  # fmt: skip
    return made | ({"baseDefinition": CORE + base} if base else {})


def primitive(name: str, system: str = "String", regex: str | None = None) -> Any:
    pattern = [{"url": CORE + "regex", "valueString": regex}] if regex else []
    value = element(f"{name}.value")
    value["type"] = [{"code": SYSTEM + system, "extension": pattern}]
    return structure(name, "primitive-type", "Element", value)


GIZMO = structure(
    "Gizmo", "resource", "Resource",
    element("Gizmo.id", "id"),
    element("Gizmo.colour", "code", 1,
            binding={"strength": "required", "valueSet": "http://hl7.org/fhir/ValueSet/colour"}),
    element("Gizmo.weight", "integer64"),
    element("Gizmo.serial", "serial"),
    element("Gizmo.gender", "string"),
    element("Gizmo.spare", "boolean", high="*",
            constraint=[{"key": "giz-1", "severity": "error", "human": "No spare is false.",
                         "expression": "$this"}]),
)  # fmt: skip

DEFINITIONS = [
    structure("Element", "complex-type", None, element("Element.id", "id")),
    structure("Resource", "resource", None, element("Resource.id", "id"), abstract=True),
    primitive("string"), primitive("id"), primitive("code"),
    primitive("serial", regex="[a-z]{3}"),
    primitive("uri"), primitive("boolean", "Boolean"),
    primitive("integer64", "Integer", "[+-]?[0-9]+"),
    GIZMO,
    {"resourceType": "CodeSystem", "url": "http://hl7.org/fhir/colour", "content": "complete",
     "status": "draft", "concept": [{"code": "red"}, {"code": "blue"}]},
    {"resourceType": "ValueSet", "url": "http://hl7.org/fhir/ValueSet/colour", "status": "draft",
     "compose": {"include": [{"system": "http://hl7.org/fhir/colour"}]}},
]  # fmt: skip


def write_package(folder: Path, name: str, version: str, definitions: list[Any]) -> Path:
    inner = folder / "package"
    inner.mkdir(parents=True)
    manifest = {"name": name, "version": version, "fhirVersions": [version]}
    (inner / "package.json").write_text(dumps(manifest))
    for one in definitions:
        kind, last = one["resourceType"], one["url"].rpartition("/")[2]
        (inner / f"{kind}-{last}.json").write_text(dumps(one))
    return folder


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where compiled definitions are kept in this test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    return tmp_path / "home/fhirkit/definitions"


@pytest.fixture
def made_up(tmp_path: Path, kept: Path) -> Path:
    return write_package(tmp_path / "core", "made.up.core", "9.1.0", DEFINITIONS)


def rules(validator: Validator, resource: dict[str, Any]) -> list[tuple[str, str]]:
    return [(issue.rule, issue.expression) for issue in validator.validate(resource)]


GOOD = {"resourceType": "Gizmo", "id": "abc", "colour": "red", "weight": "9223372036854775807"}


def test_resources_go_by_the_definitions_of_the_core_package(made_up: Path) -> None:
    validator = Validator(packages=[made_up])
    assert rules(validator, GOOD) == []
    assert rules(validator, {**GOOD, "spare": [True]}) == []
    assert rules(validator, {**GOOD, "serial": "abc"}) == []
    assert rules(validator, {**GOOD, "serial": "ab1"}) == [("primitive-format", "Gizmo.serial")]
    green = [("binding-required", "Gizmo.colour"), ("code-not-found", "Gizmo.colour")]
    assert rules(validator, {**GOOD, "colour": "green"}) == green
    assert rules(validator, {**GOOD, "size": 1}) == [("element-unknown", "Gizmo")]
    broken = rules(validator, {**GOOD, "spare": [True, False]})
    assert broken == [("constraint-broken", "Gizmo.spare[1]")]


@pytest.mark.parametrize(
    ("weight", "rule"),
    [
        ("-9223372036854775808", None),
        ("9223372036854775808", "primitive-range"),
        ("9" * 5000, "primitive-range"),
        ("1.5", "primitive-format"),
        (1, "primitive-type"),
    ],
)
def test_integer64_is_a_string_in_range(made_up: Path, weight: object, rule: str | None) -> None:
    found = rules(Validator(packages=[made_up]), {**GOOD, "weight": weight})
    assert [one for one, _ in found] == ([] if rule is None else [rule])


def test_nothing_of_r4_leaks_in(made_up: Path) -> None:
    validator = Validator(packages=[made_up])
    for name in ("Patient", "Bundle", "OperationOutcome"):
        outcome = validator.validate({"resourceType": name})
        assert [issue.rule for issue in outcome] == ["resource-type-unknown"]
        assert "FHIR 9.1.0" in outcome.issues[0].message
    # Its code system and value set of R4 are not those of this version.
    store = validator._store
    assert store.value_set("http://hl7.org/fhir/ValueSet/administrative-gender") is None
    assert store.codes("http://hl7.org/fhir/administrative-gender") is None
    assert store.type("HumanName") is None
    assert store.resource_types == {"Gizmo"}


def test_r4_stays_what_it_is_beside_it(made_up: Path) -> None:
    Validator(packages=[made_up])
    plain = Validator()
    assert rules(plain, GOOD) == [("resource-type-unknown", "Resource")]
    assert rules(plain, {"resourceType": "Patient", "gender": "male"}) == []


def test_a_core_package_that_is_merely_needed_defines_nothing(tmp_path: Path, kept: Path) -> None:
    patient = {**GIZMO, "url": CORE + "Patient", "name": "Patient", "type": "Patient"}
    cached = tmp_path / "packages"
    write_package(cached / "made.up.core#9.1.0", "made.up.core", "9.1.0", [*DEFINITIONS, patient])
    guide = write_package(tmp_path / "guide", "made.up.guide", "1.0.0", [])
    manifest = guide / "package/package.json"
    needs = {"name": "made.up.guide", "version": "1.0.0", "dependencies": {"made.up.core": "9.1.0"}}
    manifest.write_text(dumps(needs))
    validator = Validator(packages=[guide], package_cache=cached)
    assert rules(validator, {"resourceType": "Patient", "gender": "male"}) == []
    assert rules(validator, {"resourceType": "Patient", "gender": "m"}) == [
        ("binding-required", "Patient.gender"),
        ("code-not-found", "Patient.gender"),
    ]


def test_a_version_is_asked_for_by_number(tmp_path: Path, kept: Path, made_up: Path) -> None:
    assert rules(Validator(packages=[made_up], fhir_version="9.1.0"), GOOD) == []
    assert rules(Validator(fhir_version="R4"), {"resourceType": "Patient"}) == []
    r5 = tmp_path / "packages/hl7.fhir.r5.core#5.0.0"
    write_package(r5, "hl7.fhir.r5.core", "5.0.0", DEFINITIONS)
    for asked in ("R5", "r5", "5.0.0"):
        validator = Validator(fhir_version=asked, package_cache=tmp_path / "packages")
        assert rules(validator, GOOD) == []


@pytest.mark.parametrize(
    ("version", "packages", "said"),
    [
        ("5.0.0", [], "fhirkit package add hl7.fhir.r5.core@5.0.0"),
        ("8.8.8", [], "name its core package with --package"),
        ("5", [], "write it in full"),
        ("R5", ["core"], "name the core package of FHIR 5.0.0"),
        (None, ["core", "other"], "name one of them"),
    ],
)
def test_what_is_not_at_hand_is_said(
    tmp_path: Path, made_up: Path, version: str | None, packages: list[str], said: str
) -> None:
    write_package(tmp_path / "other", "made.up.core", "9.2.0", DEFINITIONS)
    named = [tmp_path / name for name in packages]
    with pytest.raises(UsageError) as caught:
        Validator(packages=named, fhir_version=version, package_cache=tmp_path / "none")
    assert said in (caught.value.advice or "")


def test_compiled_once_and_again_when_the_package_changes(made_up: Path, kept: Path) -> None:
    Validator(packages=[made_up])
    (first,) = kept.glob("*.sqlite")
    before = first.stat().st_mtime_ns
    Validator(packages=[made_up])
    assert [first] == list(kept.glob("*.sqlite"))
    assert first.stat().st_mtime_ns == before
    path = made_up / "package/ValueSet-colour.json"
    path.write_text(path.read_text().replace("/colour", "/color", 1))
    Validator(packages=[made_up])
    assert len(list(kept.glob("*.sqlite"))) == 2


@pytest.mark.parametrize("damage", [b"", b"SQLite format 3\0" + b"x" * 5000, None])
def test_d7_a_damaged_file_is_made_anew(made_up: Path, kept: Path, damage: bytes | None) -> None:
    Validator(packages=[made_up])
    (path,) = kept.glob("*.sqlite")
    good = path.read_bytes()
    path.write_bytes(good[: len(good) // 2] if damage is None else damage)
    from fhirkit.definitions import embedded

    embedded.connect.cache_clear()
    assert rules(Validator(packages=[made_up]), GOOD) == []
    assert path.stat().st_size == len(good)


def test_d9_a_cache_that_cannot_be_written_to_is_done_without(
    tmp_path: Path, made_up: Path
) -> None:
    (tmp_path / "home").write_text("a file, no folder")
    assert rules(Validator(packages=[made_up]), GOOD) == []


def test_threads_and_processes_compile_at_once(made_up: Path, kept: Path) -> None:
    program = "import sys; from fhirkit import Validator; Validator(packages=[sys.argv[1]])"
    command = [sys.executable, "-c", program, str(made_up)]
    running = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(3)]
    assert [process.communicate(timeout=60)[1] for process in running] == [b""] * 3
    (path,) = kept.glob("*.sqlite")
    with ThreadPoolExecutor(4) as pool:
        found = pool.map(lambda _: rules(Validator(packages=[made_up]), GOOD), range(8))
    assert list(found) == [[]] * 8
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    assert [
        one.name for one in kept.iterdir() if one.suffix not in (".sqlite", ".txt", ".lock")
    ] == []


def test_the_command_takes_the_version(made_up: Path, tmp_path: Path) -> None:
    (tmp_path / "gizmo.json").write_text(dumps({**GOOD, "colour": "green"}))
    command = [sys.executable, "-m", "fhirkit.cli.main", "validate", str(tmp_path / "gizmo.json")]
    command += ["--package", str(made_up), "--fhir-version", "9.1.0", "--format", "concise"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "expected one of blue, red" in done.stdout


def test_the_settings_of_a_project_name_the_version(made_up: Path, tmp_path: Path) -> None:
    (tmp_path / "gizmo.json").write_text(dumps(GOOD))
    (tmp_path / "fhirkit.toml").write_text('packages = ["core"]\nfhir-version = "9.1.0"\n')
    command = [sys.executable, "-m", "fhirkit.cli.main", "validate", "gizmo.json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    (tmp_path / "fhirkit.toml").write_text('packages = ["core"]\nfhir-version = "R5"\n')
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "is not FHIR 5.0.0" in done.stderr


def test_core_packages_are_known_by_what_they_define(made_up: Path) -> None:
    files = {path.name: path.read_bytes() for path in (made_up / "package").iterdir()}
    assert core.is_core(Package("any.name", "1.0.0", ("1.0.0",), files))
    del files["StructureDefinition-Element.json"]
    assert not core.is_core(Package("hl7.fhir.r5.core", "5.0.0", ("5.0.0",), files))


@pytest.mark.slow
@pytest.mark.skipif(not REAL, reason="FHIRKIT_TEST_PACKAGES names no folder of core packages")
@pytest.mark.parametrize("version", ["4.3.0", "5.0.0"])
def test_the_published_definitions_are_resources_of_their_version(version: str, kept: Path) -> None:
    """Most definitions of a core package are valid by that package; by R4 many are not."""
    path = REAL[version]
    package = read_package(path)
    own, other = Validator(packages=[path]), Validator()
    names = sorted(package.files)[::12]
    # Later versions have their standard extensions in a package of their own, not at hand here.
    wrong = [
        name
        for name in names
        if {issue.rule for issue in own.validate(package.files[name]).errors}
        - {"extension-unknown"}
    ]
    assert len(wrong) <= len(names) // 10, wrong
    by_r4 = [name for name in names if not other.validate(package.files[name]).valid]
    assert len(by_r4) > 2 * len(wrong)


@pytest.mark.slow
@pytest.mark.skipif(not REAL, reason="FHIRKIT_TEST_PACKAGES names no folder of core packages")
def test_what_changed_between_the_versions(kept: Path) -> None:
    statement = {
        "resourceType": "MedicationStatement",
        "status": "recorded",
        "medication": {"concept": {"text": "iron"}},
        "subject": {"reference": "Patient/1"},
    }
    assert rules(Validator(packages=[REAL["5.0.0"]]), statement) == []
    for validator in (Validator(packages=[REAL["4.3.0"]]), Validator()):
        assert {rule for rule, _ in rules(validator, statement)} == {
            "element-unknown",
            "cardinality-min",
            "binding-required",
            "code-not-found",
        }
    media = {
        "resourceType": "Media",
        "status": "completed",
        "content": {"url": "http://example.org/x"},
    }
    assert rules(Validator(packages=[REAL["4.3.0"]]), media) == []
    gone = rules(Validator(packages=[REAL["5.0.0"]]), media)
    assert gone == [("resource-type-unknown", "Resource")]
