"""Both halves of a trained `image_text` as frozen towers: small, ours, and there without a download."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from anaglyph.encoders.catalog import create_encoder
from anaglyph.encoders.dual import SIDES, DualEncoder
from anaglyph.encoders.towers.tower import ImageTower, PicturePreparation, TextTower, frozen
from anaglyph.errors import ConfigError, WeightsError
from anaglyph.io.atomic import sha256
from anaglyph.io.weights import load_into, read_header, read_weights, write_weights
from anaglyph.randomness import seeded

MINI = "mini"
_FILE = "model.safetensors"
_AVERAGE, _STUDENT = "average.module.", "student."
"""Where the networks lie in a saved `image_text`; the average is taken where there is one."""


@dataclass(frozen=True, kw_only=True)
class Dual:
    """A pair of encoders that `image_text` trained."""

    source: str = MINI
    """Weights file, or the artefact folder of a stage; `mini` is the pair that comes with the package."""
    pixels: int | None = None
    """Side that pictures are brought to; None is the size it was trained with, where its data says it."""

    def __post_init__(self) -> None:
        if not self.source:
            raise ConfigError("source must name the weights of a trained image_text, got ''.")

    def image(self, *, root: Path) -> ImageTower:
        """The image half; its vectors are not normalised."""
        dual, identity, pixels = _opened(_place(root, self.source))
        preparation = PicturePreparation(pixels=self.pixels or pixels)
        return ImageTower(f"dual {self.source}", frozen(_Images(dual)), dual.embed_dim, preparation, identity)

    def text(self, *, root: Path) -> TextTower:
        """The text half; its vectors are not normalised."""
        dual, identity, _ = _opened(_place(root, self.source))
        return TextTower(f"dual {self.source}", frozen(_Texts(dual)), dual.embed_dim, identity)


def write_slim(source: Path, target: Path, *, header: Mapping[str, Any]) -> None:
    """The networks of a trained `image_text` alone, in half precision: what comes with the package.

    Args:
        source: weights file, or the artefact folder of a stage.
        target: file to write.
        header: further facts, such as the licence of the data.
    """
    dual, _, _ = _opened(source)
    trained = read_header(source / _FILE if source.is_dir() else source)
    kept = {name: trained[name] for name in ("anaglyph", "stage", "data", "fingerprint")}
    state = {
        _STUDENT + name: tensor.half() if tensor.is_floating_point() else tensor
        for name, tensor in dual.state_dict().items()
    }
    write_weights(target, state, header={**kept, **header})


def _place(root: Path, source: str) -> Path:
    return packaged_weights("mini_towers") if source == MINI else root / source


def packaged_weights(name: str) -> Path:
    """A weights file that comes with the package, whether it is there or not."""
    with resources.as_file(resources.files("anaglyph") / "weights" / f"{name}.safetensors") as file:
        return file


class _Images(nn.Module):
    def __init__(self, dual: DualEncoder) -> None:
        super().__init__()
        self.dual = dual

    def forward(self, images: Tensor) -> Tensor:
        return self.dual.images(images)


class _Texts(nn.Module):
    def __init__(self, dual: DualEncoder) -> None:
        super().__init__()
        self.dual = dual

    def forward(self, texts: Sequence[str]) -> Tensor:
        return self.dual.texts(texts)


def _opened(path: Path) -> tuple[DualEncoder, dict[str, Any], int | None]:
    """The networks, what their vectors depend on, and the side of the pictures they were trained with."""
    file = path / _FILE if path.is_dir() else path
    if not file.is_file():
        raise WeightsError(
            f"dual: there are no weights at '{path}'. Give the file of a trained image_text, or its stage's "
            f"artefact folder."
        )
    header = read_header(file)
    stage = header.get("stage")
    if not isinstance(stage, Mapping) or stage.get("method") != "image_text":
        found = stage.get("method") if isinstance(stage, Mapping) else header.get("kind")
        raise WeightsError(f"dual: '{file}' holds {found!r:.40}; expected is a trained image_text.")
    try:
        specs = {side: stage["encoders"][side] for side in SIDES}
        config = stage["config"]
        embed_dim = int(config["embed_dim"])
        mean, std = (tuple(map(float, config[name])) for name in ("mean", "std"))
        with seeded(0, "dual tower"):  # overwritten; nobody else's numbers change
            encoders = {side: create_encoder(spec["name"], **spec["options"]) for side, spec in specs.items()}
            dual = DualEncoder(encoders, embed_dim=embed_dim, mean=mean, std=std)
    except (KeyError, TypeError, ValueError, ConfigError) as error:
        raise WeightsError(
            f"dual: '{file}' has a header that cannot be meant ({error}). Train again."
        ) from error
    state = read_weights(file)
    prefix = _AVERAGE if any(name.startswith(_AVERAGE) for name in state) else _STUDENT
    own = {
        name.removeprefix(prefix): tensor.float() if tensor.dtype == torch.float16 else tensor
        for name, tensor in state.items()
        if name.startswith(prefix)
    }
    load_into(dual, own, what=f"'{file}'")
    return dual, {"kind": "dual", "weights": sha256(file)}, _pixels(header)


def _pixels(header: Mapping[str, Any]) -> int | None:
    """`size` of the data set it was trained on."""
    data = header.get("data")
    options = data.get("options") if isinstance(data, Mapping) else None
    size = options.get("size") if isinstance(options, Mapping) else None
    return size if isinstance(size, int) and size > 0 else None
