"""Put mini into the package: python tools/package_mini.py [--towers RUN] [--shapes RUN] [--start RUN].

Towers first: the files of the shapes hold their fingerprints, and no longer open beside others.
"""

import argparse
from pathlib import Path

from anaglyph.encoders.spaces.trained import write_space
from anaglyph.encoders.towers.dual import MINI, write_slim
from anaglyph.errors import ConfigError
from anaglyph.io.run_folder import find_weights
from anaglyph.io.weights import read_header

LICENCE = "Apache-2.0; trained on objects of Kenney and Quaternius (CC0 1.0) and on objects made by Anaglyph"
WEIGHTS = Path(__file__).parents[1] / "src/anaglyph/weights"


def package_towers(run: Path) -> Path:
    """The pair of towers of a trained image_text."""
    target = WEIGHTS / "mini_towers.safetensors"
    write_slim(find_weights(run), target, header={"licence": LICENCE})
    return target


def package_shapes(run: Path, name: str, *, default_inputs: str = "") -> Path:
    """The shape encoder of a method that was trained beside mini's towers."""
    source, target = find_weights(run), WEIGHTS / f"{name}.safetensors"
    towers = read_header(source).get("towers") or {}
    others = [side for side in ("image", "text") if not _is_mini(towers.get(side))]
    if others:
        raise ConfigError(
            f"'{source}' was trained beside another {' and '.join(others)} tower than dual, source mini; "
            f"package those towers first, then train it again beside them."
        )
    facts = {"licence": LICENCE} | ({"default_inputs": default_inputs} if default_inputs else {})
    write_space(source, target, root=Path(), header=facts)
    return target


def _is_mini(tower: dict | None) -> bool:
    return bool(tower) and tower["name"] == "dual" and tower["options"].get("source", MINI) == MINI


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--towers", type=Path, help="run folder of an image_text")
    parser.add_argument("--shapes", type=Path, help="run folder of a mixcon3d, openshape or multi_positive")
    parser.add_argument("--start", type=Path, help="run folder of a ulip, where crossmost begins")
    parser.add_argument("--default-inputs", choices=("points", "sum", "fused"), default="")
    asked = parser.parse_args()
    if not (asked.towers or asked.shapes or asked.start):
        parser.error("name at least one of --towers RUN, --shapes RUN and --start RUN")
    made = [package_towers(asked.towers)] if asked.towers else []
    if asked.shapes:
        made.append(package_shapes(asked.shapes, "mini_shapes", default_inputs=asked.default_inputs))
    made += [package_shapes(asked.start, "mini_ulip")] if asked.start else []
    for file in made:
        print(f"{file}: {file.stat().st_size / 1e6:.1f} MB")
