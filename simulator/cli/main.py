"""The command `breakeven`: one module a subcommand, imported only when it is called."""

from __future__ import annotations

import gc
import importlib
import os
import sys
from typing import Any

import click

# Command -> one line of help, kept here so that `breakeven --help` loads none of them.
_COMMANDS = {
    "run": "Simulate scenarios, find their break-even, write report and charts.",
    "check": "Tell every fault of scenario files, and write nothing.",
    "sweep": "Break-even at every point of a grid, of cases or of draws, on every core; table and charts.",
    "solve": "Solve for any key: every value at which two options cost the same; table and chart.",
    "horizon": "Two options over time: payback and its undoing, present value, the month to switch; charts.",
    "compare": "What differs between runs in input and result, and which lines of the bill explain it; waterfall.",
    "risk": "Break-even where inputs are uncertain: bands, probabilities, what would turn the choice.",
    "levers": "What caching, batching, routing, quantization, spot and others save, alone and together; chart.",
    "traffic": "Draw the demand of a scenario: its peaks, its load-duration curve, its noise; card and chart.",
    "trace": "Tell what a recorded demand is like, and fit a scenario to it.",
    "throughput": "Estimate what a model serves on GPUs, what its tokens cost, and compare GPUs.",
    "cost": "Rank API models by what the same requests cost a day, a month and per 1,000.",
    "list": "List gpus, models, rentals, prices, scenarios, traffic presets, policies or throughput.",
    "show": "Show a catalogue entry, a price card, a traffic preset or a bundled scenario with its sources.",
    "init": "Write a scenario to start from.",
    "schema": "Print the JSON Schema of scenario files, for editors.",
}

_MOST_FAULTS = 100
EXIT_FAILED, EXIT_BAD_INPUT, EXIT_INTERRUPTED = 1, 2, 130


class _Commands(click.Group):
    """Subcommands by name, loaded on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"simulator.cli.{name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            from difflib import get_close_matches

            close = get_close_matches(args[0], _COMMANDS, n=1)
            hint = f"; did you mean '{close[0]}'?" if close else ""
            ctx.fail(f"no command '{args[0]}', must be one of {', '.join(_COMMANDS)}{hint}")
        return super().resolve_command(ctx, args)


def _print_version(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted:
        from simulator import __version__

        click.echo(f"breakeven {__version__}")
        ctx.exit()


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Print version."
)
def cli() -> None:
    """Buy a language-model API per token, or run an open model on GPUs of your own, and from which volume on?

    \b
    Try:  breakeven run support-chatbot
          breakeven init my-service.yaml && breakeven run my-service.yaml
    """


def main() -> None:
    """Run the command; every failure is one line (or one a fault) on stderr and an exit status, never a traceback."""
    # Loading libraries and drawing charts makes many objects and little garbage: looking for it less often saves 7 %.
    gc.set_threshold(100_000, 20, 20)
    try:
        with cli.make_context("breakeven", sys.argv[1:]) as context:
            cli.invoke(context)
        sys.stdout.flush()
        sys.exit(0)
    except click.exceptions.Exit as finished:  # `--help` and `--version`
        sys.exit(finished.exit_code)
    except KeyboardInterrupt:
        _stop("interrupted; files written so far are whole", EXIT_INTERRUPTED)
    except click.ClickException as error:
        error.show(sys.stderr)
        sys.exit(EXIT_BAD_INPUT)
    except BrokenPipeError:
        # Whoever read our output has had enough, as in `breakeven list gpus | head -1`.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except ValueError as error:
        _stop(_first_lines(str(error)), EXIT_BAD_INPUT)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _stop(f"{where}{error.strerror or error}", EXIT_FAILED)
    except MemoryError:
        _stop("out of memory; a longer step_s or a shorter horizon needs less", EXIT_FAILED)
    except Exception as error:
        if os.environ.get("BREAKEVEN_TRACEBACK"):
            raise
        _stop(f"internal error: {type(error).__name__}: {error} (BREAKEVEN_TRACEBACK=1 shows where)", EXIT_FAILED)


def _first_lines(message: str) -> str:
    """A message cut after so many lines that whoever mends them will run the command again anyway."""
    lines = message.splitlines()
    more = len(lines) - _MOST_FAULTS
    return message if more <= 0 else "\n".join([*lines[:_MOST_FAULTS], f"... and {more} more"])


def _stop(message: str, status: int) -> Any:
    click.echo(message, err=True)
    sys.exit(status)


if __name__ == "__main__":
    main()
