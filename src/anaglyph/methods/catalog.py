"""Every method by name, and the presets of each family."""

from collections.abc import Mapping
from typing import Any

from anaglyph.config import structure
from anaglyph.errors import ConfigError
from anaglyph.methods.base import Method
from anaglyph.registry import Catalog, Entry

METHODS = Catalog(
    "method",
    {
        "pair_contrast": Entry(
            "anaglyph.methods.pair_contrast.method:PairContrast",
            "symmetric contrast of an image and its shape; the baseline",
            "van den Oord et al., 2018; Radford et al., 2021",
        ),
        "cmic": Entry(
            "anaglyph.methods.cmic.method:CMIC",
            "the exact shape for a picture: instance and category contrast, view attention, colour transfer",
            "Lin et al., ICCV 2021",
        ),
        "crossmost": Entry(
            "anaglyph.methods.crossmost.method:CrossMoST",
            "classes by their names alone: pictures and clouds teach each other what they are surest of",
            "arXiv 2404.10146 (CrossMoST); Li et al., 2023 (MUST)",
        ),
        "finetune": Entry(
            "anaglyph.methods.finetune.method:Finetune",
            "classes from labels: a point encoder with a head, of which all, a part or nothing learns",
            "Yu et al., 2022; Pang et al., 2022; Dong et al., 2023, arXiv 2212.08320",
        ),
        "image_text": Entry(
            "anaglyph.methods.image_text.method:ImageText",
            "pictures and texts in one space, from nothing: a small dual encoder; its halves are towers",
            "after Radford et al., 2021",
        ),
        "mixcon3d": Entry(
            "anaglyph.methods.mixcon3d.method:MixCon3D",
            "shapes in the space of frozen picture and text towers: four pairs, one fused",
            "Gao et al., CVPR 2024, arXiv 2311.01734",
        ),
        "multi_positive": Entry(
            "anaglyph.methods.multi_positive.method:MultiPositive",
            "a shape and all its pictures and texts at once, positives that do not compete",
            "after HOLA, arXiv 2606.01334",
        ),
        "multi_view_zero": Entry(
            "anaglyph.methods.multi_view_zero.method:MultiViewZero",
            "no training: an image encoder on the picture and on renderings, maximum or mean over views",
            "after Su et al., 2015",
        ),
        "openshape": Entry(
            "anaglyph.methods.openshape.method:OpenShape",
            "shapes in the space of frozen picture and text towers: two pairs, one temperature; the baseline",
            "Liu et al., NeurIPS 2023, arXiv 2305.10764",
        ),
        "romo_annotate": Entry(
            "anaglyph.methods.romo.annotate:Annotate",
            "RoMo, stage 1: pseudo labels by self-matching in a common space",
            "Li et al., 2024, doi:10.1109/TIP.2024.3426482",
            ("romo",),
        ),
        "romo_discover": Entry(
            "anaglyph.methods.romo.discover:Discover",
            "stage 1 of RoMo's preset best: fused mutual information, then a neighbour graph",
            "Krause et al., 2010; Ji et al., 2019; Ng et al., 2001",
            ("romo",),
        ),
        "romo_learn": Entry(
            "anaglyph.methods.romo.learn:Learn",
            "RoMo, stage 2: robust learning from noisy pseudo labels",
            "Li et al., 2024, doi:10.1109/TIP.2024.3426482",
            ("romo",),
        ),
        "ulip": Entry(
            "anaglyph.methods.ulip.method:ULIP",
            "a point encoder into the space of frozen picture and text towers; where CrossMoST starts",
            "Xue et al., CVPR 2023, arXiv 2212.05171; CVPR 2024, arXiv 2305.08275",
        ),
    },
)

PRESET_FAMILIES: Mapping[str, tuple[str, ...]] = {
    "pair_contrast": ("paper",),
    "romo": ("paper", "released", "best"),
    "multi_view_zero": ("paper",),
    "cmic": ("paper", "released", "best"),
    "crossmost": ("paper", "released", "best"),
    "self_training": ("paper",),
    "finetune": ("paper", "released", "best"),
    "image_text": ("paper", "best"),
    "mixcon3d": ("paper", "released", "best"),
    "openshape": ("paper",),
    "multi_positive": ("paper",),
    "ulip": ("paper", "released", "best"),
}
DEFAULT_DATA: Mapping[str, str] = {
    "pair_contrast": "digits3d",
    "romo": "digits3d",
    "multi_view_zero": "procedural",
    "cmic": "procedural",
    "crossmost": "procedural_models",
    "self_training": "procedural_models",
    "finetune": "procedural_models",
    "image_text": "procedural_models",
    "mixcon3d": "procedural_models",
    "openshape": "procedural_models",
    "multi_positive": "procedural_models",
    "ulip": "procedural_models",
}
"""Family -> data set of the recipes that need no files."""


def list_methods(pattern: str = "*") -> list[str]:
    """Names of all methods that match a shell-style pattern."""
    return METHODS.names(pattern)


def create_method(
    name: str, config: Mapping[str, Any] | None = None, *, encoders: Mapping[str, Any], objects: int
) -> Method:
    """Build a method from its name, options and encoders.

    Args:
        name: as in `list_methods`.
        config: options of its `config_cls`; unknown ones are refused.
        encoders: modality -> module with `embed_dim`.
        objects: size of the training split; methods with a memory bank or label tables need it.
    """
    cls = METHODS.load(name)
    missing = sorted(set(cls.encoder_names) - set(encoders))
    if missing:
        raise ConfigError(f"{name} needs an encoder for {', '.join(missing)}; got {sorted(encoders)}.")
    options = structure(cls.config_cls, config or {}, where=f"{name}.config")
    try:
        method: Method = cls(options, encoders=encoders, objects=objects)
    except ValueError as error:
        raise ConfigError(f"{name}: {error}.") from error
    return method
