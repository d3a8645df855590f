"""A space out of the weights of a trained `mixcon3d` or another method of its family, and its slim file.

The header says everything: shape encoder, heads, clouds, and the towers that stood beside in training. The
moving average embeds where there is one and the options do not refuse it, as in the method itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from anaglyph.config import fingerprint, mapping, structure
from anaglyph.encoders.catalog import create_encoder, encoder_options
from anaglyph.encoders.checkpoints.load import require_sensible
from anaglyph.encoders.checkpoints.match import COUNTER, at_most_parameters
from anaglyph.encoders.checkpoints.sources import header_shapes
from anaglyph.encoders.spaces.clouds import RecipeClouds
from anaglyph.encoders.spaces.networks import Layout, SpaceNetworks
from anaglyph.encoders.spaces.space import DEFAULT_PIXELS, Space
from anaglyph.encoders.spaces.tower_pair import TowerPair, TowerPlace, open_pair
from anaglyph.errors import ConfigError, WeightsError
from anaglyph.io.atomic import sha256
from anaglyph.io.weights import check_layout, load_into, read_header, read_weights, write_weights
from anaglyph.randomness import seeded

FORMAT = 1
KIND = "space"
METHODS = ("mixcon3d", "multi_positive", "openshape", "ulip")
KEPT = ("anaglyph", "stage", "data", "towers", "fingerprint", "leaks")
"""Of a trained method's header in a slim file."""
STATISTICS = ("running_mean", "running_var", COUNTER)
_AVERAGE, _STUDENT = "average.module.", "student."
_CLOUDS = ("channels", "swap_yz", "unit_sphere", "uncoloured", "up_axis")


@dataclass(frozen=True, kw_only=True)
class Description:
    """What the header of such a file says, checked."""

    encoder: str
    options: Mapping[str, Any]
    layout: Layout
    clouds: RecipeClouds
    towers: Mapping[str, TowerPlace]
    """"image" and "text" -> the tower of training, where one was named."""
    averaged: bool
    """Whether the moving average embeds, where there is one."""
    size: int | None
    """Side of the pictures of training, where its data says it."""


def is_trained(header: Mapping[str, Any]) -> bool:
    """Whether a header is that of a slim file or of any trained method."""
    return header.get("kind") == KIND or "stage" in header


def open_trained(path: Path, *, name: str, root: Path, towers: Mapping[str, TowerPlace]) -> Space:
    """The space of a weights file, on the CPU.

    Args:
        path: of a trained method or a slim file.
        name: for people.
        root: where relative sources of towers start.
        towers: "image" and "text" -> towers to use instead of those of training.

    Raises:
        WeightsError: damaged, of another method, names and shapes that do not fit, or other towers than
            those that a slim file was made beside.
        ConfigError: towers of other widths.
    """
    header = read_header(path)
    described = describe_header(header, what=f"'{path}'")
    networks = _networks(path, header, described)
    pair = open_pair({**described.towers, **towers}, root=root)
    pair.require_widths(described.layout, what=f"'{path}'")
    if header.get("kind") == KIND:
        _require_same_towers(path, header, pair, given=frozenset(towers))
    weights = sha256(path)
    return Space(
        name=name,
        fingerprint=fingerprint({"space": 1, "weights": weights, "towers": pair.fingerprints()}),
        licence=_text(header.get("licence"), otherwise="not stated"),
        networks=networks,
        clouds=described.clouds,
        image=pair.image,
        text=pair.text,
        default_inputs=_default_inputs(header, pair, described.layout, what=f"'{path}'"),
        pixels=pair.pixels(described.size or DEFAULT_PIXELS),
        about={key: header[key] for key in KEPT if key in header},
    )


