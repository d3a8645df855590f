"""A contrastive method for batches in parts, with all that makes two encodings of a part differ."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import nn

import tiny_encoders
from anaglyph.engine.recipe import resolve
from anaglyph.methods.base import Method
from anaglyph.methods.catalog import METHODS
from anaglyph.nn.batchnorm import BatchNorm
from anaglyph.nn.gather import gather_rows
from anaglyph.registry import Entry
from anaglyph.types import StepOutput
from tiny_runs import tiny_plain


@dataclass(frozen=True, kw_only=True)
class CoupledConfig:
    """What is in the way of two equal encodings, and which training steps (counted from 0) go wrong."""

    embed_dim: int = 16
    dropout: float = 0.0
    batch_norm: bool = False
    nan_losses: tuple[int, ...] = ()


class Coupled(Method):
    """Shapes against pictures of 64 pixels, and both fused against marks that need no gradient."""

    config_cls = CoupledConfig
    encoder_names = ("shape",)
    inputs: ClassVar = {"image": ("images",), "shape": ("points",)}
    accumulates = True

    def __init__(self, config, *, encoders, objects):
        super().__init__()
        self.config = config
        self.encoders = nn.ModuleDict(encoders)
        width = encoders["shape"].embed_dim
        norm = BatchNorm(width) if config.batch_norm else nn.Identity()
        self.heads = nn.ModuleDict(
            {
                "shape": nn.Sequential(norm, nn.Dropout(config.dropout), nn.Linear(width, config.embed_dim)),
                "image": nn.Sequential(nn.Linear(64, config.embed_dim), nn.Dropout(config.dropout)),
            }
        )
        # Parameters of the objective alone, which a part's graph never reaches.
        self.fusion = nn.Linear(2 * config.embed_dim, 8)
        self.scales = nn.ParameterDict({name: torch.tensor(1.5) for name in ("pair", "joint")})
        self.steps = 0

    def encode(self, batch):
        images = batch.require("images")  # (B, 1, 1, 8, 8)
        return {
            "shape": self.heads["shape"](self.encoders["shape"](batch.require("points"))),
            "image": self.heads["image"](images.flatten(1)),
            "mark": images.flatten(1)[:, 20:28],  # as a frozen tower's vectors: no gradient
            "shown": images.flatten(1).mean(dim=1) > 0.1,
        }

    def objective(self, features: Mapping):
        all_rows = {name: gather_rows(value.to(torch.uint8)).bool() if value.dtype == torch.bool
                    else gather_rows(value) for name, value in features.items()}  # fmt: skip
        shape, image = (all_rows[name] for name in ("shape", "image"))
        shape, image, mark = (
            value if value.dtype == torch.float64 else value.float()
            for value in (shape, image, all_rows["mark"])
        )
        pair = info_nce(shape, image, self.scales["pair"])
        joint = info_nce(self.fusion(torch.cat([shape, image], dim=1)), mark, self.scales["joint"])
        shown = all_rows["shown"].to(shape.dtype)
        extra = (shape.square().mean(dim=1) * shown).sum() / shown.sum().clamp(min=1)
        loss = pair + joint + 0.1 * extra
        if self.steps in self.config.nan_losses:
            loss = loss * float("nan")
        self.steps += 1
        return StepOutput(loss, {"pair": pair, "joint": joint})

    def training_step(self, batch):
        return self.objective(self.encode(batch))

    def embed(self, modality, batch):
        return F.normalize(self.encode(batch)[modality].float(), dim=-1)


def register(patch):
    """Enter the method, and encoders for it, for the time of a test."""
    patch.setitem(METHODS.entries, "coupled", Entry("engine.coupled_method:Coupled", "in parts"))
    tiny_encoders.register(patch)


def coupled_recipe(*assignments, accumulate, encoder="pointnet_small"):
    """A tiny recipe of this method; `tiny_moments` is an encoder without batch statistics."""
    plain = tiny_plain("pair_contrast")
    options = {"widths": [16, 16, 32]} if encoder == "pointnet_small" else {}
    plain["encoders"] = {"shape": {"name": encoder, "options": {"embed_dim": 16, **options}}}
    plain["stages"]["contrast"] |= {"method": "coupled", "accumulate": accumulate}
    return resolve(plain, assignments=assignments)


def info_nce(first, second, scale):
    """Both directions of the softmax over a batch of pairs."""
    scores = F.normalize(first, dim=1) @ F.normalize(second, dim=1).T * scale.exp()
    target = torch.arange(len(scores), device=scores.device)
    return (F.cross_entropy(scores, target) + F.cross_entropy(scores.T, target)) / 2
