"""Cameras that look at a model, and the sets of them that pictures of shapes are taken with.

Model and world: right-handed, +y up, the model's front at +z. Camera axes as in OpenGL: x right, y up,
looking along -z. Azimuth 0 stands on +z and grows towards +x. The ring of 12 views at 30 degrees of
elevation is CMIC's (dossier CMIC, 2); the 20 vertices of the dodecahedron are the second arrangement of
MVCNN (Su et al., 2015).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anaglyph.errors import ConfigError, unknown_name

Vector = tuple[float, float, float]
FIELD_OF_VIEW = 49.1
"""Vertical degrees: a lens of 35 mm on a sensor 32 mm high."""
_NEAREST = 1e-3
"""Distance of the near plane, in distances to the target."""


@dataclass(frozen=True, kw_only=True)
class Camera:
    """Where a picture is taken from; perspective, or orthographic where `height` is given.

    Raises:
        ValueError: position and target are the same, `up` is along the line of sight, or an angle or a height
            is out of range.
    """

    position: Vector
    target: Vector = (0.0, 0.0, 0.0)
    up: Vector = (0.0, 1.0, 0.0)
    field_of_view: float = FIELD_OF_VIEW
    """Vertical opening in degrees, in (0, 180); not used by an orthographic camera."""
    height: float | None = None
    """What an orthographic camera's picture spans vertically, in model units."""

    def __post_init__(self) -> None:
        numbers = np.array([self.position, self.target, self.up], dtype=np.float64)
        if numbers.shape != (3, 3) or not np.isfinite(numbers).all():
            raise ValueError(
                f"position, target and up must be three finite numbers each, got {numbers.tolist()}"
            )
        if not 0.0 < self.field_of_view < 180.0:
            raise ValueError(f"field_of_view must lie between 0 and 180 degrees, got {self.field_of_view}")
        if self.height is not None and not 0.0 < self.height < math.inf:
            raise ValueError(f"height must be positive, got {self.height}")
        _axes(self)

    @property
    def distance(self) -> float:
        """From the camera to its target, in model units."""
        return math.dist(self.position, self.target)

    @property
    def near(self) -> float:
        """Depth in model units before which nothing is drawn."""
        return _NEAREST * self.distance

    @property
    def azimuth(self) -> float:
        """Degrees in [0, 360) around the target: 0 on +z, 90 on +x."""
        x, z = self.position[0] - self.target[0], self.position[2] - self.target[2]
        if math.hypot(x, z) < 1e-9 * self.distance:  # straight above or below: what is down in the picture
            sign = -1.0 if self.position[1] > self.target[1] else 1.0
            x, z = sign * self.up[0], sign * self.up[2]
        return round(math.degrees(math.atan2(x, z)) % 360.0, 9) % 360.0

    @property
    def elevation(self) -> float:
        """Degrees in [-90, 90] above the target's horizontal plane."""
        sine = max(-1.0, min(1.0, (self.position[1] - self.target[1]) / self.distance))
        return round(math.degrees(math.asin(sine)), 9)

    def view(self) -> NDArray[np.float64]:
        """(4, 4) world -> camera axes (x right, y up, z towards the viewer), for column vectors."""
        matrix = np.eye(4)
        matrix[:3, :3] = _axes(self)
        matrix[:3, 3] = -matrix[:3, :3] @ np.array(self.position)
        return matrix

    def projection(
        self, aspect: float = 1.0, *, near: float | None = None, far: float | None = None
    ) -> NDArray[np.float64]:
        """(4, 4) camera axes -> OpenGL's clip space: x right, y up, z from -1 (near) to 1 (far) once divided.

        Args:
            aspect: width / height of the picture.
            near: depth of the near plane; None takes the camera's own.
            far: depth of the far plane; None takes 1,000 distances to the target.
        """
        near = self.near if near is None else near
        far = 1000.0 * self.distance if far is None else far
        matrix = np.zeros((4, 4))
        if self.height is None:
            scale = 1.0 / math.tan(math.radians(self.field_of_view) / 2.0)
            matrix[2, 2:] = (far + near) / (near - far), 2.0 * far * near / (near - far)
            matrix[3, 2] = -1.0
        else:
            scale = 2.0 / self.height
            matrix[2, 2:] = 2.0 / (near - far), (far + near) / (near - far)
            matrix[3, 3] = 1.0
        matrix[0, 0], matrix[1, 1] = scale / aspect, scale
        return matrix

    def intrinsics(self, size: int) -> NDArray[np.float64]:
        """(3, 3) K of a square picture: (X, -Y, -Z) of a point in camera axes -> (column, row, 1) x depth.

        Pixels count from the picture's upper left corner, so that the centre of its first pixel is
        (0.5, 0.5). An orthographic camera takes (X, -Y, 1).
        """
        scale = self.projection()[1, 1] * size / 2.0
        return np.array([[scale, 0.0, size / 2.0], [0.0, scale, size / 2.0], [0.0, 0.0, 1.0]])


