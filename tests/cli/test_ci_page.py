"""docs/ci.md: its settings are read, its table names every format, its words are true."""

from __future__ import annotations

import re
from pathlib import Path

from fhirkit.policy import Policy, read_config
from fhirkit.report.formats import FORMATS
from fhirkit.validate.catalogue import RULES

PAGE = (Path(__file__).parents[2] / "docs/ci.md").read_text()


def snippets(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def test_the_settings_shown_are_read(tmp_path: Path) -> None:
    (settings,) = snippets("toml")
    (tmp_path / "fhirkit.toml").write_text(settings)
    read = read_config(tmp_path / "fhirkit.toml")
    assert read.config.baseline == "fhirkit-baseline.json"
    assert Policy(read, RULES).asks_profiles


def test_every_format_is_told() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| `")]
    told = {name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    assert told == set(FORMATS)
