"""What the matrix has shown to be broken: the case, and what is known of it.

Nothing is hidden: docs/faults.md lists the same, and a case that holds again fails the test until
it is struck out here.
"""

from __future__ import annotations

_RESPELLED = (
    "the answer to a creation is lost on a server that stores it in another form and keeps no "
    "request id: ours cannot be told from another's, so it ends as a conflict (4) that is none"
)
# Not guessed from "it contains all that was sent": a second tree may have created the same id with
# an element more, our next update would then take that away, and nobody would be told (I2).
# One pull merges it, and loses nothing of either side.
BROKEN: dict[str, str] = {
    "F10 first push: the server adds language, and the answer is lost": _RESPELLED,
    "F10 first push: the server adds meta, and the answer is lost": _RESPELLED,
}
