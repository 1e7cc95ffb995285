"""Which requests meet which fault, as data: a TOML file with one ``[[fault]]`` each.

``method`` and ``path`` (a pattern with ``*`` and ``?``, below the base, with the query) choose
requests; ``nth`` is the first of those that is struck and ``times`` how many in a row (0: all);
``do`` names the fault, and the rest are its settings. The first rule that strikes a request is the
one that happens.
"""

from __future__ import annotations

import threading
import tomllib
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from fhirkit.chaos.exchange import Exchange
from fhirkit.chaos.faults import FAULTS
from fhirkit.core.errors import UsageError
from fhirkit.core.files import read_bytes

_RULE = {"name": str, "method": str, "path": str, "nth": int, "times": int, "do": str}


@dataclass
class Rule:
    """One fault and the requests it meets. ``met`` and ``struck`` count them."""

    do: str
    name: str = ""
    method: str = ""
    path: str = "*"
    nth: int = 1
    times: int = 1
    settings: dict[str, Any] = field(default_factory=dict)
    met: int = 0
    struck: int = 0

    def __post_init__(self) -> None:
        if self.do not in FAULTS:
            raise UsageError(
                f"there is no fault {self.do!r}", advice=f"one of: {', '.join(FAULTS)}"
            )
        defaults = FAULTS[self.do][1]
        for name, value in self.settings.items():
            if name not in defaults:
                known = ", ".join(defaults) or "none"
                raise UsageError(
                    f"fault {self.do} has no setting {name}", advice=f"it has: {known}"
                )
            wanted = type(defaults[name])
            if wanted is float and type(value) is int:
                self.settings[name] = float(value)
            elif type(value) is not wanted and defaults[name] != "":
                raise UsageError(f"fault {self.do}: {name} expects {wanted.__name__}")

    def strikes(self, method: str, target: str) -> bool:
        """Whether this request is struck; counts it."""
        if self.method not in ("", method) or not fnmatchcase(target, self.path):
            return False
        self.met += 1
        if self.met < self.nth or (self.times and self.struck >= self.times):
            return False
        self.struck += 1
        return True

    def act(self, exchange: Exchange) -> None:
        """Let it happen."""
        function, defaults = FAULTS[self.do]
        function(exchange, {**defaults, **self.settings})


@dataclass
class Schedule:
    """The rules, in order. ``serve`` is asked for every request."""

    rules: list[Rule] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def serve(self, exchange: Exchange, target: str) -> bool:
        """Whether a fault happened; its answer is sent then."""
        # The base itself, where Bundles are posted to, has a path as well.
        path = target if target.startswith("/") else f"/{target}"
        with self._lock:
            rule = next((one for one in self.rules if one.strikes(exchange.method, path)), None)
        if rule is None:
            return False
        rule.act(exchange)
        return True

    @property
    def unmet(self) -> list[str]:
        """The rules that never struck; a test that meant them proves nothing."""
        return [rule.name or rule.do for rule in self.rules if not rule.struck]


def read_schedule(path: Path) -> Schedule:
    """The schedule in a TOML file; ``UsageError`` that names the rule for anything wrong in it."""
    try:
        table = tomllib.loads(read_bytes(path).decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise UsageError(f"{path}: not TOML: {problem}") from None
    return schedule_of(table, str(path))


def schedule_of(table: dict[str, Any], place: str = "the schedule") -> Schedule:
    """The schedule in a table of rules, as a TOML file has it."""
    rows = table.get("fault", [])
    if set(table) - {"fault"} or not isinstance(rows, list):
        raise UsageError(f"{place}: expected [[fault]] tables and nothing else")
    rules = []
    for number, row in enumerate(rows, 1):
        try:
            rules.append(_rule(row))
        except UsageError as problem:
            where = f"{place}: fault {number}: {problem.message}"
            raise UsageError(where, advice=problem.advice) from None
    return Schedule(rules)


def _rule(row: Any) -> Rule:
    if not isinstance(row, dict) or "do" not in row:
        raise UsageError('expected a table with do = "…"', advice=f"one of: {', '.join(FAULTS)}")
    given = dict(row)
    parts = {name: given.pop(name) for name in _RULE if name in given}
    for name, value in parts.items():
        if type(value) is not _RULE[name]:
            raise UsageError(f"{name} expects {_RULE[name].__name__}")
    if parts.get("nth", 1) < 1 or parts.get("times", 1) < 0:
        raise UsageError("nth counts from 1, and times from 0 (always)")
    parts["method"] = parts.get("method", "").upper()
    return Rule(**parts, settings=given)
