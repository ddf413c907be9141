"""The commands together: help, exit codes, and errors as one line."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import particlegrid
from particlegrid.cli.demo import demo
from particlegrid.cli.info import info
from particlegrid.cli.pack import pack
from particlegrid.cli.predict import predict
from particlegrid.cli.terminal import one_line, say, warnings_as_lines
from particlegrid.cli.train import train
from particlegrid.cli.voxelize import voxelize

__all__ = ["make_app"]

# What the library raises for input that cannot be used; anything else is a fault of its own and keeps its traceback.
_MISTAKES = (
    ValueError,
    TypeError,
    OSError,
    ImportError,
    LookupError,
    ArithmeticError,
    NotImplementedError,
    MemoryError,
)

# typer carries click's exceptions under different names from version to version
_UsageError: type[BaseException] = next(k for k in typer.BadParameter.__mro__ if k.__name__ == "ClickException")

_HELP = """Molecules and crystals to 3D voxel grids for deep learning, and back.

Bad input ends with exit code 2 and one line on stderr that says what to do, Ctrl-C with 130."""


class _Commands(TyperGroup):
    """The group of commands: every mistake becomes one line and an exit code."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        try:
            code = super().main(args, prog_name, complete_var, False, windows_expand_args, **extra)
        except _UsageError as error:
            context = getattr(error, "ctx", None)
            path = context.command_path if context is not None else "particlegrid"
            say(f"error: {one_line(error)}; see {path} --help")
            code = 2
        except typer.Abort:
            say("stopped")
            code = 130
        if standalone_mode:
            sys.exit(code if isinstance(code, int) else 0)
        return code

    def invoke(self, ctx: Any) -> Any:
        try:
            with warnings_as_lines():
                return super().invoke(ctx)
        except BrokenPipeError:
            raise  # whoever reads the output has seen enough; typer ends quietly
        except KeyboardInterrupt:
            say("stopped")
            raise typer.Exit(130) from None
        except _MISTAKES as error:
            if ctx.params.get("debug"):
                raise
            say(f"error: {one_line(error)}")
            raise typer.Exit(2) from None


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"particlegrid {particlegrid.__version__}")
        raise typer.Exit


def _start(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_show_version, is_eager=True)
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", envvar="PARTICLEGRID_DEBUG", help="Show tracebacks of errors.")
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        help_text = context.get_help()
        if help_text:  # typer with rich has printed it already
            print(help_text)
        raise typer.Exit


def make_app() -> typer.Typer:
    """The typer application, with every command."""
    app = typer.Typer(
        name="particlegrid",
        cls=_Commands,
        help=_HELP,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        add_completion=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(invoke_without_command=True)(_start)
    for command, example in (
        (info, "particlegrid info water.sdf"),
        (voxelize, "particlegrid voxelize water.sdf -o water.npz --shape 32 --spacing 0.5 --sigma 0.45"),
        (pack, "particlegrid pack *.sdf -o molecules.store --unit gap=eV"),
        (train, "particlegrid train molecules.store --target gap -o runs/gap --minutes 8"),
        (predict, 'particlegrid predict runs/gap water.sdf "CCO"'),
        (demo, "particlegrid demo --minutes 8 -o report"),
    ):
        app.command(epilog=f"[bold]Example:[/bold] {example}", no_args_is_help=False)(command)
    return app
