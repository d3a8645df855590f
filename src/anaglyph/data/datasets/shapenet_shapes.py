"""Shapes of ShapeNetCore as a repository to search: the "shapenet" mode of the older papers' tables.

There the true shape of a photograph is not among the shapes that are searched, which are those of its true
category only: bed, chair, sofa and table for Pix3D, car for the cars (dossier CMIC, 3.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from anaglyph.data.datasets.annotation_files import one_word
from anaglyph.data.datasets.rendered_shapes import ShapeFile, rendered_repository
from anaglyph.data.shape_queries import ShapeRepository
from anaglyph.data.source import folder_in
from anaglyph.errors import DataError
from anaglyph.render.options import RenderOptions

SYNSETS = {
    "bed": "02818832", "car": "02958343", "chair": "03001627", "sofa": "04256520", "table": "04379243",
}  # fmt: skip
"""WordNet synsets that name ShapeNet's folders, by the categories of the photographs."""
_FILES = {"v1": "model.obj", "v2": "models/model_normalized.obj"}


@dataclass(frozen=True, kw_only=True)
class ShapeNetShapes:
    """ShapeNetCore's models of some categories, without photographs."""

    title: ClassVar[str] = "ShapeNetCore: CAD models of single objects by category"
    licence: ClassVar[str] = "ShapeNet's terms: non-commercial research and education only; no redistribution"
    obtain: ClassVar[str] = (
        "Register at https://shapenet.org, get ShapeNetCore v1 or v2 and unpack the categories you need so "
        "that their folders (<synset>/<id>/model.obj in v1, <synset>/<id>/models/model_normalized.obj in v2) "
        "lie in the folder 'ShapeNetCore' of the data root."
    )

    folder: str = "ShapeNetCore"
    """Where the folders of categories lie, relative to the data root."""
    version: Literal["v1", "v2"] = "v1"
    """States where models lie and how they stand; v1 is mirrored and looks along +x, v2 along -z."""
    categories: tuple[str, ...] = ("bed", "chair", "sofa", "table")
    """Names; a category's folder has its synset's number or its name."""
    views: str = "ring12"
    """Cameras of the pictures."""
    coloured: bool = False
    """Pictures in the models' own colours instead of gray ones."""
    size: int = 224
    """Side of the views in pixels."""
    max_bad: int = 0
    """Models that may be unreadable, of each category."""
    processes: int = 1
    """Models read at a time."""

    def repository(self, *, root: Path, cache: Path | None) -> ShapeRepository:
        """All models of the categories as one repository; ids are `<category>/<id>`, ids taken as text.

        Raises:
            DataError: a category has no folder or no model in it.
        """
        folder = folder_in(root, self.folder, obtain=self.obtain)
        shapes = [shape for category in self.categories for shape in self._models(folder, category)]
        return rendered_repository(
            shapes,
            category_names=self.categories,
            root=folder,
            cache=cache,
            name=f"shapenet-{self.version}",
            frame="shapenet_v1" if self.version == "v1" else "shapenet_v2",
            views=self.views,
            coloured=self.coloured,
            options=RenderOptions(size=self.size),
            max_bad=self.max_bad,
            processes=self.processes,
        )

    def _models(self, folder: Path, category: str) -> list[ShapeFile]:
        names = [name for name in (SYNSETS.get(category), category) if name is not None]
        place = next((folder / name for name in names if (folder / name).is_dir()), None)
        if place is None:
            raise DataError(f"'{folder}' has no folder {' or '.join(names)} for {category}. {self.obtain}")
        file = _FILES[self.version]
        models = sorted(each / file for each in place.iterdir() if (each / file).is_file())
        if not models:
            raise DataError(
                f"'{place}' has no <id>/{file}, which is where {self.version} keeps models; check `version`."
            )
        return [
            ShapeFile(key=one_word(category, self._id(path)), category=category, path=path) for path in models
        ]

    def _id(self, path: Path) -> str:
        return path.parents[_FILES[self.version].count("/")].name
