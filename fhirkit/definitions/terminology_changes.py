"""What HL7 changed in R4's code systems after R4 came out, applied when definitions are compiled.

Code systems under terminology.hl7.org are kept apart from FHIR since 2019 and go on changing
(https://terminology.hl7.org). The copies inside the R4 package are as of 2019; codes that were
added or withdrawn since are listed in a file beside this module, without texts.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

Resource = dict[str, Any]

CHANGES = Path(__file__).with_name("terminology_changes.json")
_V2 = "v2-"


@lru_cache(maxsize=1)
def _changes() -> Resource:
    found: Resource = json.loads(CHANGES.read_bytes())
    return found


def changed(code_system: Resource) -> Resource:
    """A CodeSystem of R4 as it stands today; one that did not change is returned as it is."""
    name = str(code_system.get("url", "")).removeprefix(_changes()["base"])
    if name == code_system.get("url") or code_system.get("content") != "complete":
        return code_system
    today = dict(code_system)
    if name.startswith(_V2):
        today["caseSensitive"] = name not in _changes()["unmaintained"]
    elif name in _changes()["insensitive"]:
        today["caseSensitive"] = False
    change = _changes()["systems"].get(name, {})
    if "removed" in change:
        today["concept"] = _without(today.get("concept", []), frozenset(change["removed"]))
    if "added" in change:
        present = _codes(today.get("concept", []))
        added = [{"code": code} for code in change["added"] if code not in present]
        today["concept"] = [*today.get("concept", []), *added]
    return today


def renamed(url: str) -> frozenset[str]:
    """The codes of a code system whose displays are others today than in R4."""
    name = url.removeprefix(_changes()["base"])
    change = _changes()["systems"].get(name, {})
    return frozenset((*change.get("renamed", ()), *change.get("added", ())))


def _codes(concepts: list[Resource]) -> set[str]:
    below = (_codes(concept.get("concept", [])) for concept in concepts)
    return {concept["code"] for concept in concepts}.union(*below)


def _without(concepts: list[Resource], removed: frozenset[str]) -> list[Resource]:
    """The concepts that are left, with what stood below a removed one in its place."""
    left: list[Resource] = []
    for concept in concepts:
        below = _without(concept.get("concept", []), removed)
        if concept["code"] in removed:
            left.extend(below)
        elif below:
            left.append({**concept, "concept": below})
        else:
            left.append({key: value for key, value in concept.items() if key != "concept"})
    return left
