"""Any image encoder of the catalog with official weights as a tower, such as MobileNet-V2 of ImageNet."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from anaglyph.config import structure
from anaglyph.encoders.checkpoints.importer import import_checkpoint, is_imported
from anaglyph.encoders.checkpoints.load import LoadedEncoder, load_encoder
from anaglyph.encoders.towers.tower import ImageTower, PicturePreparation, frozen
from anaglyph.errors import ConfigError, WeightsError
from anaglyph.io.atomic import sha256


@dataclass(frozen=True, kw_only=True)
class PictureEncoder:
    """An image encoder with its weights."""

    source: str
    """File of `anaglyph models import`, or an official one, which is then imported."""
    pixels: int | None = None
    """Side of the pictures; None is what the weights were trained with."""

    def __post_init__(self) -> None:
        if not self.source:
            raise ConfigError("source must name a file of weights, got ''.")

    def image(self, *, root: Path) -> ImageTower:
        """The encoder; its vectors are not normalised."""
        path = root / self.source
        if not path.is_file():
            raise WeightsError(f"encoder: there is no file '{path}'. Bring it there, or give another path.")
        loaded = _loaded(path)
        about = loaded.about
        if not about.pictures:
            raise WeightsError(
                f"'{path}' holds '{about.encoder.name}', an encoder of clouds; pictures are asked."
            )
        stated = {name: about.pictures[name] for name in ("pixels", "mean", "std") if name in about.pictures}
        if self.pixels is not None:
            stated["pixels"] = self.pixels
        preparation = structure(PicturePreparation, stated, where=f"'{path}': pictures")
        identity = {"kind": "encoder", "encoder": about.encoder.name, "weights": sha256(path)}
        width = int(getattr(loaded.module, "embed_dim", 0))
        return ImageTower(
            f"encoder {about.encoder.name}", frozen(loaded.module), width, preparation, identity
        )


def _loaded(path: Path) -> LoadedEncoder:
    if is_imported(path):
        return load_encoder(path)
    with tempfile.TemporaryDirectory(prefix="anaglyph-import-") as folder:
        imported = Path(folder) / "encoder.safetensors"
        import_checkpoint(path, imported)
        return load_encoder(imported)
