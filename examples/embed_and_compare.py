"""How alike are a picture and a shape? python examples/embed_and_compare.py [RUN FOLDER]

Takes a trained run folder (`make demo` leaves demo/digits3d_romo_best/seed-0); without one it
trains the baseline for a moment first.
"""

import sys
from pathlib import Path

import torch

import anaglyph

FOLDER = Path("runs")


def train_for_a_moment() -> Path:
    small = ["stages.contrast.epochs=4", "stages.contrast.batch=100", "data.options.points=128"]
    small += [f"stages.contrast.encoders.{modality}.options.width=8" for modality in ("image", "shape")]
    recipe = anaglyph.load_recipe("digits3d_pair_contrast", assignments=small)
    options = anaglyph.RunOptions(
        output=FOLDER / "moment",
        data_root=Path(),
        cache=FOLDER / "cache",
        resume=True,
        validate_every=None,
    )
    return anaglyph.run_recipe(recipe, options)


def main(run: Path | None = None) -> None:
    saved = anaglyph.load_method(run or train_for_a_moment())
    digits = anaglyph.create_dataset(saved.data, "test", root=Path(), cache=FOLDER / "cache")
    two = digits.batch([0, 1], epoch=None)
    with torch.inference_mode():
        pictures = saved.method.embed("image", two)  # (2, D) unit vectors
        shapes = saved.method.embed("shape", two)
    cosines = saved.method.score(pictures, shapes)  # (2, 2)
    for row, key in enumerate(two.keys):
        words = ", ".join(
            f"{cosines[row, column]:+.2f} to shape {other}" for column, other in enumerate(two.keys)
        )
        print(f"picture {key}: {words}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
