"""How much of the damage done to resources is found, by kind."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

from damages import IN_XML, Damaged, damages
from xmltext import xml_text

from fhirkit import Validator


class Counts:
    """Does damage, asks the validator, and counts. A seed decides which damage is done."""

    def __init__(self, validator: Validator, seed: int = 20) -> None:
        self._validator = validator
        self._chance = random.Random(seed)  # noqa: S311  # made-up data
        self.done: Counter[str] = Counter()
        self.found: Counter[str] = Counter()
        self.ways: set[str] = set()
        #: What passed: the way of damage and the place.
        self.missed: list[str] = []

    def json(self, base: dict[str, Any], most: int) -> None:
        """Damage up to so many copies of a resource."""
        for damaged in self._some(list(damages(base, self._validator._shapes)), most):
            self._count(damaged, damaged.resource)

    def xml(self, base: dict[str, Any], most: int) -> None:
        """The same with copies that are written as XML."""
        shapes = self._validator._shapes
        every = [one for one in damages(base, shapes) if one.how in IN_XML]
        for damaged in self._some(every, most):
            self._count(damaged, xml_text(damaged.resource, shapes))

    def broken(self, kind: str, name: str, resource: dict[str, Any]) -> None:
        """Count a resource that is broken as it stands."""
        self._count(Damaged(kind, name, name, resource), resource)

    def below(self, share: float) -> dict[str, float]:
        """The kinds of which less than this share was found."""
        shares = {kind: self.found[kind] / done for kind, done in self.done.items()}
        return {kind: found for kind, found in shares.items() if found < share}

    def _some(self, every: list[Damaged], most: int) -> list[Damaged]:
        return self._chance.sample(every, min(most, len(every)))

    def _count(self, damaged: Damaged, source: Any) -> None:
        self.done[damaged.kind] += 1
        self.ways.add(damaged.how)
        if self._validator.validate(source).valid:
            self.missed.append(f"{damaged.how}: {damaged.where}")
        else:
            self.found[damaged.kind] += 1
