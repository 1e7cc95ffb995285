"""`fhirkit completion`: the script that teaches a shell to complete fhirkit's commands."""

from __future__ import annotations

import rich_click as click

from fhirkit.cli.console import emit


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the completion script for a shell.

    \b
    bash:  fhirkit completion bash > ~/.local/share/bash-completion/completions/fhirkit
    zsh:   fhirkit completion zsh > "${fpath[1]}/_fhirkit"
    fish:  fhirkit completion fish > ~/.config/fish/completions/fhirkit.fish
    """
    from click.shell_completion import get_completion_class

    complete = get_completion_class(shell)
    if complete is None:  # pragma: no cover  # the choice above holds only known shells
        raise click.UsageError(f"no completion for {shell}")
    root = ctx.find_root().command
    emit(complete(root, {}, "fhirkit", "_FHIRKIT_COMPLETE").source())
