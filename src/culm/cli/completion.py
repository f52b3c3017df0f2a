"""`culm completion`."""

import click
from click.shell_completion import get_completion_class

from culm.cli import culm

VARIABLE = "_CULM_COMPLETE"
"""By it the shell asks `culm` what comes next: https://click.palletsprojects.com/en/stable/shell-completion/"""


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script that lets SHELL complete commands and options.

    Read it from your shell's start-up file, or save it where the shell looks for such scripts:

    \b
    eval "$(culm completion bash)"                                  # in ~/.bashrc
    eval "$(culm completion zsh)"                                   # in ~/.zshrc
    culm completion fish > ~/.config/fish/completions/culm.fish
    """
    script = get_completion_class(shell)
    assert script is not None
    click.echo(script(culm, {}, "culm", VARIABLE).source())
