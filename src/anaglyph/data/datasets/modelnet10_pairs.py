"""modelnet10_pairs: ModelNet10's clouds with rendered pictures of the same objects, and the class names.

The files are those of `modelnet`; here clouds stand +y up and class names are words, so that zero-shot tests
and self-training from class names can read them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from anaglyph.data.class_lists import class_list
from anaglyph.data.datasets.modelnet import ModelNet
from anaglyph.data.datasets.modelnet_clouds import y_up
from anaglyph.data.datasets.named_options import NamedOptions, named_objects
from anaglyph.data.described import DescribedObjects
from anaglyph.data.source import Split, check_split, folder_in


@dataclass(frozen=True, kw_only=True)
class ModelNet10Pairs(NamedOptions):
    """Real renderings and clouds of the ten classes."""

    title: ClassVar[str] = "ModelNet10 clouds with rendered views and class names"
    licence: ClassVar[str] = ModelNet.licence
    obtain: ClassVar[str] = (
        "Put ModelNet clouds there (npz or HDF5 shards, or <class>/<split>/<id>.ply) and views as "
        "<class>/<split>/<id>_<view>.jpg; without views, modelnet40_clouds draws some."
    )

    folder: str = "modelnet40_aligned"
    """Where the clouds lie, relative to the data root."""
    views_folder: str = "modelnet10_views"
    """Where the views lie, relative to the data root."""
    unpaired: Literal["drop", "refuse"] = "drop"
    """What happens to clouds without views; views without a cloud are always refused."""
    drop_duplicates: bool = False
    """Test objects whose cloud also occurs in the training split are left out."""

    def load(self, split: Split, *, root: Path, cache: Path | None, seed: int) -> DescribedObjects:
        """Read one split."""
        check_split(split)
        for folder in (self.folder, self.views_folder):
            folder_in(root, folder, obtain=self.obtain)
        paired = ModelNet(
            folder=self.folder,
            views_folder=self.views_folder,
            classes="modelnet10",
            unpaired=self.unpaired,
            drop_duplicates=self.drop_duplicates,
            validation_fraction=self.validation_fraction,
            size=self.size,
            stored_points=self.stored_points,
            points=self.points or self.stored_points,
            evaluation_points=self.stored_points,
            train_views=0,
        ).load(split, root=root, cache=cache, seed=seed)
        assert paired.images is not None
        assert paired.points is not None
        return named_objects(
            self,
            keys=paired.keys,
            labels=paired.labels,
            classes=class_list("modelnet10"),
            points=y_up(paired.points),
            pictures=paired.images,
            training=split == "train",
            seed=seed,
        )
