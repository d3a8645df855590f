"""Zero-shot numbers of several runs as one table: python tools/zero_shot_table.py RUN... [--data NAME]

Runs of one recipe are its seeds: a cell is their mean and standard deviation. With another data set, its
classes are also split into those whose names are among the class names of the training data, and the others.
"""

import argparse
import json
from collections import defaultdict
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from anaglyph.cli.places import cache_folder, data_root
from anaglyph.data.catalog import create_dataset
from anaglyph.engine.models import load_method
from anaglyph.engine.zero_shot import ZeroShotOptions, measure_zero_shot

SHOWN = ("top_1", "top_3", "top_5", "class_mean")
MODES = ("points", "images", "fused", "sum")


def numbers_of(run: Path, options: ZeroShotOptions) -> dict[str, float]:
    """The metrics of a run, and top-1 over classes seen and unseen by name."""
    found = measure_zero_shot(run, options)
    numbers = dict(found["metrics"])
    if options.data:
        saved = load_method(run)
        train = create_dataset(saved.data, "train", root=options.data_root, cache=options.cache, seed=0)
        named = {train.class_names[label] for label in set(train.labels.tolist())}
        for kind, wanted in (("seen", True), ("unseen", False)):
            groups = [group for name, group in found["groups"].items() if (name in named) == wanted]
            objects = sum(group["objects"] for group in groups)
            numbers[f"{kind}_classes"] = float(len(groups))
            for mode in MODES:
                if groups and f"{mode}_top_1" in groups[0]:
                    right = sum(group[f"{mode}_top_1"] * group["objects"] for group in groups)
                    numbers[f"{mode}_{kind}_top_1"] = right / objects
    return numbers


def cell(values: list[float]) -> str:
    """Mean and standard deviation over seeds."""
    spread = f" ± {stdev(values):.3f}" if len(values) > 1 else ""
    return f"{mean(values):.3f}{spread}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--data", default="")
    parser.add_argument("--set", nargs="*", default=[])
    parser.add_argument("--gallery", choices=("split", "all"), default="split")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    options = ZeroShotOptions(
        data=given.data, assignments=tuple(given.set), gallery=given.gallery,
        data_root=data_root(None), cache=cache_folder(),
    )  # fmt: skip
    recipes: dict[str, list[dict[str, float]]] = defaultdict(list)
    for run in given.runs:
        recipes[run.resolve().parent.name].append(numbers_of(run, options))
    summary: dict[str, Any] = {}
    for name, seeds in recipes.items():
        keys = [key for key in seeds[0] if all(key in seed for seed in seeds)]
        summary[name] = {key: [seed[key] for seed in seeds] for key in keys}
        for mode in MODES:
            kinds = [*SHOWN, "seen_top_1", "unseen_top_1"]
            cells = [
                cell(summary[name][f"{mode}_{kind}"]) for kind in kinds if f"{mode}_{kind}" in summary[name]
            ]
            if cells:
                print(f"| `{name}` | {mode} | " + " | ".join(cells) + f" | {len(seeds)} |")
    if given.json:
        given.json.write_text(json.dumps(summary, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
