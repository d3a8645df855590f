"""Where the weights of a run lie: read without any training code."""

from __future__ import annotations

from pathlib import Path

from anaglyph.config import read_yaml
from anaglyph.errors import ConfigError, WeightsError

FILE = "model.safetensors"


def find_weights(path: Path) -> Path:
    """The weights file that a path stands for: a file, a stage's artefact folder or a run folder.

    Raises:
        WeightsError: none of these, or no stage of the run is finished.
    """
    if path.is_file():
        return path
    if (path / FILE).is_file():
        return path / FILE
    recipe = path / "recipe.yaml"
    try:
        stages = list(read_yaml(recipe).get("stages") or {}) if recipe.is_file() else []
    except (ConfigError, TypeError) as error:
        raise WeightsError(f"'{path}' is no run folder that can be read: {error}") from error
    for stage in reversed(stages):
        if (path / "stages" / str(stage) / "artefact" / FILE).is_file():
            return Path(path, "stages", str(stage), "artefact", FILE)
    raise WeightsError(
        f"no weights at '{path}': neither a file nor a folder with a finished stage. "
        f"Train first, or continue the run with --resume."
    )
