"""Official point encoders in the layouts of the dossiers with random numbers, and vectors of two words."""

import numpy as np
import torch

from anaglyph.encoders.checkpoints.importer import import_checkpoint
from reference import official_backbones as backbones
from reference.official_keys import table

WIDE = 1280
NAMES = ("chair", "table")
KEPT = ("mixcon3d", "openshape")
"""Families whose official file stays beside the imported one."""


def numbers(shapes, seed=0):
    """A state dict of these shapes; variances are positive, counters count."""
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for key, shape in shapes.items():
        if key.endswith("num_batches_tracked"):
            state[key] = torch.zeros((), dtype=torch.int64)
        else:
            drawn = torch.randn(shape, generator=generator) * 0.05
            state[key] = 1 + drawn.abs() if key.endswith("running_var") else drawn
    return state


def affine(rows, columns, seed):
    return numbers({"module.weight": (rows, columns), "module.bias": (rows,)}, seed)


def write_words(folder):
    """`words512.npz` and its like: stored vectors of both names in every width."""
    for width in (512, 1024, WIDE):
        vectors = np.random.default_rng(width).normal(size=(2, width)).astype(np.float32)
        np.savez(folder / f"words{width}.npz", names=np.array(NAMES), vectors=vectors)
    return folder


def official_contents():
    """Family -> what its official file holds."""
    ppat = {f"module.{key}": value for key, value in numbers(backbones.ppat(1)).items()}
    unset = {
        "logit_scale": {"module.logit_scale": torch.tensor(2.5)},
        "text_proj": None,
        "image_proj": None,
    }
    mixed = {
        "text_proj": affine(WIDE, WIDE, 1),
        "image_proj": affine(WIDE, WIDE, 2),
        "pc_img_proj": affine(WIDE, 2 * WIDE, 3),
        "text_logit_scale": {"module.logit_scale": torch.tensor(2.5)},
    }
    next_points = table(backbones.pointnext_text(), "point_encoder.")
    return {
        "openshape": {"state_dict": ppat, **unset},
        "mixcon3d": {"state_dict": ppat, **mixed},
        "headless": {"state_dict": ppat, **mixed, "text_proj": None},
        "ulip": {
            "state_dict": numbers(table(backbones.SSG, "point_encoder.") | {"pc_projection": (256, 512)})
        },
        "ulip2": {"state_dict": numbers(next_points | {"pc_projection": (256, 1280), "logit_scale": ()})},
        "uni3d": {"module": numbers(backbones.uni3d("ti"))},
        "pointnet": numbers(backbones.pointnet(3)),
    }


def import_official(folder, families):
    """Family -> an imported file in `folder`."""
    contents, made = official_contents(), {}
    for name in families:
        torch.save(contents[name], folder / f"{name}.pt")
        made[name] = folder / f"{name}.safetensors"
        import_checkpoint(folder / f"{name}.pt", made[name])
        if name not in KEPT:
            (folder / f"{name}.pt").unlink()
    return made
