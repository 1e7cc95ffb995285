"""How bash, zsh and fish ask what fits, and how they are told: click's way, mended where it ends.

A shell's script is installed once and stays for years, so it only passes on what was typed; what
fits is decided here.
"""

from __future__ import annotations

import os
from typing import Any

import rich_click as click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
    split_arg_string,
)

from fhirkit.cli.completing import make_completable

#: Where the shells' scripts ask: in this variable's presence the command only completes.
VARIABLE = "_FHIRKIT_COMPLETE"

# bash cuts words at these, too, unless the user has taken them out of COMP_WORDBREAKS.
_BREAKS = "=:"


class _Knowing(ShellComplete):
    """Completes values, too."""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        """What fits after ``args``."""
        name = next((word for word in args if not word.startswith("-")), None)
        context = click.Context(self.cli, info_name=self.prog_name)
        if name is not None and isinstance(self.cli, click.Group):
            command = self.cli.get_command(context, name)
            if command is not None:
                make_completable(command, context)
        return super().get_completions(args, incomplete)


class Bash(_Knowing, BashComplete):
    """bash, whose words end at ``=`` and ``:``: the line itself says what the words are."""

    name = "bash"
    source_template = BashComplete.source_template.replace(
        "response=$(env ",
        'response=$(env COMP_LINE="${COMP_LINE:0:$COMP_POINT}" COMP_BREAKS="$COMP_WORDBREAKS" ',
    ).replace("COMPREPLY+=($value)", 'COMPREPLY+=("$value")')

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words before the one that is being typed, and that one."""
        line = os.environ.get("COMP_LINE", "")
        if not line:
            return super().get_completion_args()
        words = split_arg_string(line)
        # A blank ends a word, unless it is escaped or quoted: then splitting keeps it.
        open_word = not line[-1:].isspace() or (len(words) > 1 and words[-1][-1:].isspace())
        self._typed = words.pop() if open_word and len(words) > 1 else ""
        return words[1:], self._typed

    def format_completion(self, item: CompletionItem[Any]) -> str:
        """A line for the script: only what stands behind the last place where bash cuts."""
        value = str(item.value)
        if item.type == "plain":
            typed = getattr(self, "_typed", "")
            if typed.startswith("--") and "=" in typed:
                typed = typed.partition("=")[2]
            breaks = os.environ.get("COMP_BREAKS", _BREAKS)
            cut = max(typed.rfind(mark) for mark in _BREAKS if mark in breaks or mark == "=") + 1
            value = value[cut:] if value.startswith(typed[:cut]) else value
        return f"{item.type},{value}"


class Zsh(_Knowing, ZshComplete):
    """zsh, to which ``--option=value`` is one word of which the value is to be completed."""

    name = "zsh"
    # -U would put a value in the place of its option, too.
    source_template = (
        ZshComplete.source_template.replace(
            "    for type key descr in", "    compset -P '--*='\n\n    for type key descr in"
        )
        .replace(
            "_describe -V unsorted completions_with_descriptions -U",
            "_describe -V unsorted completions_with_descriptions",
        )
        .replace("compadd -U -V", "compadd -V")
    )


class Fish(_Knowing, FishComplete):
    """fish, which completes whole words only, and whose script cut texts at commas."""

    name = "fish"
    source_template = FishComplete.source_template.replace(
        'string split "," $completion', 'string split -m1 "," $completion'
    ).replace(
        "__fish_complete_path $metadata[2];",
        "set -l option (string match -r '^--[^=]+=' -- $metadata[2]);"
        ' __fish_complete_path (string replace -- "$option" "" $metadata[2])'
        ' | string replace -r "^" -- "$option";',
    )

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        """What fits after ``args``, with the option's name where it is of the same word."""
        found = super().get_completions(args, incomplete)
        name, equals, _ = incomplete.partition("=")
        if equals and name.startswith("--"):
            for item in found:
                item.value = f"{name}={item.value}"
        return found


#: What each shell is spoken to by.
SHELLS: dict[str, type[ShellComplete]] = {"bash": Bash, "zsh": Zsh, "fish": Fish}


def register() -> None:
    """Let click speak to the shells as written here."""
    for shell in SHELLS.values():
        add_completion_class(shell)