def orbit(
    azimuth: float, elevation: float, *, field_of_view: float = FIELD_OF_VIEW, margin: float = 1.05
) -> Camera:
    """A camera that looks at the origin and sees the whole unit sphere, in degrees.

    Its distance is margin / sin(field_of_view / 2), so a margin above 1 leaves a border (dossier CMIC, 2).
    Straight above or below, what is up in the picture goes on from smaller elevations: away from the viewer.
    """
    turn, rise = math.radians(azimuth), math.radians(elevation)
    distance = margin / math.sin(math.radians(field_of_view) / 2.0)
    across = distance * math.cos(rise)
    position = (across * math.sin(turn), distance * math.sin(rise), across * math.cos(turn))
    up = (0.0, 1.0, 0.0)
    if abs(math.cos(rise)) < 1e-9:
        away = -math.copysign(1.0, elevation)
        up = (away * math.sin(turn), 0.0, away * math.cos(turn))
        position = (0.0, math.copysign(distance, elevation), 0.0)
    return Camera(position=position, up=up, field_of_view=field_of_view)


def view_cameras(
    name: str, *, elevation: float = 30.0, field_of_view: float = FIELD_OF_VIEW, margin: float = 1.05
) -> tuple[Camera, ...]:
    """The cameras of a set of views, for a model in the unit sphere.

    Args:
        name: one of `VIEWS`.
        elevation: degrees above the horizon, for rings; the other sets have their own.
        field_of_view: vertical degrees.
        margin: room around the unit sphere, 1 where it touches the picture's edges.

    Raises:
        ConfigError: no such set.
    """
    if name not in _ANGLES:
        raise ConfigError(unknown_name("set of views", name, _ANGLES))
    angles = _ANGLES[name](elevation)
    return tuple(orbit(*pair, field_of_view=field_of_view, margin=margin) for pair in angles)


def _ring(count: int) -> Callable[[float], list[tuple[float, float]]]:
    return lambda elevation: [(360.0 * view / count, elevation) for view in range(count)]


def _dodecahedron(_: float) -> list[tuple[float, float]]:
    """Vertices of a regular dodecahedron, from the top down, by azimuth."""
    golden = (1.0 + math.sqrt(5.0)) / 2.0
    signs = (1.0, -1.0)
    corners = [(x, y, z) for x in signs for y in signs for z in signs]
    for small in (1.0 / golden, -1.0 / golden):
        for large in (golden, -golden):
            corners += [(0.0, small, large), (small, large, 0.0), (large, 0.0, small)]
    cameras = [Camera(position=corner) for corner in corners]
    angles = ((camera.azimuth, camera.elevation) for camera in cameras)
    return sorted(angles, key=lambda pair: (-pair[1], pair[0]))


_ANGLES: dict[str, Callable[[float], list[tuple[float, float]]]] = {
    "ring12": _ring(12),
    "ring8": _ring(8),
    "dodecahedron20": _dodecahedron,
    "faces6": lambda _: [(0.0, 0.0), (90.0, 0.0), (180.0, 0.0), (270.0, 0.0), (0.0, 90.0), (0.0, -90.0)],
    "thumbnail": lambda _: [(32.0, 22.0)],
}
VIEWS = tuple(_ANGLES)
"""Names of the sets of views."""


def _axes(camera: Camera) -> NDArray[np.float64]:
    """(3, 3) rows right, up and towards the viewer."""
    position, target = np.array(camera.position), np.array(camera.target)
    towards = position - target
    length = np.linalg.norm(towards)
    if length == 0.0:
        raise ValueError(f"a camera cannot look at its own position {camera.position}")
    towards = towards / length
    right = np.cross(np.array(camera.up, dtype=np.float64), towards)
    size = np.linalg.norm(right)
    if size < 1e-9 * np.linalg.norm(camera.up) or size == 0.0:
        raise ValueError(f"up {camera.up} must not be along the line of sight {tuple(towards.tolist())}")
    right = right / size
    axes: NDArray[np.float64] = np.stack([right, np.cross(towards, right), towards])
    return axes
