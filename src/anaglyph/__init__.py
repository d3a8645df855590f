"""Anaglyph: one space for pictures, 3D shapes and words, learned mostly without labels.

Everything in `__all__` is public and guarded by `api_surface.json`. Names are imported when first used,
so that `import anaglyph` costs nothing and never reaches torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anaglyph.data.catalog import DataConfig, create_dataset, list_datasets
    from anaglyph.data.procedural.objects import make_object
    from anaglyph.encoders.catalog import create_encoder, encoder_convention, list_encoders
    from anaglyph.encoders.checkpoints.importer import import_checkpoint
    from anaglyph.encoders.checkpoints.load import load_encoder
    from anaglyph.encoders.convention import PointConvention
    from anaglyph.encoders.preparation import prepare_cloud
    from anaglyph.encoders.spaces.open import open_space
    from anaglyph.encoders.spaces.space import Space
    from anaglyph.engine.models import load_method
    from anaglyph.engine.recipe import list_recipes, load_recipe
    from anaglyph.engine.run import RunOptions, run_recipe
    from anaglyph.errors import (
        AnaglyphError,
        CheckpointError,
        ConfigError,
        DataError,
        IndexFormatError,
        MeshError,
        MissingExtraError,
        TrainingError,
        WeightsError,
    )
    from anaglyph.geometry.cameras import view_cameras
    from anaglyph.geometry.load import MeshReaders, load_mesh
    from anaglyph.geometry.mesh import Mesh
    from anaglyph.geometry.normalize import normalized
    from anaglyph.geometry.sample import sample_surface
    from anaglyph.methods.base import Method
    from anaglyph.methods.catalog import create_method, list_methods
    from anaglyph.render.options import RenderOptions
    from anaglyph.render.views import render_views
    from anaglyph.types import Batch, Sample, StepOutput

__version__ = "0.1.0"

__all__ = [
    "AnaglyphError",
    "Batch",
    "CheckpointError",
    "ConfigError",
    "DataConfig",
    "DataError",
    "IndexFormatError",
    "Mesh",
    "MeshError",
    "MeshReaders",
    "Method",
    "MissingExtraError",
    "PointConvention",
    "RenderOptions",
    "RunOptions",
    "Sample",
    "Space",
    "StepOutput",
    "TrainingError",
    "WeightsError",
    "__version__",
    "create_dataset",
    "create_encoder",
    "create_method",
    "encoder_convention",
    "import_checkpoint",
    "list_datasets",
    "list_encoders",
    "list_methods",
    "list_recipes",
    "load_encoder",
    "load_mesh",
    "load_method",
    "load_recipe",
    "make_object",
    "normalized",
    "open_space",
    "prepare_cloud",
    "render_views",
    "run_recipe",
    "sample_surface",
    "view_cameras",
]

_HOMES = {
    "anaglyph.data.catalog": ("DataConfig", "create_dataset", "list_datasets"),
    "anaglyph.data.procedural.objects": ("make_object",),
    "anaglyph.encoders.catalog": ("create_encoder", "encoder_convention", "list_encoders"),
    "anaglyph.encoders.checkpoints.importer": ("import_checkpoint",),
    "anaglyph.encoders.checkpoints.load": ("load_encoder",),
    "anaglyph.encoders.convention": ("PointConvention",),
    "anaglyph.encoders.preparation": ("prepare_cloud",),
    "anaglyph.encoders.spaces.open": ("open_space",),
    "anaglyph.encoders.spaces.space": ("Space",),
    "anaglyph.engine.models": ("load_method",),
    "anaglyph.engine.recipe": ("list_recipes", "load_recipe"),
    "anaglyph.engine.run": ("RunOptions", "run_recipe"),
    "anaglyph.errors": (
        "AnaglyphError",
        "CheckpointError",
        "ConfigError",
        "DataError",
        "IndexFormatError",
        "MeshError",
        "MissingExtraError",
        "TrainingError",
        "WeightsError",
    ),
    "anaglyph.geometry.cameras": ("view_cameras",),
    "anaglyph.geometry.load": ("MeshReaders", "load_mesh"),
    "anaglyph.geometry.mesh": ("Mesh",),
    "anaglyph.geometry.normalize": ("normalized",),
    "anaglyph.geometry.sample": ("sample_surface",),
    "anaglyph.methods.base": ("Method",),
    "anaglyph.methods.catalog": ("create_method", "list_methods"),
    "anaglyph.render.options": ("RenderOptions",),
    "anaglyph.render.views": ("render_views",),
    "anaglyph.types": ("Batch", "Sample", "StepOutput"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    """Import a public name on its first use."""
    if name not in _HOME_OF:
        from anaglyph.errors import unknown_name

        raise AttributeError(f"anaglyph: {unknown_name('public name', name, __all__)}")
    value: object = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
