"""--help: every command has one, its examples are accepted, and long ones are in parts."""

from __future__ import annotations

import shlex

import click
import pytest
from click.testing import CliRunner

from fhirkit.cli.main import COMMANDS, cli


def command_of(name: str) -> tuple[click.Context, click.Command]:
    context = click.Context(cli, info_name="fhirkit")
    command = cli.get_command(context, name)
    assert command is not None
    return context, command


#: Commands that are held to a full sentence for each option.
TOLD = ("convert", "validate", "explain", "baseline", "view", "package", "doctor", "lsp")


@pytest.mark.parametrize("name", TOLD)
def test_every_option_says_what_it_does(name: str) -> None:
    context, command = command_of(name)
    pending = [command]
    while pending:
        one = pending.pop()
        if isinstance(one, click.Group):
            inner = (one.get_command(context, child) for child in one.list_commands(context))
            pending += [child for child in inner if child is not None]
        assert one.help, one.name
        for param in one.params:
            if isinstance(param, click.Option):
                assert param.help, f"{one.name} {param.opts}"
                assert param.help.rstrip().endswith((".", "]", ")")), param.help


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_are_accepted(name: str) -> None:
    context, command = command_of(name)
    for line in (command.help or "").splitlines():
        if not line.strip().startswith(f"fhirkit {name} "):
            continue
        words = shlex.split(line.strip().split("   ")[0])[2:]
        command.make_context(name, words, parent=context)


def test_the_help_of_validate_is_in_parts() -> None:
    output = CliRunner().invoke(cli, ["validate", "--help"], env={"COLUMNS": "120"}).output
    parts = [
        "Definitions to check by",
        "What is looked at, and how strictly",
        "Which issues count",
        "The report",
    ]
    places = [output.index(part) for part in parts]
    assert places == sorted(places)
    assert "fhirkit validate records/" in output
