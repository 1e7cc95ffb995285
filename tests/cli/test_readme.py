"""The README is true: its Python runs as printed, its commands exist with those options."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from fhirkit.cli.main import cli

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", README, re.DOTALL)
COMMANDS = [
    line.split("#")[0].strip()
    for language, text in BLOCKS
    if language == ""
    for line in re.split(r"\n|&&", text)
    if line.strip().startswith("fhirkit ")
]


def test_there_is_something_to_check() -> None:
    assert len(COMMANDS) >= 8
    assert len([language for language, _ in BLOCKS if language == "python"]) >= 2


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_accepted_by_its_parser(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # The parser checks paths, so stand where the reader would: in the clone or a folder of it.
    monkeypatch.chdir(ROOT / "docs" if "../" in command else ROOT)
    words = shlex.split(command)[1:]
    context = click.Context(cli, info_name="fhirkit")
    node: click.Command = cli
    while isinstance(node, click.Group):
        child = node.get_command(context, words[0])
        assert child is not None, words[0]
        context = click.Context(child, info_name=words.pop(0), parent=context)
        node = child
    node.parse_args(context, list(words))


def test_the_python_runs_and_prints_what_it_says(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    program = "".join(text for language, text in BLOCKS if language == "python")
    exec(compile(program, "README.md", "exec"), {})  # noqa: S102  # our own README
    printed = capsys.readouterr().out.splitlines()
    promised = re.findall(r"print\(.*\)\s+# (.+)", program)
    assert promised == ["43", "False"]
    assert printed[: len(promised)] == promised
    assert "code" in printed[2], "the bad gender is explained"


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
