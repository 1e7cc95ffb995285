"""Text made safe for where it goes: terminals, and the command lines that CI logs understand.

Hardening X13 to X15: a name or message that comes from a record must not drive a terminal, end a
document early, or look like an order to the program that reads the log.
"""

from __future__ import annotations

import re
from pathlib import PurePath
from urllib.parse import quote

from fhirkit.report.visible import visible

# What a CI system would take for a command in a log: GitHub's ::name:: at the start of a line,
# and Azure's ##vso[ and GitHub's older ##[ anywhere.
_COMMAND = re.compile(r"##(?=\[|vso\[)")
_LINES = re.compile(r"[\n\t]")


def without_commands(text: str) -> str:
    """The text with nothing in it that a CI system would obey."""
    text = _COMMAND.sub("# #", text)
    return f"./{text}" if text.lstrip().startswith(("::", "##")) else text


def one_line(text: str) -> str:
    """The text on one line, with nothing in it that drives a terminal or a CI system."""
    return without_commands(_LINES.sub(" ", visible(text)))


def workflow_data(text: str) -> str:
    """The message of a GitHub workflow command; it ends at the end of the line."""
    return visible(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def workflow_property(text: str) -> str:
    """A property of a GitHub workflow command, which also ends at a comma or colon."""
    return workflow_data(text).replace(":", "%3A").replace(",", "%2C")


def artifact_uri(file: str, root: PurePath) -> str:
    """A file as a URI: relative to the root where it is below it, percent-encoded."""
    path = PurePath(file)
    if path.is_absolute():
        if not path.is_relative_to(root):
            return "file://" + quote(path.as_posix())
        path = path.relative_to(root)
    return quote(path.as_posix())
