"""The `fhirkit` command: finds a command's file on demand, and maps trouble to exit codes."""

from __future__ import annotations

import gc
import os
import signal
import sys
import traceback
from importlib import import_module
from typing import TYPE_CHECKING, Any

import rich_click as click
from click.exceptions import Exit

from fhirkit import __version__
from fhirkit.cli import exits
from fhirkit.cli.console import complain
from fhirkit.cli.manual import attach
from fhirkit.core.errors import FhirkitError

if TYPE_CHECKING:
    from collections.abc import Callable

#: So many new objects make a look for garbage worth while.
_RARELY = 200_000
#: Command name → module under ``fhirkit.cli`` that defines a click command called ``command``.
COMMANDS: dict[str, str] = {
    "convert": "convert",
    "validate": "validate",
    "explain": "explain",
    "baseline": "baseline",
    "view": "view",
    "package": "package",
    "server": "server",
    "chaos": "chaos",
    "init": "init",
    "clone": "clone",
    "remote": "remote",
    "add": "add",
    "rm": "rm",
    "status": "status",
    "diff": "diff",
    "fetch": "fetch",
    "pull": "pull",
    "push": "push",
    "sync": "sync",
    "resolve": "resolve",
    "adopt": "adopt",
    "resume": "resume",
    "abort": "abort",
    "verify": "verify",
    "log": "log",
    "trash": "trash",
    "doctor": "doctor",
    "lsp": "lsp",
    "completion": "completion",
}

EXIT_CODES = """\b
Exit codes: 0 clean · 1 findings · 2 usage or configuration · 3 something could not be checked ·
4 conflict · 5 remote unreachable or refused · 6 blocked (lock or guard) · 70 internal error

Arguments, exit codes and examples of a command: fhirkit COMMAND --help
"""


class LazyGroup(click.RichGroup):
    """A group that imports a command's module only when that command is used or listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order of the table, which is the order of a day's work."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, or None when the table has no such name."""
        del ctx
        module = COMMANDS.get(cmd_name)
        if module is None:
            return None
        command: click.Command = import_module(f"fhirkit.cli.{module}").command
        command.name = cmd_name
        attach(command, cmd_name)
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """As click does, with a suggestion for a mistyped name."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as problem:
            from difflib import get_close_matches

            close = get_close_matches(args[0], COMMANDS, n=1)
            if close:
                message = f"{problem.message} Did you mean {close[0]!r}?"
                raise click.UsageError(message, ctx) from None
            raise


@click.group(
    cls=LazyGroup,
    epilog=EXIT_CODES,
    context_settings={"help_option_names": ["-h", "--help"]},
    invoke_without_command=True,
)
@click.version_option(__version__, prog_name="fhirkit")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Convert clinical cases to FHIR R4, validate records offline, sync them with FHIR servers.

    Data goes to standard output, talk to standard error.
    """
    if ctx.invoked_subcommand is None:
        # The help was not asked for, so it is talk here, not data.
        click.echo(ctx.get_help(), err=True)
        ctx.exit(exits.USAGE)


def main(argv: list[str] | None = None) -> None:
    """Run the command line and exit; the one place where exceptions become exit codes."""
    # What start-up makes is there to stay: looking through it for garbage would take longer than
    # most commands, again and again and once more at the end.
    gc.set_threshold(_RARELY)
    try:
        sys.exit(run(cli, argv))
    finally:
        gc.freeze()


def run(command: Callable[..., Any], argv: list[str] | None = None) -> int:
    """Run a click command and return its exit code (docs: hardening, exit codes)."""
    signal.signal(signal.SIGTERM, _terminate)
    if "_FHIRKIT_COMPLETE" in os.environ:
        from fhirkit.cli.shells import register

        register()
    try:
        code = command.main(args=argv, prog_name="fhirkit", standalone_mode=False)  # type: ignore[attr-defined]  # click's decorators return a Command
        sys.stdout.flush()
    except Exit as wish:
        return wish.exit_code
    except click.ClickException as problem:
        problem.show()
        return exits.USAGE
    except (click.Abort, KeyboardInterrupt):
        complain("interrupted")
        return exits.INTERRUPTED
    except FhirkitError as problem:
        complain(problem.message, advice=problem.advice)
        return problem.exit_code
    except BrokenPipeError:
        return _closed_pipe()
    except SystemExit as wish:
        # click turns a closed pipe into exit code 1, which here would mean findings.
        if isinstance(wish.__context__, BrokenPipeError):
            return _closed_pipe()
        raise
    except Exception as bug:  # noqa: BLE001  # a bug: its traceback is kept, its exit code is its own
        _tell_bug(bug)
        return exits.INTERNAL
    return code if isinstance(code, int) else exits.CLEAN


def _tell_bug(bug: BaseException) -> None:
    """Where it struck, on standard error. What an exception says may quote a record, so only its
    kind is shown; FHIRKIT_DEBUG=1 shows all, for one's own eyes.
    """
    if os.environ.get("FHIRKIT_DEBUG"):
        traceback.print_exception(bug)
    else:
        chain: list[BaseException] = []
        link: BaseException | None = bug
        while link is not None and link not in chain:
            chain.append(link)
            link = link.__cause__ or link.__context__
        for one in reversed(chain):
            sys.stderr.write("Traceback (most recent call last):\n")
            sys.stderr.writelines(traceback.format_tb(one.__traceback__))
            sys.stderr.write(f"{type(one).__name__} (what it says is left out: FHIRKIT_DEBUG=1)\n")
    complain(
        "this is a bug in fhirkit, not in your input",
        advice="please report it with the traceback above (it shows no record content)",
    )


def _terminate(signum: int, frame: object) -> None:
    del signum, frame
    # SystemExit runs the finally blocks, so temporary files and locks go away.
    raise SystemExit(exits.TERMINATED)


def _closed_pipe() -> int:
    # `fhirkit … | head`: the reader has what it wanted. Point stdout elsewhere, or the
    # interpreter complains again when it flushes on the way out.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return exits.CLOSED_PIPE


if __name__ == "__main__":
    main()
