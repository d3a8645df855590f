"""Train both stages of RoMo from Python and measure the result: python examples/train_tiny_recipe.py."""

from pathlib import Path

import torch

import anaglyph
from anaglyph.evaluation.retrieval import mean_average_precision

RECIPE = Path(__file__).with_name("tiny_digits.yaml")
FOLDER = Path("runs")


def main() -> None:
    recipe = anaglyph.load_recipe(RECIPE, assignments=["seed=1"])  # as `--set seed=1` on the command line
    options = anaglyph.RunOptions(
        output=FOLDER / "tiny-romo",
        data_root=Path(),  # digits3d needs no files; other data sets are looked up below this folder
        cache=FOLDER / "cache",
        resume=True,  # go on with what lies there; finished stages are skipped
        validate_every=None,
    )
    artefact = anaglyph.run_recipe(recipe, options)
    print(f"trained {', '.join(recipe.stages)} -> {artefact}")

    saved = anaglyph.load_method(artefact)
    test = anaglyph.create_dataset(saved.data, "test", root=Path(), cache=FOLDER / "cache")
    batch = test.batch(range(len(test)), epoch=None)  # no epoch: no augmentation
    with torch.inference_mode():
        pictures = saved.method.embed("image", batch)  # (400, 32) unit vectors
        shapes = saved.method.embed("shape", batch)
    labels = torch.from_numpy(test.labels)  # only the measurement sees them
    print(f"picture -> shape mAP {mean_average_precision(pictures, shapes, labels, labels):.3f}")


if __name__ == "__main__":
    main()
