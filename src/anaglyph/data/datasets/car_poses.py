"""How a photographed car stands: the annotation of "finegrained-pose", its projection, and masks made from
it.

Source: Wang et al., 3D Pose Estimation for Fine-Grained Object Categories, ECCVW 2018, section 3.2 and
equation 3; conventions as in the scripts published with the annotations. Angles are in radians, lengths in
units of the model (ShapeNetCore v1), u, v and f in pixels of the photograph scaled to a width of 300, u and v
from its centre:

    R = Rz(theta) Rx(elevation) Ry(azimuth)          (x, y, z) = R X - (0, 0, distance)
    column = f x / z + u + 150                       row = f y / z + v + height // 2

The camera looks along -z, so z is negative: up stays up and left becomes right, because the models are
mirrored.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from anaglyph.data.datasets.annotation_files import number_of
from anaglyph.data.datasets.frames import azimuth_of
from anaglyph.errors import DataError
from anaglyph.geometry.cameras import Camera
from anaglyph.geometry.mesh import Mesh
from anaglyph.render.options import MAX_SAMPLES, Output, RenderOptions
from anaglyph.render.views import render_views

WIDTH = 300
"""Pixels to which a photograph's width is scaled before u, v and f mean anything."""
_DETAIL = 2
"""Samples of a mask per such pixel."""
_MASK: tuple[Output, ...] = ("mask",)


@dataclass(frozen=True, kw_only=True)
class CarPose:
    """The annotated camera of one photograph."""

    azimuth: float
    elevation: float
    theta: float
    distance: float
    u: float
    v: float
    f: float

    @staticmethod
    def of(record: Mapping[str, Any], *, where: str) -> CarPose:
        """From an annotation; DataError where a number is missing, not finite or makes no picture."""
        names = ("azimuth", "elevation", "theta", "distance", "u", "v", "f")
        pose = CarPose(**{name: number_of(record, name, where=where) for name in names})
        if pose.distance <= 0.0 or pose.f <= 0.0:
            raise DataError(f"{where} has distance={pose.distance} and f={pose.f}; both must be above 0.")
        return pose

    def rotation(self) -> NDArray[np.float64]:
        """(3, 3) R, from the model's axes to the camera's: y up, looking along -z."""
        a, e, t = self.azimuth, self.elevation, self.theta
        about_y = np.array([[math.cos(a), 0, -math.sin(a)], [0, 1, 0], [math.sin(a), 0, math.cos(a)]])
        about_x = np.array([[1, 0, 0], [0, math.cos(e), -math.sin(e)], [0, math.sin(e), math.cos(e)]])
        about_z = np.array([[math.cos(t), -math.sin(t), 0], [math.sin(t), math.cos(t), 0], [0, 0, 1]])
        rotation: NDArray[np.float64] = about_z @ about_x @ about_y
        return rotation

    @property
    def library_azimuth(self) -> float:
        """Degrees around the car in the library's frame, 0 before its front; 90 - azimuth."""
        position = self.rotation().T @ np.array([0.0, 0.0, self.distance])
        return azimuth_of(position.tolist(), "shapenet_v1")


def posed_mask(mesh: Mesh, pose: CarPose, *, width: int, height: int) -> NDArray[np.uint8]:
    """(height, width) silhouette of a car as annotated, 0 to 255; ours, where no segmentation is at hand.

    Args:
        mesh: in the frame and the units of its ShapeNetCore v1 file.
        pose: of the photograph.
        width: of the photograph in pixels.
        height: likewise.

    Raises:
        DataError: the pose puts the principal point too far away from the picture.
    """
    rows = int(height * (WIDTH / width))
    column, row = pose.u + WIDTH / 2, pose.v + rows // 2
    reach = math.ceil(_DETAIL * max(column, WIDTH - column, row, rows - row, 1.0))
    if 2 * reach > MAX_SAMPLES:
        raise DataError(f"the annotated principal point ({column}, {row}) is far outside the picture.")
    placed = mesh.vertices @ pose.rotation().T - np.array([0.0, 0.0, pose.distance])
    mirrored = Mesh(
        vertices=np.ascontiguousarray(placed * np.array([-1.0, 1.0, 1.0]), dtype=np.float32), faces=mesh.faces
    )
    opening = 2.0 * math.degrees(math.atan(reach / _DETAIL / pose.f))
    camera = Camera(position=(0.0, 0.0, 0.0), target=(0.0, 0.0, -1.0), field_of_view=opening)
    options = RenderOptions(size=2 * reach, supersampling=1)
    seen = render_views(mirrored, (camera,), options=options, outputs=_MASK).mask[0]
    left, top = round(reach - _DETAIL * column), round(reach - _DETAIL * row)
    inside = seen[top : top + _DETAIL * rows, left : left + _DETAIL * WIDTH]
    resized = Image.fromarray(np.ascontiguousarray(inside)).resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(resized, dtype=np.uint8)
