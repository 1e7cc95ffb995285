"""Hatchling's build hook: makes what git does not keep before a wheel's files are collected."""

from __future__ import annotations

import sys
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

HERE = Path(__file__).resolve().parent
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))

import build_definitions  # noqa: E402  # needs the path set above
import build_gate  # noqa: E402  # the same


class FhirkitBuildHook(BuildHookInterface):  # type: ignore[type-arg]  # hatchling's generic has no useful argument here
    """Makes the definitions, and the native gate where there is a compiler."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, object]) -> None:
        """Called by hatchling for a wheel, an editable one too."""
        del version
        build_definitions.build()
        if build_gate.build() is not None:
            from packaging.tags import platform_tags

            # Any Python 3, since no Python symbol is in it, but this platform only.
            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-{next(platform_tags())}"
