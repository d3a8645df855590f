"""CC0 models that nothing in the package was trained on, as a folder: python tools/held_out_models.py FOLDER

FOLDER/<class>/<name>_<number>.ply of every class with three or more of them, and FOLDER.txt with the classes.
"""

import argparse
import csv
import shutil
from collections import Counter
from pathlib import Path

from anaglyph.cli.places import cache_folder, data_root
from anaglyph.data.catalog import DataConfig, create_dataset

FEWEST = 3


def write_models(folder: Path) -> int:
    """Copy them; returns how many."""
    root = data_root(None)
    held_out = create_dataset(
        DataConfig(name="cc0_models", options={"size": 96}), "test", root=root, cache=cache_folder(), seed=0
    )
    with (root / "cc0_objects/manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    names = [held_out.class_names[label] for label in held_out.labels]
    counts = Counter(names)
    kept = [(key, name) for key, name in zip(held_out.keys, names, strict=True) if counts[name] >= FEWEST]
    for number, (key, name) in enumerate(kept):
        row = rows[key.rpartition("/")[2]]
        place = folder / name / f"{row['name'].replace(' ', '_')}_{number}.ply"
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / "cc0_objects" / row["mesh"], place)
    folder.with_suffix(".txt").write_text(
        "\n".join(sorted({name for _, name in kept})) + "\n", encoding="utf-8"
    )
    return len(kept)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    asked = parser.parse_args()
    print(f"{asked.folder}: {write_models(asked.folder)} models")
