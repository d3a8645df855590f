"""Weights of tiny trained spaces as finished runs leave them, beside a tiny dual tower."""

import torch

from anaglyph.config import plain, structure
from anaglyph.data.catalog import DataConfig
from anaglyph.encoders.catalog import create_encoder
from anaglyph.engine.models import save_method
from anaglyph.engine.recipe import EncoderSpec, StageSpec
from anaglyph.engine.tower_specs import TowersSpec
from anaglyph.methods.catalog import METHODS as CATALOG
from anaglyph.methods.catalog import create_method
from anaglyph.randomness import seeded
from tower_files import WIDTH, described, save_dual

METHODS = ("mixcon3d", "multi_positive", "openshape", "ulip")
SHAPE = EncoderSpec(name="pointnet_small", options={"in_channels": 6, "embed_dim": 8, "widths": [8, 8, 8]})
CONFIG = {"embed_dim": 8, "image_dim": WIDTH, "text_dim": WIDTH, "head": "linear", "average_decay": 0.5}
CONFIGS = {
    "mixcon3d": {"aggregation": "max_linear", "normalize_before_fusion": True},
    "multi_positive": {"head": "mlp"},
    "openshape": {"share_head": False, "average_decay": 0.0},
    "ulip": {"share_head": False, "average_decay": 0.0},
}


def objects():
    """Five described objects, clouds of eight points."""
    return described(5)


def towers_of(folder):
    """Towers of a recipe; the dual pair is written where it is missing."""
    if not (folder / "dual.safetensors").exists():
        save_dual(folder / "dual.safetensors")
    tower = {"name": "dual", "options": {"source": "dual.safetensors"}}
    clouds = {"points": 6, "channels": 6, "swap_yz": True, "unit_sphere": True}
    return {"image": tower, "text": tower, "templates": "plain", "clouds": clouds}


def save_run(path, name, *, seed=0, **config):
    """A method whose average is not its student; returns the path."""
    options = plain(
        structure(CATALOG.load(name).config_cls, {**CONFIG, **CONFIGS[name], **config}, where="config")
    )
    with seeded(seed, "space file"):
        encoder = create_encoder(SHAPE.name, **SHAPE.options)
        method = create_method(name, options, encoders={"shape": encoder}, objects=5)
        if method.average is not None:
            with torch.no_grad():
                for parameter in method.student.parameters():
                    parameter.add_(torch.randn_like(parameter), alpha=0.1)
            method.average.update(method.student)
    spec = StageSpec(method=name, config=options, encoders={"shape": SHAPE}, epochs=1, batch=5)
    towers = structure(TowersSpec, towers_of(path.parent), where="towers")
    data = DataConfig(name="procedural_models", options={"size": 16})
    save_method(path, method, spec=spec, data=data, towers=towers, objects=5, identity="x")
    return path
