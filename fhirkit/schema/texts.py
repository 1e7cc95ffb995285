"""What the core definitions say in words, of an element and of a code: for people."""

from __future__ import annotations

from sqlite3 import Connection


class Texts:
    """The words of one FHIR version's core package."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def element(self, path: str) -> tuple[str, str]:
        """(short, definition) of an element by its path: ``Patient.gender``; empty when unknown."""
        row = self._connection.execute(
            "SELECT short, definition FROM element WHERE path = ?", (path,)
        ).fetchone()
        return ("", "") if row is None else (row[0], row[1])

    def display(self, system: str, code: str) -> str:
        """The display of a code as its system writes it; empty when it is not at hand."""
        row = self._connection.execute(
            "SELECT display FROM code WHERE system = ? AND code = ?", (system, code)
        ).fetchone()
        return "" if row is None or row[0] is None else str(row[0])
