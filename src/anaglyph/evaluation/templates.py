"""Sentences around a class name, whose text vectors are averaged into the vector of the class.

The 64 sentences of ULIP are what OpenShape and MixCon3D average (dossier MixCon3D, 2.2): the same ones for
training texts and for classes. They are kept as a grammar: `X` is the name, braces hold alternatives.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor

from anaglyph.errors import ConfigError, unknown_name

OFFICIAL_GRAMMAR = (
    "a point cloud model of X",
    "There is {a,the} X in the scene",
    "a photo of {a,the,one} X in the scene",
    "itap of {a,my,the} X",
    "a photo of {a,my,the,one,many} X",
    "a {good,bad} photo of {a,the} X",
    "a photo of {a,the} {nice,cool,weird,small,large,clean,dirty} X",
    "a {bright,dark} photo of {a,the} X",
    "a photo of {a,the} hard to see X",
    "a {low resolution,cropped,close-up,jpeg corrupted,blurry,pixelated,black and white} photo of {a,the} X",
    "{a,the} {plastic,toy,plushie,cartoon} X",
    "{an,the} embroidered X",
    "a painting of {a,the} X",
)
"""Each ends with a full stop but for one, which lacks it in the official file."""
WITHOUT_STOP = "a black and white photo of a X"
FAMILIES: Mapping[str, tuple[str, ...]] = {
    "official64": OFFICIAL_GRAMMAR,
    "shape_and_photo": ("a point cloud model of X", "a photo of a X"),
    "depth": ("a point cloud model of X", "a depth map of {a,the} X"),
    "photo": ("a photo of a X",),
    "point_cloud": ("a point cloud model of X",),
    "article": ("a X",),
    "plain": ("X",),
}
"""Name -> grammar; `article` and `plain` have no full stop, since they are no sentences.

CrossMoST lists two sentences for most data sets and three for scans beside the 64 (dossier CrossMoST, 1.2);
no source says which, so `shape_and_photo` and `depth` are ours, of as many.
"""
_NO_SENTENCES = frozenset({"article", "plain"})
_BRACES = re.compile(r"\{([^}]*)\}")


def list_templates() -> list[str]:
    """Names of the families."""
    return sorted(FAMILIES)


def templates(family: str = "official64") -> tuple[str, ...]:
    """The sentences of a family, with {} where the name stands; ConfigError for an unknown family."""
    if family not in FAMILIES:
        raise ConfigError(unknown_name("family of templates", family, list_templates()))
    sentences = [sentence for line in FAMILIES[family] for sentence in _alternatives(line)]
    bare = family in _NO_SENTENCES
    ended = (each if bare or each == WITHOUT_STOP else f"{each}." for each in sentences)
    return tuple(each.replace("X", "{}") for each in ended)


def expand(name: str, family: str = "official64") -> tuple[str, ...]:
    """The sentences of a family about `name`, as the text tower reads them."""
    return tuple(sentence.replace("{}", name) for sentence in templates(family))


def clean_class_name(name: str) -> str:
    """An official name as a person would write it: "arctic_(type_of_shoe)" -> "arctic (type of shoe)".

    The published vectors are those of the names as they are (dossier MixCon3D, 2.2), so this is an option.
    """
    return " ".join(name.replace("_", " ").split())


def average_text_features(vectors: Tensor | Sequence[Tensor]) -> Tensor:
    """(C, E) unit vectors of classes: each text's vector at length 1, their mean, and that at length 1.

    Args:
        vectors: (C, T, E), or for each class (T, E); T >= 1 texts each, finite and not 0.

    Raises:
        ValueError: a class whose texts have no direction, each or on average.
    """
    return torch.stack([_average(each, row) for row, each in enumerate(vectors)])


def _average(vectors: Tensor, row: int) -> Tensor:
    if vectors.ndim != 2 or not len(vectors):
        raise ValueError(f"class {row} has text vectors of shape {tuple(vectors.shape)}; (T, E), T >= 1")
    exact = vectors.float() if vectors.dtype in (torch.float16, torch.bfloat16) else vectors
    lengths = exact.norm(dim=1)
    mean = (exact / lengths[:, None]).mean(dim=0)
    if not bool(torch.isfinite(mean).all()) or float(mean.norm()) < 1e-6:
        raise ValueError(
            f"class {row} has texts without a direction (lengths {float(lengths.min()):.3g} to "
            f"{float(lengths.max()):.3g}); a text tower gives finite vectors that are not 0"
        )
    return F.normalize(mean, dim=0)


def _alternatives(line: str) -> list[str]:
    parts = _BRACES.split(line)  # text and contents of braces take turns
    choices = [[part] if place % 2 == 0 else part.split(",") for place, part in enumerate(parts)]
    return ["".join(chosen) for chosen in product(*choices)]
