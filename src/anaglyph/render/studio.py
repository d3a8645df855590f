"""Light on a mesh as in a photograph: one lamp that throws shadows, light from all around, shine.

Deliberately simple: Lambert and Blinn-Phong (1977) in linear light, shadows from a depth map of the lamp
(Williams, 1978). What is drawn at random lies elsewhere (`render.photo`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from anaglyph.geometry.cameras import Camera
from anaglyph.geometry.mesh import Mesh
from anaglyph.render.backends import choose_backend, find_faces
from anaglyph.render.corner_normals import corner_normals
from anaglyph.render.hits import Hits, face_normals, find_hits, rays
from anaglyph.render.surface import Surface

Floats = NDArray[np.float32]
Vector = tuple[float, float, float]
GAMMA = 2.2
"""From linear light to picture values, near enough to the sRGB curve."""
_LAMP_SAMPLES = 160
_LAMP_WIDTH = 2.1
_TAPS = 6
_CPU = torch.device("cpu")


@dataclass(frozen=True, kw_only=True)
class Light:
    """Lamp and surroundings, in linear light; directions need not be unit."""

    towards: Vector = (0.5, 1.0, 0.7)
    """From the object to the lamp."""
    lamp: Vector = (0.8, 0.8, 0.8)
    """Red, green and blue of the lamp on a face turned to it."""
    sky: Vector = (0.35, 0.35, 0.35)
    """What comes from above."""
    ground: Vector = (0.18, 0.18, 0.18)
    """What comes from below."""
    softness: float = 0.06
    """Half the width of the border of shadows, in model units."""


class Subject(NamedTuple):
    """A mesh in the unit sphere, ready to be photographed many times."""

    mesh: Mesh
    normals: Floats
    """(F, 3, 3) at the corners of faces."""
    flat_normals: Floats
    """(F, 3)."""
    surface: Surface


class Fragments(NamedTuple):
    """What the samples of a picture that meet the mesh see; M of them."""

    samples: NDArray[np.int64]
    """(M) numbers in the grid, row by row."""
    faces: NDArray[np.int64]
    """(M)."""
    places: Floats
    """(M, 3) in the world."""
    normals: Floats
    """(M, 3) unit (0 where the model has none), turned to the camera."""
    colours: Floats
    """(M, 3) sRGB in [0, 1]."""
    towards: Floats
    """(M, 3) unit, to the camera."""


class Floor(NamedTuple):
    """Where the rays of a picture meet the level that the object stands on; NaN for those that do not."""

    places: Floats
    """(S * S, 2) x and z."""
    lit: Floats
    """(S * S) 1 in the light, 0 in the object's shadow, 1 where there is no floor."""


def subject(mesh: Mesh) -> Subject:
    """Prepare a mesh that `geometry.normalize.normalized(mesh, "sphere")` has put in place."""
    surface = Surface.of(mesh, _CPU)
    flat = face_normals(surface.vertices, surface.faces).T.float().contiguous().numpy()
    return Subject(mesh, corner_normals(mesh), flat, surface)


def fragments(subject: Subject, camera: Camera, *, samples: int, smooth: bool = True) -> Fragments:
    """What a camera sees of the subject on a grid of `samples` x `samples`."""
    mesh, surface = subject.mesh, subject.surface
    flat, faces, places, weights, depth = _hits(mesh, surface, camera, samples)
    world = places.T.float().numpy()
    across = 1.0 / float(camera.intrinsics(samples)[0, 0])
    colours = surface.colours(faces, weights.float(), (across * depth).float()).numpy()
    rows = faces.numpy()
    towards = unit(np.asarray(camera.position, dtype=np.float32) - world)
    if smooth:
        first, second, third = (weights[k].float().numpy()[:, None] for k in range(3))
        around = subject.normals
        normals = unit(around[rows, 0] * first + around[rows, 1] * second + around[rows, 2] * third)
    else:
        normals = subject.flat_normals[rows]
    facing = np.einsum("mi,mi->m", normals, towards)
    normals = np.where(facing[:, None] < 0, -normals, normals)
    return Fragments(flat.numpy(), rows, world, normals, colours, towards)


