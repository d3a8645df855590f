"""Encoders that start from trained weights: found, imported where they are official files, fitted, put in."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor, nn

from anaglyph.encoders.checkpoints.importer import import_checkpoint, is_imported
from anaglyph.encoders.checkpoints.load import load_encoder
from anaglyph.encoders.checkpoints.match import own_shapes
from anaglyph.encoders.first_layer import MaskFilter, first_convolution, fit_first_layer
from anaglyph.encoders.towers.dual import MINI, packaged_weights
from anaglyph.engine.recipe import FirstLayer, StageSpec
from anaglyph.engine.trained_encoders import is_trained_method, trained_encoder
from anaglyph.errors import ConfigError, WeightsError
from anaglyph.io.atomic import sha256
from anaglyph.io.run_folder import find_weights

_PACKAGED = {"image": "mini_towers", "shape": "mini_ulip"}
"""Modality -> file of the package that `weights: mini` means."""


@dataclass(frozen=True)
class StartingWeights:
    """Trained weights of one encoder."""

    path: Path
    name: str
    """Encoder in the file."""
    state: dict[str, Tensor]
    """Without its classifier."""
    sha256: str
    """Of the file; part of a stage's identity."""
    first_layer: FirstLayer = "copied"
    """See `EncoderSpec`."""

    def put_into(self, encoder: nn.Module, *, where: str) -> None:
        """Copy all weights; a first layer for another number of channels is made from the file's.

        Raises:
            ConfigError: the file does not fit this encoder; every difference is named.
        """
        own = encoder.state_dict()
        mask_filter: MaskFilter = "mean" if self.first_layer == "copied_mean" else "zero"
        fitted = fit_first_layer(self.state, own, mask_filter=mask_filter)
        first = first_convolution(own)
        if self.first_layer == "random" and first is not None:
            fitted[first] = own[first]
        wrong = sorted(own.keys() ^ fitted.keys()) or [
            key for key in own if own[key].shape != fitted[key].shape
        ]
        if wrong:
            raise ConfigError(
                f"{where}.weights: '{self.path}' holds '{self.name}' and does not fit here; different: "
                f"{', '.join(wrong[:10])}. Check the encoder's name and options."
            )
        encoder.load_state_dict(fitted)


def starting_weights(spec: StageSpec, *, root: Path) -> dict[str, StartingWeights]:
    """Modality -> what its encoder starts from, for those of a stage that name weights.

    Raises:
        WeightsError: no such file, or one that cannot be imported.
    """
    found = {}
    for modality, encoder in spec.encoders.items():
        if encoder.weights is None:
            continue
        path = root / encoder.weights
        if encoder.weights == MINI:
            path = packaged_weights(_PACKAGED.get(modality, MINI))
        if path.is_dir():
            path = find_weights(path)
        if not path.is_file():
            raise WeightsError(
                f"encoders.{modality}.weights: there is no file '{path}'. Bring it there, give another path, "
                f"or set it to null to start from random weights."
            )
        found[modality] = replace(_read(path, modality), first_layer=encoder.first_layer)
    return found


def _read(path: Path, modality: str) -> StartingWeights:
    if is_trained_method(path):
        return StartingWeights(path, *trained_encoder(path, modality), sha256=sha256(path))
    if is_imported(path):
        loaded = load_encoder(path)
    else:
        with tempfile.TemporaryDirectory(prefix="anaglyph-import-") as folder:
            imported = Path(folder) / "encoder.safetensors"
            import_checkpoint(path, imported)
            loaded = load_encoder(imported)
    name, options = loaded.about.encoder.name, dict(loaded.about.encoder.options)
    state = loaded.module.state_dict()
    if options.pop("head_classes", None) is not None:
        trunk = own_shapes(name, options, tensors=len(state))
        state = {key: tensor for key, tensor in state.items() if key in trunk}
    return StartingWeights(path, name, state, sha256(path))
