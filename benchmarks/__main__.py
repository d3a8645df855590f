"""`make bench`: every benchmark in one run, printed and written to benchmarks/README.md.

Ratios compare two ways within the same process and run; milliseconds belong to this machine and its load.
"""

from __future__ import annotations

# ruff: noqa: E402 - the allocator is set before torch is imported
from anaglyph.cli.allocator import keep_freed_memory

keep_freed_memory()

import argparse
import importlib
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from anaglyph.engine.environment import describe_environment
from anaglyph.io.atomic import write_text

BENCHMARKS = (
    "bench_training_step",
    "bench_contrastive",
    "bench_self_training",
    "bench_finetuning",
    "bench_mini",
    "bench_retrieval",
    "bench_edge_conv",
    "bench_point_ops",
    "bench_encoders",
    "bench_render",
    "bench_serve",
    "bench_indexing",
    "bench_search",
    "bench_gpu_ops",
    "bench_stores",
)
PAGE = Path(__file__).with_name("README.md")


def main() -> None:
    """Run the named benchmarks, or all, and write the page when all ran."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}; default all")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="CPU threads")
    parser.add_argument("--write", action="store_true", help="put the named ones into the page")
    options = parser.parse_args()
    unknown = sorted(set(options.names) - set(BENCHMARKS))
    if unknown:
        parser.error(f"no benchmark '{unknown[0]}'; all: {', '.join(BENCHMARKS)}")
    torch.set_num_threads(options.threads)
    sections = {name: section(name) for name in options.names or BENCHMARKS}
    if options.write or not options.names:
        before = {} if not options.names else sections_of(PAGE.read_text(encoding="utf-8"))
        write_text(PAGE, page(before | sections, threads=options.threads))
        print(f"written to {PAGE.relative_to(Path.cwd()) if PAGE.is_relative_to(Path.cwd()) else PAGE}")


def page(sections: Mapping[str, str], *, threads: int) -> str:
    """The page, its sections in the order of `BENCHMARKS`."""
    return "\n".join([heading(threads), *(sections[name] for name in BENCHMARKS if name in sections)])


def sections_of(text: str) -> dict[str, str]:
    """Name of a benchmark -> its section in a page that `page` made."""
    parts = text.split("\n## ")[1:]
    return {part.split("\n", 1)[0]: f"## {part.rstrip()}\n" for part in parts}


def heading(threads: int) -> str:
    """What the numbers below were measured with."""
    facts = describe_environment()
    packages: Any = facts["packages"]
    return (
        "# Benchmarks\n\nWritten by `make bench`; do not edit by hand. Ratios compare two ways within one "
        "run; times belong to this machine and whatever else ran on it.\n\n"
        f"{platform.machine()}, {threads} threads, Python {facts['python']}, torch {packages['torch']}, "
        f"devices {facts['devices']}.\n"
    )


def section(name: str) -> str:
    """Run one benchmark, print its table and return it as Markdown."""
    module = importlib.import_module(f"benchmarks.{name}")
    text = table(name, module.__doc__ or "", module.run())
    print(text, flush=True)
    return text


def table(name: str, about: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """A benchmark's section: what it is, and a row of cells for each row."""
    columns = list(rows[0])
    lines = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    lines += [f"| {' | '.join(cell(row[column]) for column in columns)} |" for row in rows]
    return f"## {name}\n\n{about.strip()}\n\n" + "\n".join(lines) + "\n"


def cell(value: object) -> str:
    """Three digits for small numbers, none behind the point for large ones."""
    if not isinstance(value, float):
        return str(value)
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    main()