def lit(seen: Fragments, light: Light, shadows: Shadows, *, shine: Floats, sharpness: Floats) -> Floats:
    """(M, 3) linear light from what is seen.

    Args:
        seen: places, normals and colours.
        light: lamp and surroundings.
        shadows: of the lamp.
        shine: (M) strength of the highlight, 0 for what is matt.
        sharpness: (M) Blinn-Phong exponent.
    """
    lamp, sky, ground = (np.array(part, dtype=np.float32) for part in (light.lamp, light.sky, light.ground))
    towards = _direction(light.towards)
    facing = np.clip(seen.normals @ towards, 0.0, 1.0)
    slope = np.sqrt(1.0 - facing * facing) / np.maximum(facing, 0.2)
    bright = shadows.lit(seen.places, bias=0.015 + shadows.blur * slope)
    halfway = unit(towards + seen.towards)
    spark = np.clip(np.einsum("mi,mi->m", seen.normals, halfway), 0.0, 1.0) ** sharpness * shine
    upwards = 0.5 + 0.5 * seen.normals[:, 1:2]
    around = ground + upwards * (sky - ground)
    body = seen.colours**GAMMA * ((facing * bright)[:, None] * lamp + around)
    return np.asarray(body + (spark * bright * (facing > 0))[:, None] * lamp, dtype=np.float32)


def unit(vectors: Floats) -> Floats:
    """(M, 3) vectors at length 1; 0 stays 0."""
    length = np.sqrt(np.einsum("mi,mi->m", vectors, vectors))
    return np.asarray(vectors / np.maximum(length, 1e-12)[:, None], dtype=np.float32)


class Shadows:
    """Depth of the mesh as the lamp sees it, to tell what lies behind something."""

    def __init__(self, subject: Subject, light: Light) -> None:
        lamp = _direction(light.towards)
        up = (0.0, 1.0, 0.0) if abs(lamp[1]) < 0.99 else (0.0, 0.0, 1.0)
        position = (float(lamp[0]) * 3.0, float(lamp[1]) * 3.0, float(lamp[2]) * 3.0)
        self.camera = Camera(position=position, up=up, height=_LAMP_WIDTH)
        self.blur = light.softness + _LAMP_WIDTH / _LAMP_SAMPLES
        """Farthest that a look-up lies from its place, in model units."""
        flat, *_, depth = _hits(subject.mesh, subject.surface, self.camera, _LAMP_SAMPLES)
        nearest = np.full(_LAMP_SAMPLES**2, np.inf, dtype=np.float32)
        nearest[flat.numpy()] = depth.float().numpy()
        self.depth = nearest

    def lit(self, places: Floats, *, bias: Floats | float) -> Floats:
        """(N) part of the lamp's light that reaches (N, 3) places, which is all of it outside of the map."""
        view = self.camera.view().astype(np.float32)
        x, y, z = view[:3, :3] @ places.T + view[:3, 3:]
        scale = _LAMP_SAMPLES / _LAMP_WIDTH
        column = np.nan_to_num(x * scale + _LAMP_SAMPLES / 2, nan=-1e6)
        row = np.nan_to_num(_LAMP_SAMPLES / 2 - y * scale, nan=-1e6)
        depth = -z - bias
        total = np.zeros(len(places), dtype=np.float32)
        for turn in range(_TAPS):  # a spiral around the place, evenly over its disc
            angle, radius = 2.4 * turn, (self.blur * scale - 1.0) * math.sqrt((turn + 0.5) / _TAPS)
            across = np.floor(column + np.float32(radius * math.cos(angle))).astype(np.int32)
            down = np.floor(row + np.float32(radius * math.sin(angle))).astype(np.int32)
            outside = (across < 0) | (across >= _LAMP_SAMPLES) | (down < 0) | (down >= _LAMP_SAMPLES)
            blocker = self.depth[np.where(outside, 0, down * _LAMP_SAMPLES + across)]
            total += outside | (depth <= blocker)
        return total / np.float32(_TAPS)


def floor(camera: Camera, shadows: Shadows, *, level: float, samples: int) -> Floor:
    """The horizontal plane y = `level` under the object, as the camera sees it."""
    world = rays(camera, size=samples, device=_CPU).direction.float().numpy()  # (3, S * S)
    height = level - camera.position[1]
    with np.errstate(divide="ignore", invalid="ignore"):
        way = height / world[1]
    way = np.where((way > 0) & (way < 40.0) & (height < -0.02), way, np.nan).astype(np.float32)
    places = np.array(camera.position, dtype=np.float32)[:, None] + way * world
    bright = shadows.lit(places.T, bias=0.01)
    return Floor(places[[0, 2]].T, np.where(np.isnan(way), 1.0, bright).astype(np.float32))


def _hits(mesh: Mesh, surface: Surface, camera: Camera, samples: int) -> Hits:
    """What a camera sees of the mesh on a grid of `samples` x `samples`."""
    backend = choose_backend("auto", "cpu")
    seen = find_faces(mesh, (camera,), size=samples, backend=backend, device=_CPU)[0]
    return find_hits(seen, surface.vertices, surface.faces, camera)


def _direction(vector: Vector) -> Floats:
    return unit(np.array(vector, dtype=np.float32)[None]).reshape(3)
