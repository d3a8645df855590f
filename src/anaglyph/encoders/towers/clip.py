"""CLIP, OpenCLIP's conversions and SigLIP as frozen towers, through transformers.

A folder is read offline, weights from safetensors alone; a hub name is what transformers makes of it, its
cache included. transformers' own picture code needs torchvision, so the few numbers of
`preprocessor_config.json` are read here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from anaglyph.encoders.towers.tower import ImageTower, PicturePreparation, TextTower, frozen
from anaglyph.errors import ConfigError, MissingExtraError, WeightsError
from anaglyph.io.atomic import sha256

_PREPROCESSOR = "preprocessor_config.json"
_FIXED_LENGTH = ("siglip", "siglip2")
"""Model types whose texts are always padded to the full length, as in training."""
_RESAMPLING = {2: "bilinear", 3: "bicubic"}
"""Numbers of Pillow."""


@dataclass(frozen=True, kw_only=True)
class Clip:
    """CLIP, OpenCLIP or SigLIP."""

    source: str = "openai/clip-vit-base-patch32"
    """Folder with config.json, model.safetensors, tokenizer and preprocessor_config.json, or a hub name."""
    revision: str | None = None
    """Branch, tag or commit of a hub name."""

    def image(self, *, root: Path) -> ImageTower:
        """The vision half."""
        model, where, identity = self._model(root)
        _drop(model, "text_model")
        preparation = _preparation(_read_json(where, _PREPROCESSOR, self.revision), where=where)
        module = frozen(_Pictures(model))
        return ImageTower(f"clip {self.source}", module, _width(model, "vision"), preparation, identity)

    def text(self, *, root: Path) -> TextTower:
        """The text half with its tokenizer."""
        transformers = _transformers()
        model, where, identity = self._model(root)
        _drop(model, "vision_model")
        try:
            tokenizer = transformers.AutoTokenizer.from_pretrained(
                where, revision=self.revision, local_files_only=Path(where).is_dir(), trust_remote_code=False
            )
        except (OSError, ValueError) as error:
            raise WeightsError(f"clip: no tokenizer at '{where}': {_first(error)}. Copy it there.") from error
        module = frozen(_Texts(model, tokenizer))
        return TextTower(f"clip {self.source}", module, _width(model, "text"), identity)

    def _model(self, root: Path) -> tuple[nn.Module, str, dict[str, Any]]:
        """Network, where it came from, and what its vectors depend on."""
        transformers = _transformers()
        folder = root / self.source
        local = folder.is_dir()
        if not local and (self.source.startswith((".", "/")) or self.source.count("/") > 1):
            raise WeightsError(
                f"clip: there is no folder '{folder}'. Give another path, or a hub name such as "
                f"openai/clip-vit-base-patch32."
            )
        where = str(folder) if local else self.source
        try:
            model = transformers.AutoModel.from_pretrained(
                where, revision=self.revision, local_files_only=local, use_safetensors=True,
                trust_remote_code=False, dtype="float32",
            )  # fmt: skip
        except (OSError, ValueError) as error:
            raise WeightsError(
                f"clip: '{where}' cannot be loaded: {_first(error)}. Give a folder with config.json and "
                f"safetensors, or a hub name that can be reached from here."
            ) from error
        if not hasattr(model, "get_image_features") or not hasattr(model, "get_text_features"):
            raise ConfigError(
                f"clip: '{where}' holds a {type(model).__name__}, which has no image and text towers; "
                f"CLIP, OpenCLIP conversions and SigLIP have."
            )
        made_of = (
            {path.name: sha256(path) for path in sorted(folder.glob("*.safetensors"))}
            if local
            else {"name": self.source, "commit": getattr(model.config, "_commit_hash", None)}
        )
        return model, where, {"kind": "clip", "model": type(model).__name__, "weights": made_of}


class _Pictures(nn.Module):
    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        return _vectors(self.model.get_image_features(pixel_values=images))  # type: ignore[operator]


class _Texts(nn.Module):
    def __init__(self, model: nn.Module, tokenizer: Any) -> None:
        super().__init__()
        self.model = model
        self.tokenizer = tokenizer
        config: Any = model.config
        self.fixed_length = config.model_type in _FIXED_LENGTH
        self.longest = int(config.text_config.max_position_embeddings)

    def forward(self, texts: Sequence[str]) -> Tensor:
        padding = "max_length" if self.fixed_length else "longest"
        tokens = self.tokenizer(
            list(texts), padding=padding, truncation=True, max_length=self.longest, return_tensors="pt"
        )
        names = ("input_ids",) if self.fixed_length else ("input_ids", "attention_mask")
        device = next(self.model.parameters()).device
        given = {name: tokens[name].to(device) for name in names}
        return _vectors(self.model.get_text_features(**given))  # type: ignore[operator]


def _vectors(output: Any) -> Tensor:
    """Projected vectors: the tensor itself, or, in newer versions, the pooled output that holds them."""
    vectors: Tensor = output if isinstance(output, Tensor) else output.pooler_output
    return vectors


def _width(model: nn.Module, side: str) -> int:
    config: Any = model.config
    part = getattr(config, f"{side}_config")
    shared = getattr(config, "projection_dim", None)
    return int(shared or getattr(part, "projection_size", None) or part.hidden_size)


def _drop(model: nn.Module, half: str) -> None:
    """Let go of the half that is not asked: the largest have billions of numbers."""
    if hasattr(model, half):
        setattr(model, half, nn.Identity())


def _preparation(config: Mapping[str, Any], *, where: str) -> PicturePreparation:
    """The preparation that `preprocessor_config.json` describes."""
    crops = bool(config.get("do_center_crop", False))
    size = config.get("crop_size" if crops else "size", config.get("size"))
    if isinstance(size, Mapping):
        size = size.get("height", size.get("shortest_edge"))
    mean, std = config.get("image_mean"), config.get("image_std")
    if not isinstance(size, int) or not _colours(mean) or not _colours(std):
        raise WeightsError(
            f"clip: {_PREPROCESSOR} of '{where}' does not say size, image_mean and image_std; "
            f"copy it again from where the weights came from."
        )
    return PicturePreparation(
        pixels=size,
        resize="crop" if crops else "stretch",
        interpolation="bilinear" if _RESAMPLING.get(config.get("resample", 3)) == "bilinear" else "bicubic",
        mean=tuple(map(float, mean)),  # type: ignore[arg-type]
        std=tuple(map(float, std)),  # type: ignore[arg-type]
    )


def _colours(value: object) -> bool:
    return (
        isinstance(value, list) and len(value) == 3 and all(isinstance(each, int | float) for each in value)
    )


def _read_json(where: str, name: str, revision: str | None) -> dict[str, Any]:
    """A JSON file of a folder or of a hub name."""
    path = Path(where) / name
    if not Path(where).is_dir():
        from transformers.utils.hub import cached_file

        found = cached_file(where, name, revision=revision, _raise_exceptions_for_missing_entries=False)
        path = Path(str(found))
    try:
        value: object = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsError(f"clip: '{path}' cannot be read: {_first(error)}. Copy it there.") from error
    if not isinstance(value, dict):
        raise WeightsError(f"clip: '{path}' holds no JSON object; copy it again.")
    return value


def _transformers() -> Any:
    try:
        import transformers
    except ImportError as error:
        raise MissingExtraError(what="the tower 'clip'", extra="towers") from error
    return transformers


def _first(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300].rstrip(".")
