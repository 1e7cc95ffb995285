"""`fhirkit completion`: the script that teaches a shell to complete fhirkit's commands."""

from __future__ import annotations

import rich_click as click

from fhirkit.cli.console import emit

# fhirkit.cli.shells has what is spoken to each; spelled here too, so that --help starts quickly.
_SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", metavar="SHELL", type=click.Choice(_SHELLS))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the script that lets SHELL complete fhirkit on the Tab key.

    Commands, options and their values are completed: rules, formats, packages of the cache,
    profiles of the packages named, remotes, resources of the working tree, points of a case's
    timeline, git revisions, files. Nothing is fetched. To keep it, once:

    \b
    bash  echo 'eval "$(fhirkit completion bash)"' >> ~/.bashrc
    zsh   echo 'eval "$(fhirkit completion zsh)"' >> ~/.zshrc
          (behind `autoload -U compinit && compinit`)
    fish  fhirkit completion fish > ~/.config/fish/completions/fhirkit.fish
    """
    from fhirkit.cli.shells import SHELLS, VARIABLE

    root = ctx.find_root().command
    emit(SHELLS[shell](root, {}, "fhirkit", VARIABLE).source())
