"""The chaos server of fhirkit itself, in the strict form that these tests begin with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fhirkit.chaos import Behaviour, ChaosServer
from fhirkit.chaos.normalise import NORMALISATIONS
from fhirkit.chaos.reply import Reply

Resource = dict[str, Any]
__all__ = ["FakeServer", "Reply", "Resource"]


class FakeServer(ChaosServer):
    """`url` is its base; `set` makes it another kind of server."""

    def __init__(self) -> None:
        super().__init__(Behaviour(identical_update_is_new_version=False))

    def set(self, **settings: Any) -> None:
        self.behaviour = self.behaviour.changed(settings)

    def normalise(self, change: Callable[[Resource], Resource]) -> None:
        """Store what `change` makes of a resource; for spellings that no setting has."""
        NORMALISATIONS["of-a-test"] = change
        self.set(normalisation="of-a-test")

    def version_count(self) -> int:
        return len(self.store.log)
