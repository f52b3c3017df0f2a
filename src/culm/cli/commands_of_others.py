"""The command line of `exec` and `task`: culm's own options, a service, and then a command that is not culm's."""

import click


class RunsCommand(click.Command):
    """Takes culm's own options also between SERVICE and the command, where people write them.

    `exec accounts --target stg -- ls -l` is `exec --target stg accounts -- ls -l`. From the first word that is none of
    culm's options on, all is the command's: `exec accounts git log --target` hands `--target` to git.
    """

    def __init__(self, *arguments: object, **more: object) -> None:
        settings = {"ignore_unknown_options": True, "allow_interspersed_args": False}
        super().__init__(*arguments, **{"context_settings": settings, **more})  # type: ignore[arg-type]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the options after SERVICE before it, then parse as usual."""
        service = self._own(ctx, args)
        after = self._own(ctx, args[service + 1 :])
        moved = args[service + 1 : service + 1 + after]
        return super().parse_args(ctx, [*args[:service], *moved, *args[service:][:1], *args[service + 1 + after :]])

    def _own(self, ctx: click.Context, args: list[str]) -> int:
        """Return how many of the first words are options of this command and their values."""
        options = {name: each for each in self.get_params(ctx) if isinstance(each, click.Option) for name in each.opts}
        count = 0
        while count < len(args) and (option := options.get(args[count].partition("=")[0])) is not None:
            alone = option.is_flag or "=" in args[count]
            if not alone and count + 1 == len(args):
                raise click.BadOptionUsage(args[count], f"Option '{args[count]}' requires an argument.", ctx)
            count += 1 if alone else 2
        return count