def write_space(source: Path, target: Path, *, root: Path, header: Mapping[str, Any]) -> None:
    """Only what embedding needs, matrices in half precision: the slim file of a space.

    Args:
        source: weights file of a trained method, or a slim one.
        target: file to write.
        root: where relative sources of its towers start; their fingerprints are written down.
        header: further facts, such as `licence` and `default_inputs`.

    Raises:
        WeightsError: as in `open_trained`.
    """
    space = open_trained(source, name=source.stem, root=root, towers={})
    towers = {
        side: tower.fingerprint for side, tower in (("image", space.image), ("text", space.text)) if tower
    }
    about = {"format": FORMAT, "kind": KIND, **space.about, "tower_fingerprints": towers, **header}
    if about.get("default_inputs", space.default_inputs) not in _possible(space.image, space.networks.layout):
        raise ConfigError(
            f"default_inputs is {header['default_inputs']!r:.40}; this space allows "
            f"{', '.join(_possible(space.image, space.networks.layout))}."
        )
    write_weights(
        target, {key: _slim(value) for key, value in space.networks.state_dict().items()}, header=about
    )


def describe_header(header: Mapping[str, Any], *, what: str) -> Description:
    """What a header says; WeightsError where it cannot be meant."""
    stage = header.get("stage")
    method = stage.get("method") if isinstance(stage, Mapping) else None
    if method not in METHODS or not isinstance(stage, Mapping):
        raise WeightsError(
            f"{what} holds a trained {method!r:.40}, which has no space of shapes, pictures and words; "
            f"those that have are {', '.join(METHODS)}."
        )
    if header.get("format") != FORMAT:
        raise WeightsError(
            f"{what} has header format {header.get('format')!r:.40}; this version reads {FORMAT}."
        )
    try:
        return _described(header, stage)
    except (KeyError, TypeError, ValueError, AttributeError, ConfigError) as error:
        raise WeightsError(
            f"{what} has a header that cannot be meant ({type(error).__name__}: {str(error)[:300]}). It was "
            f"damaged or made by another program; train or export again."
        ) from error


def _described(header: Mapping[str, Any], stage: Mapping[str, Any]) -> Description:
    config, encoder = (
        mapping(stage["config"], "config"),
        mapping(stage["encoders"]["shape"], "encoders.shape"),
    )
    options = mapping(encoder["options"], "encoders.shape.options")
    towers = mapping(header.get("towers") or {}, "towers")
    data = mapping(mapping(header.get("data") or {}, "data").get("options") or {}, "data.options")
    clouds = mapping(towers.get("clouds") or data.get("clouds") or {}, "clouds")
    fused = "fused_text" in config.get("pairs", ())
    layout = {name: config[name] for name in ("embed_dim", "image_dim", "text_dim", "share_head")}
    layout |= {"image_head": config["head"], "text_head": config["head"]}
    layout |= {name: config[name] for name in ("aggregation", "normalize_before_fusion") if name in config}
    layout |= {"fusion_head": "mlp" if config["head"] == "mlp" else "linear"} if fused else {}
    kept = {name: clouds[name] for name in _CLOUDS if name in clouds}
    kept["points"] = clouds.get("evaluation_points") or clouds.get("points") or 0
    if not kept.get("channels"):
        kept["channels"] = options.get("in_channels") or encoder_options(encoder["name"]).get(
            "in_channels", 3
        )
    size = data.get("size")
    return Description(
        encoder=str(encoder["name"]),
        options=options,
        layout=structure(Layout, layout, where="config"),
        clouds=structure(RecipeClouds, kept, where="clouds"),
        towers={
            side: structure(TowerPlace, towers[side], where=f"towers.{side}")
            for side in ("image", "text")
            if towers.get(side)
        },
        averaged=config.get("evaluate_average", True) is True,
        size=size if type(size) is int and 1 <= size <= 4096 else None,
    )


def _networks(path: Path, header: Mapping[str, Any], described: Description) -> SpaceNetworks:
    """Held against names and shapes in the file before anything is allocated."""
    prefix, what = _planned(path, header, described), f"'{path}'"
    with seeded(0, "space"):  # overwritten; nobody else's numbers change
        networks = SpaceNetworks(create_encoder(described.encoder, **described.options), described.layout)
    tensors = {
        key.removeprefix(prefix): _single(tensor, key, what)
        for key, tensor in read_weights(path).items()
        if key.startswith(prefix)
    }
    load_into(networks, tensors, what=what)
    return networks.eval().requires_grad_(False)


