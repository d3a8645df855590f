"""`anaglyph`: the command line. Help never imports torch; errors are one line; exit codes are for scripts.

0 found or done, 1 nothing found or stopped by the user, 2 an error.
"""

import logging
import sys
from collections.abc import Callable, Sequence

import tyro

from anaglyph import __version__
from anaglyph.cli.allocator import keep_freed_memory
from anaglyph.cli.classify import classify
from anaglyph.cli.data import DATA, data
from anaglyph.cli.dedup import dedup
from anaglyph.cli.demo import demo
from anaglyph.cli.doctor import doctor
from anaglyph.cli.embed import embed
from anaglyph.cli.evaluate import evaluate
from anaglyph.cli.features import FEATURES, features
from anaglyph.cli.finetune import finetune
from anaglyph.cli.index import index
from anaglyph.cli.models import MODELS, models
from anaglyph.cli.problems import problems
from anaglyph.cli.render import render
from anaglyph.cli.said_once import log_to_stderr
from anaglyph.cli.search import search
from anaglyph.cli.serve import serve
from anaglyph.cli.train import train
from anaglyph.errors import AnaglyphError

COMMANDS: dict[str, Callable[..., int]] = {
    "demo": demo,
    "train": train,
    "finetune": finetune,
    "evaluate": evaluate,
    "classify": classify,
    "embed": embed,
    "features": features,
    "render": render,
    "index": index,
    "search": search,
    "serve": serve,
    "dedup": dedup,
    "problems": problems,
    "data": data,
    "models": models,
    "doctor": doctor,
}
SUBCOMMANDS: dict[str, dict[str, Callable[..., int]]] = {"data": DATA, "features": FEATURES, "models": MODELS}
SEVERAL_VALUES = frozenset(
    {
        "--set",
        "--data-set",
        "--seeds",
        "--log",
        "--outputs",
        "--splits",
        "--inputs",
        "--classes",
        "--allow-host",
    }
)
"""Options whose values add up when they are given again; the parser alone would keep the last ones."""
DESCRIPTION = "Learn one space for pictures, 3D shapes and words, mostly without labels."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    if arguments in (["--version"], ["-V"]):
        print(f"anaglyph {__version__}")
        return 0
    log_to_stderr()
    # Fabric announces its own name tag and seeds at INFO and warns about worker counts nobody asked for.
    logging.getLogger("lightning_fabric").setLevel(logging.ERROR)
    arguments = join_repeated(arguments) or ["--help"]
    commands, prog = COMMANDS, "anaglyph"
    below = SUBCOMMANDS.get(arguments[0], {})
    if arguments[1:2] and arguments[1] in below:
        commands, prog, arguments = below, f"anaglyph {arguments[0]}", arguments[1:]
    try:
        code: int = tyro.extras.subcommand_cli_from_dict(
            commands, prog=prog, description=DESCRIPTION, args=arguments
        )
    except AnaglyphError as error:
        print(f"anaglyph: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("anaglyph: stopped.", file=sys.stderr)
        return 1
    except BrokenPipeError:
        return 1
    except OSError as error:
        print(f"anaglyph: {os_trouble(error)}", file=sys.stderr)
        return 2
    return code


def join_repeated(arguments: Sequence[str]) -> list[str]:
    """`--set a=1 --json --set=b=2` as `--set a=1 b=2 --json`; the order of the values stays."""
    groups: list[list[str]] = [[]]
    group = groups[0]
    repeatable: dict[str, list[str]] = {}
    for word in arguments:
        name, equals, value = word.partition("=")
        if name in SEVERAL_VALUES:
            if name not in repeatable:
                repeatable[name] = [name]
                groups.append(repeatable[name])
            group = repeatable[name]
            group += [value] if equals else []
        elif word.startswith("-") and not word[1:2].isdigit():
            group = [word]
            groups.append(group)
        else:
            group.append(word)
    return [word for group in groups for word in group]


def os_trouble(error: OSError) -> str:
    """What the operating system refused, where, and what to look at, in one line."""
    place = "go on" if error.filename is None else f"use '{error.filename}'"
    reason = error.strerror or " ".join(str(error).split())
    return (
        f"cannot {place}: {reason}. "
        "Check that the path is the one you mean, that you may read and write there, and that there is room."
    )


def entry_point() -> None:
    """What the installed `anaglyph` script calls."""
    keep_freed_memory()
    sys.exit(main())


if __name__ == "__main__":
    entry_point()
