"""The point encoder in a run folder, a trained method, an imported file or an official one, by its spec."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from anaglyph.config import override
from anaglyph.data.catalog import DataConfig
from anaglyph.encoders.catalog import list_encoders
from anaglyph.encoders.checkpoints.importer import import_checkpoint, is_imported
from anaglyph.encoders.checkpoints.load import check_encoder_file
from anaglyph.engine.models import build_encoders
from anaglyph.engine.recipe import EncoderSpec, StageSpec
from anaglyph.engine.starting_weights import starting_weights
from anaglyph.engine.trained_encoders import is_trained_method
from anaglyph.errors import ConfigError, WeightsError, unknown_name
from anaglyph.io.run_folder import find_weights
from anaglyph.io.weights import read_header


@dataclass(frozen=True)
class FoundEncoder:
    """What a recipe needs to start from it."""

    spec: EncoderSpec
    title: str
    """For folders and tables: the run's or file's name, or the encoder's."""


def find_point_encoder(target: str) -> FoundEncoder:
    """What a run folder, a weights file or a name of the catalog stands for; a name means random weights.

    Raises:
        ConfigError: neither a file nor a shape encoder, or a run without one.
        WeightsError: a damaged file, or no official layout.
    """
    path = Path(target)
    if not path.exists():
        names = list_encoders(modality="shape")
        if path.suffix or "/" in target:
            raise WeightsError(
                f"there is no file or folder '{target}'. Pass a run folder, a weights file or an encoder's "
                f"name."
            )
        if target not in names:
            raise ConfigError(
                f"{unknown_name('shape encoder', target, names)}. Or pass a run folder or a weights file."
            )
        return FoundEncoder(EncoderSpec(name=target), f"{target}-random")
    file = (find_weights(path) if path.is_dir() else path).resolve()
    name, options = _inside(file)
    weights = str(file)
    return FoundEncoder(EncoderSpec(name=name, options=options, weights=weights), _title(path))


def open_point_encoder(found: FoundEncoder, *, seed: int = 0) -> nn.Module:
    """The encoder itself, in eval mode, without a classifier."""
    stage = StageSpec(method="finetune", encoders={"shape": found.spec}, epochs=1, batch=2)
    starts = starting_weights(stage, root=Path())
    return build_encoders(stage, seed=seed, name="probe", starts=starts)["shape"].eval()


def data_of(weights: Path, *, data: str, assignments: Sequence[str]) -> DataConfig:
    """The data set to measure on: the one that is named, else the run's own, with changed options.

    Raises:
        ConfigError: none is named and the file is no run.
    """
    options: dict[str, Any] = {}
    name = data
    if not data:
        file = find_weights(weights) if weights.is_dir() else weights
        if not file.is_file() or not is_trained_method(file):
            raise ConfigError(
                f"'{weights}' was trained on no data set of ours; name one to measure on, such as "
                f"--data modelnet40_clouds."
            )
        own = read_header(file)["data"]
        name, options = str(own["name"]), dict(own["options"])
    for assignment in assignments:
        options = override(options, assignment)
    return DataConfig(name=name, options=options)


def _inside(file: Path) -> tuple[str, dict[str, Any]]:
    """Name and options of the shape encoder in a file."""
    if is_trained_method(file):
        stage = read_header(file)["stage"]
        if "shape" not in stage["encoders"]:
            raise ConfigError(
                f"'{file}' holds a trained {stage['method']} without an encoder of shapes; name another run."
            )
        own = stage["encoders"]["shape"]
        return str(own["name"]), dict(own["options"])
    if is_imported(file):
        return _headless(file)
    with tempfile.TemporaryDirectory(prefix="anaglyph-import-") as folder:
        imported = Path(folder) / "encoder.safetensors"
        import_checkpoint(file, imported)
        return _headless(imported)


def _headless(file: Path) -> tuple[str, dict[str, Any]]:
    _, about = check_encoder_file(file)
    if about.convention is None:
        raise ConfigError(
            f"'{file}' holds '{about.encoder.name}', an encoder of pictures; clouds need another."
        )
    options = {key: value for key, value in about.encoder.options.items() if key != "head_classes"}
    return about.encoder.name, options


def _title(path: Path) -> str:
    """`runs/act_tiny/seed-0` -> act_tiny-seed-0; `point_mae.pth` -> point_mae."""
    resolved = path.resolve()
    if not resolved.is_dir():
        return resolved.stem
    own = resolved.name
    return f"{resolved.parent.name}-{own}" if own.startswith("seed-") else own
