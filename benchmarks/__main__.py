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
from pathlib import Path
from typing import Any

import torch

from anaglyph.engine.environment import describe_environment
from anaglyph.io.atomic import write_text

BENCHMARKS = (
    "bench_training_step",
    "bench_contrastive",
    "bench_self_training",
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


def main() -> None:
    """Run the named benchmarks, or all, and write the page when all ran."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}; default all")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="CPU threads")
    options = parser.parse_args()
    unknown = sorted(set(options.names) - set(BENCHMARKS))
    if unknown:
        parser.error(f"no benchmark '{unknown[0]}'; all: {', '.join(BENCHMARKS)}")
    torch.set_num_threads(options.threads)
    sections = [section(name) for name in options.names or BENCHMARKS]
    if not options.names:
        page = Path(__file__).with_name("README.md")
        write_text(page, "\n".join([heading(options.threads), *sections]))
        print(f"written to {page.relative_to(Path.cwd()) if page.is_relative_to(Path.cwd()) else page}")


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
    rows: list[dict[str, Any]] = module.run()
    columns = list(rows[0])
    lines = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    lines += [f"| {' | '.join(cell(row[column]) for column in columns)} |" for row in rows]
    text = f"## {name}\n\n{(module.__doc__ or '').strip()}\n\n" + "\n".join(lines) + "\n"
    print(text, flush=True)
    return text


def cell(value: object) -> str:
    """Three digits for small numbers, none behind the point for large ones."""
    if not isinstance(value, float):
        return str(value)
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    main()