def check_space_file(path: Path) -> int:
    """Parameters of a file's networks; no number is read.

    Raises:
        WeightsError: whatever `open_trained` would refuse, except for numbers and towers.
    """
    header = read_header(path)
    prefix = _planned(path, header, describe_header(header, what=f"'{path}'"))
    return sum(
        math.prod(shape)
        for key, shape in header_shapes(path).items()
        if key.startswith(prefix) and not key.endswith(STATISTICS)
    )


def _planned(path: Path, header: Mapping[str, Any], described: Description) -> str:
    """What stands before the names of the networks in the file, held against their plan without memory."""
    shapes, what = header_shapes(path), f"'{path}'"
    check_layout(path)
    prefix = "" if header.get("kind") == KIND else _prefix(shapes, averaged=described.averaged)
    inside = {key.removeprefix(prefix): shape for key, shape in shapes.items() if key.startswith(prefix)}
    require_sensible(described.options, where=f"{what}: options of '{described.encoder[:40]}'")
    try:
        with torch.device("meta"), at_most_parameters(len(inside)):
            planned = SpaceNetworks(create_encoder(described.encoder, **described.options), described.layout)
    except (ConfigError, TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise WeightsError(f"{what} cannot be built from its header: {str(error)[:300]}") from error
    own = {key: tuple(tensor.shape) for key, tensor in planned.state_dict().items()}
    wrong = sorted(own.keys() ^ inside.keys()) or [key for key in own if own[key] != inside[key]]
    if wrong:
        more = f" and {len(wrong) - 20} more" if len(wrong) > 20 else ""
        raise WeightsError(
            f"{what} does not hold the networks of its header; different: {', '.join(wrong[:20])}{more}. "
            f"Train or export again."
        )
    return prefix


def _prefix(shapes: Mapping[str, Any], *, averaged: bool) -> str:
    return _AVERAGE if averaged and any(key.startswith(_AVERAGE) for key in shapes) else _STUDENT


def _single(tensor: Tensor, key: str, what: str) -> Tensor:
    if not tensor.is_floating_point():
        return tensor
    if not bool(torch.isfinite(tensor).all()):
        raise WeightsError(
            f"{what}: {key} holds NaN or infinite numbers; the file is of no use. Train again."
        )
    return tensor.float()


def _slim(tensor: Tensor) -> Tensor:
    """Half precision for matrices; statistics and biases are few, and some exceed its range."""
    half = tensor.half() if tensor.is_floating_point() and tensor.ndim > 1 else tensor
    return half if bool(torch.isfinite(half).all()) else tensor


def _require_same_towers(
    path: Path, header: Mapping[str, Any], pair: TowerPair, *, given: frozenset[str]
) -> None:
    """Another tower gives vectors of the same size that mean something else; one given by hand is trusted."""
    written = header.get("tower_fingerprints")
    found = pair.fingerprints()
    for side, then in written.items() if isinstance(written, Mapping) else ():
        if side not in given and found.get(side) != then:
            raise WeightsError(
                f"'{path}' was made beside another {side} tower (fingerprint {str(then)[:16]}) than the one "
                f"that is there now ({found.get(side)}). Bring that tower back, or train and export again."
            )


def _default_inputs(header: Mapping[str, Any], pair: TowerPair, layout: Layout, *, what: str) -> Any:
    possible = _possible(pair.image, layout)
    asked = header.get("default_inputs", "sum" if pair.image is not None else "points")
    if asked not in ("points", "sum", "fused"):
        raise WeightsError(
            f"{what}: default_inputs is {asked!r:.40}; allowed are points, sum and fused. Export again."
        )
    return asked if asked in possible else "points"  # without the image tower that it was made for


def _possible(image: object, layout: Layout) -> tuple[str, ...]:
    if image is None:
        return ("points",)
    return ("points", "sum") if layout.fusion_head is None else ("points", "sum", "fused")


def _text(value: object, *, otherwise: str) -> str:
    return value[:1000] if isinstance(value, str) and value.strip() else otherwise
