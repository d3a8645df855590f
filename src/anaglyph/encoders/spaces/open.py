"""The one way to open a space: `mini`, a run, a slim file, or an imported official encoder with towers."""

from __future__ import annotations

from pathlib import Path

import torch

from anaglyph.encoders.spaces.official import is_official, open_official
from anaglyph.encoders.spaces.space import Space
from anaglyph.encoders.spaces.tower_pair import named_towers
from anaglyph.encoders.spaces.trained import is_trained, open_trained
from anaglyph.encoders.towers.dual import packaged_weights
from anaglyph.errors import ConfigError, WeightsError
from anaglyph.io.run_folder import find_weights
from anaglyph.io.weights import read_header

MINI = "mini"
SHAPES = "mini_shapes"
"""File of mini's shape encoder in the package; its towers are `dual`'s own `mini`."""
PICKLES = frozenset({".pth", ".pt", ".t7", ".th", ".ckpt", ".bin"})


def open_space(
    source: str | Path,
    *,
    root: Path,
    device: torch.device | str = "cpu",
    image_tower: str | None = None,
    text_tower: str | None = None,
) -> Space:
    """Shapes, pictures and words in one space, ready to embed.

    Args:
        source: `mini`, which comes with the package; a run folder, an artefact folder or the weights of a
            trained mixcon3d, openshape, ulip or multi_positive; a file of `anaglyph models export`; or one of
            `anaglyph models import`, of OpenShape, MixCon3D, ULIP, ULIP-2 or Uni3D.
        root: folder where relative sources of towers start, that of the data sets.
        device: where to compute.
        image_tower: "kind:source", such as clip:FOLDER, instead of the tower of training; official encoders
            name none, and without one read no pictures.
        text_tower: the same for words.

    Raises:
        WeightsError: nothing there, damaged, hostile, or of another kind.
        ConfigError: what cannot be a space, or towers that do not fit.
        MissingExtraError: a tower needs a package that is not installed.
    """
    path, name = space_file(source)
    header = read_header(path)
    towers = named_towers(image_tower, text_tower)
    if is_official(header):
        space = open_official(path, name=name, root=root, towers=towers)
    elif is_trained(header):
        space = open_trained(path, name=name, root=root, towers=towers)
    else:
        raise WeightsError(
            f"'{path}' is safetensors and no space: its header names neither a trained method nor an "
            f"imported encoder. Official weights are imported first, by `anaglyph models import`."
        )
    return space.to(device)


def space_file(source: str | Path) -> tuple[Path, str]:
    """The weights file that a source stands for, and its name for people.

    Raises:
        WeightsError: there is none.
        ConfigError: a file of PyTorch.
    """
    if str(source) == MINI:
        path = packaged_weights(SHAPES)
        if not path.is_file():
            raise WeightsError(
                f"this installation holds no '{path.name}', so there is no mini. Install the released "
                f"package, or pass a run folder or a weights file."
            )
        return path, MINI
    path = Path(source)
    if path.suffix.lower() in PICKLES:
        raise ConfigError(
            f"'{path}' is a file of PyTorch; turn it into safetensors first: anaglyph models import {path} "
            f"-o {path.stem}.safetensors"
        )
    return find_weights(path), path.stem if path.is_file() else path.name
