"""features: what `anaglyph features compute` left, as data to train and to measure on."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from anaglyph.data.embedded import EmbeddedObjects
from anaglyph.data.feature_records import open_features
from anaglyph.data.source import Split, check_split, folder_in
from anaglyph.data.transforms.clouds import CloudPipeline
from anaglyph.data.transforms.texts import TextChoice
from anaglyph.data.transforms.views import ViewChoice


@dataclass(frozen=True, kw_only=True)
class Features:
    """Clouds with the vectors of their pictures and texts."""

    title: ClassVar[str] = "clouds, and what frozen towers said of their pictures and texts"
    licence: ClassVar[str] = "that of the data and of the towers they were made of"
    obtain: ClassVar[str] = "Made by `anaglyph features compute DATA -o DIR`; name DIR in the option folder."

    folder: str = "features"
    """Folder of the splits, relative to the data root."""
    clouds: CloudPipeline = field(default_factory=CloudPipeline)
    """How clouds become a batch."""
    texts: TextChoice = field(default_factory=TextChoice)
    """Which text a training row shows."""
    views: ViewChoice = field(default_factory=ViewChoice)
    """Which pictures a training row shows."""

    def load(self, split: Split, *, root: Path, cache: Path | None, seed: int) -> EmbeddedObjects:
        """Open one split; arrays are read when they are asked for."""
        check_split(split)
        stored = open_features(folder_in(root, f"{self.folder}/{split}", obtain=self.obtain))
        return EmbeddedObjects(
            records=stored.records,
            class_names=stored.class_names,
            labels=stored.labels,
            class_features=stored.class_features,
            clouds=self.clouds,
            texts=self.texts,
            views=self.views,
            seed=seed,
        )
