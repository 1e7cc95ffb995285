"""The command line: one file a command, arguments and one function each. Only this layer prints."""

from __future__ import annotations

from pathlib import Path

import click


def _spare_a_look_up() -> None:
    # rich-click asks click for its version, and click answers through importlib.metadata: 20 ms at
    # every start. The name of the folder beside click says the same; in doubt click is left to it.
    found = list(Path(click.__file__).parent.parent.glob("click-*.dist-info"))
    if len(found) == 1:
        name = found[0].name.removeprefix("click-").removesuffix(".dist-info")
        vars(click).setdefault("__version__", name)


_spare_a_look_up()
