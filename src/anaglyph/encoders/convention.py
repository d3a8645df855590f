"""How an encoder wants its clouds: axes, size, points and colours, as data that travels with the weights.

A wrong axis or colour range costs more accuracy than any layer (dossier MixCon3D, section 7.2), so nothing of
this is left to be known by heart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from anaglyph.errors import ConfigError

MOST_POINTS = 20_000_000
Axis = Literal["x", "y", "z", "-x", "-y", "-z"]


@dataclass(frozen=True, kw_only=True)
class PointConvention:
    """What `encoders.preparation.prepare_cloud` does to a cloud whose up axis is +y."""

    axes: tuple[Axis, Axis, Axis] = ("x", "y", "z")
    """Where the encoder's x, y and z come from; ("x", "-z", "y") turns +y up into +z up. A mirroring choice
    such as ("x", "z", "y") is kept where the official weights were trained that way."""
    scale: Literal["unit_sphere", "none"] = "unit_sphere"
    """"unit_sphere": minus the mean, divided by the largest norm."""
    points: int = 1024
    """Points per cloud the weights were trained with."""
    sampling: Literal["random", "farthest"] = "random"
    """How that many are chosen from a larger cloud."""
    colours: bool = False
    """Channels 3 to 5 are red, green and blue in [0, 1]."""
    missing_colour: float = 0.4
    """The grey of a cloud without colours."""
    height: bool = False
    """One more channel: y minus the smallest y of the cloud."""

    def __post_init__(self) -> None:
        if sorted(axis[-1] for axis in self.axes) != ["x", "y", "z"]:
            raise ConfigError(f"axes must name x, y and z once each, signs allowed, got {self.axes}")
        if not 1 <= self.points <= MOST_POINTS or not 0.0 <= self.missing_colour <= 1.0:
            raise ConfigError(
                f"points must be >= 1 and <= {MOST_POINTS}, missing_colour in [0, 1], got "
                f"{self.points!r:.40}, {self.missing_colour}"
            )

    @property
    def up(self) -> Axis:
        """The encoder's own axis along which +y of the source lies."""
        place = next(i for i, axis in enumerate(self.axes) if axis[-1] == "y")
        names: tuple[Axis, Axis, Axis] = ("-x", "-y", "-z") if self.axes[place][0] == "-" else ("x", "y", "z")
        return names[place]

    @property
    def channels(self) -> int:
        """Numbers per point that the encoder sees."""
        return 3 + 3 * self.colours + self.height
