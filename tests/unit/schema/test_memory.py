"""What is not defined is remembered for a while only: names come from inputs."""

from __future__ import annotations

import pytest

from fhirkit import Validator
from fhirkit.schema import memory
from fhirkit.schema.memory import Memory
from fhirkit.validate import supplied
from fhirkit.validate.supplied import Supplied


def test_each_thing_is_found_once() -> None:
    asked: list[str] = []

    def load(name: str) -> str | None:
        asked.append(name)
        return None if name == "nothing" else name.upper()

    known = Memory[str]()
    for _ in range(3):
        assert known.get("a", load) == "A"
        assert known.get("nothing", load) is None
    assert asked == ["a", "nothing"]


def test_there_is_an_end_to_what_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MANY", 10)
    known = Memory[str]()
    known.get("here", lambda _: "found")
    for number in range(1000):
        assert known.get(f"n{number}", lambda _: None) is None
    assert len(known._absent) <= 10
    assert known.get("here", lambda _: pytest.fail("asked again")) == "found"


def test_a_validator_does_not_grow_with_what_it_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MANY", 10)
    validator = Validator()
    for number in range(50):
        url = f"http://example.org/{number}"
        resource = {
            "resourceType": "Basic",
            "meta": {"profile": [url, f"{url}#part"]},
            "code": {"coding": [{"system": url, "code": "x"}]},
        }
        assert validator.validate(resource).valid
    store = validator._store
    for table in (store._structures, store._value_sets, store._codes, store._code_systems):
        assert len(table._absent) <= 10
        assert not any("example.org" in name for name in table._found)


def test_supplied_files_are_kept_in_bounds(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pathlib import Path

    folder = Path(str(tmp_path))
    for number in range(20):
        (folder / f"Basic-{number}.json").write_text("{}")
    monkeypatch.setattr(supplied, "MANY", 5)
    read: list[Path] = []

    def reader(path: Path) -> dict[str, str]:
        read.append(path)
        return {"resourceType": "Basic", "id": path.stem.partition("-")[2]}

    found = Supplied(folder, reader)
    for number in range(200):
        resource = found.find(f"Basic/{number}")
        assert (resource is not None) == (number < 20)
        assert resource is found.find(f"Basic/{number}/_history/2")
    assert len(read) == 20
    assert len(found._known) <= 5
    given = [{"resourceType": "Basic", "id": str(number)} for number in range(20)]
    held = Supplied(given, lambda one: one)
    assert all(held.find(f"Basic/{number}") is given[number] for number in range(20))
    assert held.find("Basic/20") is None
