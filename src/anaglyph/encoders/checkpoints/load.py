"""An imported encoder read back: checked against its header before a byte of its numbers is touched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from anaglyph.encoders.catalog import create_encoder
from anaglyph.encoders.checkpoints.header import EncoderHeader, parse_header
from anaglyph.encoders.checkpoints.heads import HEAD_PREFIX, check_heads
from anaglyph.encoders.checkpoints.match import COUNTER, own_shapes
from anaglyph.encoders.checkpoints.sources import header_shapes
from anaglyph.encoders.convention import PointConvention
from anaglyph.errors import ConfigError, WeightsError
from anaglyph.io.safe_header import read_safe_header
from anaglyph.io.weights import check_layout, load_into, read_header, read_weights
from anaglyph.randomness import seeded

LARGEST_OPTION = 65_536
"""No option of an official encoder is larger; a header with more is not believed."""

MOST_GATHERED = 1 << 20
"""Points in all groups of one cloud; official encoders gather 32,768."""


@dataclass(frozen=True)
class LoadedEncoder:
    """An encoder with its weights, in eval mode, and what its file says about it."""

    module: nn.Module
    header: Mapping[str, Any]
    """As it is stored, already checked."""
    about: EncoderHeader
    """The same, structured."""
    heads: Mapping[str, Tensor] = field(default_factory=dict)
    """Tensors of the affine maps behind towers that lie in the file, named as in `encoders.spaces`."""

    @property
    def convention(self) -> PointConvention:
        """How it wants its clouds; WeightsError for an encoder of pictures."""
        if self.about.convention is None:
            raise WeightsError(
                f"the file holds '{self.about.encoder.name}', an encoder of pictures; "
                f"clouds need a shape encoder."
            )
        return self.about.convention


def load_encoder(path: Path) -> LoadedEncoder:
    """Read what `anaglyph models import` wrote.

    The network is first built without memory and held against the names and shapes in the file, so a header
    that lies costs nothing.

    Raises:
        WeightsError: no such file, damaged, of another kind, or names, shapes or options that do not fit.
    """
    header, about = check_encoder_file(path)
    name, options = about.encoder.name, about.encoder.options
    with seeded(0, "load encoder"):  # the first weights are overwritten; nobody else's numbers change
        module = create_encoder(name, **options)
    stored = read_weights(path)
    own = {key: tensor for key, tensor in stored.items() if not key.startswith(HEAD_PREFIX)}
    load_into(module, own, what=f"'{path}'")
    heads = {key.removeprefix(HEAD_PREFIX): tensor for key, tensor in stored.items() if key not in own}
    return LoadedEncoder(module.eval(), header, about, heads)


def check_encoder_file(path: Path) -> tuple[Mapping[str, Any], EncoderHeader]:
    """The header of an encoder's file, as stored and structured; no number is read and no network allocated.

    Raises:
        WeightsError: whatever `load_encoder` would refuse.
    """
    shapes = header_shapes(path)
    header = read_header(path)
    about = parse_header(header, what=f"'{path}'")
    name, options = about.encoder.name, about.encoder.options
    require_sensible(options, where=f"'{path}': options of '{name}'")
    check_heads(shapes, about, what=f"'{path}'")
    shapes = {key: shape for key, shape in shapes.items() if not key.startswith(HEAD_PREFIX)}
    try:
        own = own_shapes(name, options, tensors=len(shapes))
    except (ConfigError, TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise WeightsError(f"'{path}' cannot be built from its header: {error}") from error
    wrong = sorted(own.keys() ^ shapes.keys()) or [key for key in own if own[key] != shapes[key]]
    if wrong:
        more = f" and {len(wrong) - 20} more" if len(wrong) > 20 else ""
        raise WeightsError(
            f"'{path}' does not hold the encoder '{name}' of its header; different: "
            f"{', '.join(wrong[:20])}{more}. Import the official file again."
        )
    _require_types(path)
    return header, about


def _require_types(path: Path) -> None:
    """WeightsError unless offsets are right and every tensor has the type that the import writes."""
    check_layout(path)
    for key, entry in read_safe_header(path).items():
        wanted = "I64" if key.endswith(COUNTER) else "F32"
        if key != "__metadata__" and entry["dtype"] != wanted:
            raise WeightsError(
                f"'{path}': {key} holds {entry['dtype']!s:.20} instead of {wanted}. Import the official file "
                f"again."
            )


def require_sensible(value: Any, *, where: str, depth: int = 0) -> None:
    """WeightsError for numbers and nestings that no encoder has."""
    if depth > 4 or (isinstance(value, Mapping | list | tuple | str) and len(value) > 256):
        raise WeightsError(f"{where} are nested or long beyond what any encoder has. Import again.")
    if isinstance(value, Mapping):
        _require_modest_groups(value, where=where)
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            require_sensible(item, where=where, depth=depth + 1)
    elif isinstance(value, int | float) and not -LARGEST_OPTION <= value <= LARGEST_OPTION:
        raise WeightsError(f"{where} hold {value!r:.40}; at most {LARGEST_OPTION} is believed. Import again.")


def _require_modest_groups(options: Mapping[str, Any], *, where: str) -> None:
    """Both counts may be believable and their product not: it is memory per cloud, and no tensor shows it."""
    counts = [options.get(name) for name in ("groups", "group_size")]
    numbers = [count for count in counts if isinstance(count, int)]
    if len(numbers) == 2 and numbers[0] * numbers[1] > MOST_GATHERED:
        raise WeightsError(
            f"{where} hold groups x group_size = {numbers[0]} x {numbers[1]}; at most {MOST_GATHERED} is "
            f"believed. Import again."
        )
