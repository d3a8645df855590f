"""Pictures of a mesh that look like photographs, every one of them a function of its key.

Pose, lens, lamp, colours, shine, floor, background, things in front, camera errors and the mask are drawn
from one generator; `PhotoOptions` says between which bounds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from anaglyph.errors import ConfigError, unknown_name
from anaglyph.geometry.cameras import Camera, orbit
from anaglyph.randomness import numpy_generator
from anaglyph.render.backgrounds import KINDS, Kind, colour, make_background
from anaglyph.render.darkroom import develop, draw_obstacle, predicted_mask
from anaglyph.render.studio import GAMMA, Floor, Fragments, Light, Shadows, Subject, floor, fragments, lit

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]
Range = tuple[float, float]
PHOTO_VERSION = 1
"""Goes up with every change of a pixel; kept pictures of other versions are never read."""


@dataclass(frozen=True, kw_only=True)
class PhotoOptions:
    """Bounds of what is drawn for each photograph."""

    elevation: Range = (-5.0, 60.0)
    """Degrees of the camera above the horizon; most are near a third of the way up."""
    roll: float = 4.0
    """Largest turn of the camera about its line of sight, in degrees, either way."""
    field_of_view: Range = (15.0, 60.0)
    """Vertical degrees: from a long lens to a wide one."""
    margin: Range = (0.95, 1.3)
    """Room around the unit sphere; below 1 long objects leave the picture."""
    off_centre: float = 0.08
    """Largest move of the object from the middle, in model units."""
    smooth: float = 0.7
    """Probability of normals that run smoothly over curved surfaces."""
    recolour: float = 0.6
    """Probability of new random colours for all materials, so that colour does not tell the instance."""
    shine: float = 0.6
    """Largest strength of highlights."""
    occlusion: float = 0.25
    """Probability of something in front of the object."""
    hidden: Range = (0.05, 0.35)
    """What part of the object it hides."""
    backgrounds: tuple[Kind, ...] = KINDS
    """Kinds to choose from; "photograph" needs photographs."""
    background_blur: float = 2.0
    """Largest blur of the background, in pixels."""
    exposure: float = 0.5
    """Largest change of the exposure, in stops."""
    cast: float = 0.12
    """Largest change of red and blue against green."""
    blur: float = 0.7
    """Largest blur of the picture, in pixels."""
    noise: float = 0.03
    """Largest standard deviation of noise, in [0, 1]."""
    jpeg: float = 0.7
    """Probability of JPEG compression."""
    mask_noise: float = 0.5
    """Probability of a mask as a network draws it instead of the true one."""
    mask_error: float = 0.015
    """How far such a mask's border lies off, as a fraction of the picture's side."""

    def __post_init__(self) -> None:
        for name in ("elevation", "field_of_view", "margin", "hidden"):
            low, high = getattr(self, name)
            if not low <= high:
                raise ConfigError(f"photo {name} is ({low}, {high}); give (low, high).")
        if self.elevation[0] < -89.0 or self.elevation[1] > 89.0:
            raise ConfigError(f"photo elevation is {self.elevation}; give degrees from -89 to 89.")
        if self.field_of_view[0] <= 0.0 or self.field_of_view[1] >= 150.0 or self.margin[0] <= 0.2:
            raise ConfigError(
                f"photo field_of_view is {self.field_of_view} and margin {self.margin}; angles lie between 0 "
                f"and 150 degrees, margins above 0.2."
            )
        for name in ("smooth", "recolour", "occlusion", "jpeg", "mask_noise"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ConfigError(f"photo {name} is {getattr(self, name)}; it is a probability, from 0 to 1.")
        for name in ("roll", "off_centre", "shine", "background_blur", "exposure", "cast", "blur", "noise",
                     "mask_error"):  # fmt: skip
            if not 0.0 <= getattr(self, name) < math.inf:
                raise ConfigError(f"photo {name} is {getattr(self, name)}; give a number >= 0.")
        if not self.backgrounds:
            raise ConfigError(f"photo backgrounds is empty; name at least one of {', '.join(KINDS)}.")
        for kind in self.backgrounds:
            if kind not in KINDS:
                raise ConfigError(unknown_name("background", kind, KINDS))


class Photo(NamedTuple):
    """A picture of an object and what is known of it."""

    pixels: Pixels
    """(H, W, 3)."""
    mask: Pixels
    """(H, W) what of the object can be seen, 0 to 255."""
    drawn_mask: Pixels
    """(H, W) the same as a network might draw it; equal to `mask` where none did."""
    azimuth: float
    """Degrees of the camera around the object, in [0, 360)."""
    elevation: float
    """Degrees of the camera above the horizon."""


def take_photo(
    model: Subject,
    *key: object,
    size: int,
    options: PhotoOptions | None = None,
    photographs: Sequence[Pixels] = (),
    supersampling: int = 2,
    azimuth: float | None = None,
) -> Photo:
    """One photograph of a subject, the same on every call with the same key.

    Args:
        model: the object, from `studio.subject`.
        key: any printable parts, such as a seed, the object's id and a number.
        size: side of the picture in pixels; the object fills most of it.
        options: bounds; None takes the defaults.
        photographs: pictures that backgrounds may be cut from.
        supersampling: samples across and down in a pixel.
        azimuth: degrees of the camera around the object; None draws them too.
    """
    options = options or PhotoOptions()
    generator = numpy_generator("photo", *key)
    camera, azimuth, elevation = _camera(generator, options, azimuth)
    light = _light(generator, camera)
    shadows = Shadows(model, light)
    ground = floor(camera, shadows, level=float(model.mesh.vertices[:, 1].min()), samples=size)
    behind = _behind(generator, ground, light, options, size=size, photographs=photographs)
    seen = fragments(
        model, camera, samples=size * supersampling, smooth=bool(generator.random() < options.smooth)
    )
    object_light = _object(generator, model, seen, light, shadows, options)
    picture, mask = _composed(seen, object_light, behind, size=size, supersampling=supersampling)
    if generator.random() < options.occlusion:
        cover, looks = draw_obstacle(mask, generator, part=options.hidden)
        picture = picture * (1.0 - cover[..., None]) + looks * cover[..., None]
        mask = mask * (1.0 - cover)
    pixels = develop(picture, generator, exposure=options.exposure, cast=options.cast, blur=options.blur,
                     noise=options.noise, jpeg=options.jpeg)  # fmt: skip
    drawn = mask
    if generator.random() < options.mask_noise:
        drawn = predicted_mask(mask, generator, amount=options.mask_error)
    return Photo(pixels, _bytes(mask), _bytes(drawn), azimuth, elevation)


def _camera(
    generator: np.random.Generator, options: PhotoOptions, wanted: float | None
) -> tuple[Camera, float, float]:
    low, high = options.elevation
    azimuth = float(generator.uniform(0.0, 360.0))
    azimuth = azimuth if wanted is None else wanted % 360.0
    elevation = low if low == high else float(generator.triangular(low, low + 0.35 * (high - low), high))
    field_of_view = float(generator.uniform(*options.field_of_view))
    camera = orbit(azimuth, elevation, field_of_view=field_of_view, margin=generator.uniform(*options.margin))
    right, up = camera.view()[0, :3], camera.view()[1, :3]
    roll = math.radians(options.roll) * generator.uniform(-1, 1)
    away = options.off_centre * (generator.uniform(-1, 1) * right + generator.uniform(-1, 1) * up)
    turned = math.cos(roll) * up + math.sin(roll) * right
    position = _vector(np.array(camera.position) + away)
    moved = replace(camera, position=position, target=_vector(away), up=_vector(turned))
    return moved, azimuth, elevation


def _light(generator: np.random.Generator, camera: Camera) -> Light:
    """A lamp on the camera's half, above; warm or cold, hard or soft."""
    turn = math.radians(camera.azimuth + generator.uniform(-100, 100))
    rise = math.radians(generator.uniform(25, 80))
    towards = (math.cos(rise) * math.sin(turn), math.sin(rise), math.cos(rise) * math.cos(turn))
    lamp, around = generator.uniform(0.5, 1.0), generator.uniform(0.25, 0.55)
    warmth = generator.uniform(-0.12, 0.12)
    tint = np.array([1.0 + warmth, 1.0, 1.0 - warmth])
    return Light(
        towards=towards,
        lamp=_vector(lamp * tint),
        sky=_vector(around * (2.0 - tint)),
        ground=_vector(around * generator.uniform(0.4, 0.9) * tint),
        softness=float(generator.uniform(0.02, 0.14)),
    )


def _behind(
    generator: np.random.Generator,
    ground: Floor,
    light: Light,
    options: PhotoOptions,
    *,
    size: int,
    photographs: Sequence[Pixels],
) -> Floats:
    """(H, W, 3) linear light of the background, the object's shadow on it."""
    picture = make_background(
        generator,
        ground.places.reshape(size, size, 2),
        kinds=options.backgrounds,
        photographs=photographs,
        blur=options.background_blur,
    )
    depth = generator.uniform(0.2, 0.75)  # of the shadow: how much light is the lamp's own
    shade = 1.0 - depth * (1.0 - ground.lit.reshape(size, size, 1))
    return np.asarray(picture**GAMMA * shade, dtype=np.float32)


def _object(
    generator: np.random.Generator,
    model: Subject,
    seen: Fragments,
    light: Light,
    shadows: Shadows,
    options: PhotoOptions,
) -> Floats:
    """(M, 3) linear light of the object, in its own colours or new ones; each material has its own shine."""
    materials, count = material_rows(model, seen)
    shine = generator.uniform(0.0, options.shine, count) * (generator.random(count) < 0.5)
    sharpness = 2.0 ** generator.uniform(2.5, 6.5, count)
    recoloured = generator.random() < options.recolour
    colours = np.stack([colour(generator, vivid=0.45, darkest=0.3) for _ in range(count)])
    if recoloured:
        seen = seen._replace(colours=_recoloured(seen.colours, materials, colours))
    return lit(
        seen,
        light,
        shadows,
        shine=shine[materials].astype(np.float32),
        sharpness=sharpness[materials].astype(np.float32),
    )


def material_rows(model: Subject, seen: Fragments) -> tuple[NDArray[np.int64], int]:
    """(M) which of how many materials each fragment shows; painted vertices count by their rough colour."""
    mesh = model.mesh
    if mesh.face_material is not None and len(mesh.materials) > 1:
        return mesh.face_material[seen.faces].astype(np.int64), len(mesh.materials)
    if mesh.vertex_colours is None:
        return np.zeros(len(seen.faces), dtype=np.int64), 1
    rough = (mesh.vertex_colours >> 5).astype(np.int64) @ np.array([64, 8, 1])  # (V) of 512
    names, rows = np.unique(rough[mesh.faces[:, 0]], return_inverse=True)
    return rows.reshape(-1)[seen.faces], len(names)


def _recoloured(colours: Floats, materials: NDArray[np.int64], new: Floats) -> Floats:
    """The new colour of each material, lighter and darker where the old one was."""
    grey = colours.mean(axis=1)
    sums = np.bincount(materials, grey, minlength=len(new))
    means = sums / np.maximum(np.bincount(materials, minlength=len(new)), 1)
    part = grey / np.maximum(means[materials], 1e-3)
    return np.asarray(np.clip(new[materials] * part[:, None], 0.0, 1.0), dtype=np.float32)


def _composed(
    seen: Fragments, object_light: Floats, behind: Floats, *, size: int, supersampling: int
) -> tuple[Floats, Floats]:
    """(H, W, 3) linear light of object and background, and (H, W) the object's part of each pixel."""
    side = size * supersampling
    samples = np.zeros((side * side, 4), dtype=np.float32)  # light, and whether there is any
    samples[seen.samples, :3], samples[seen.samples, 3] = object_light, 1.0
    square = samples.reshape(side, side, 4)
    offsets = [(down, across) for down in range(supersampling) for across in range(supersampling)]
    total = sum(square[down::supersampling, across::supersampling] for down, across in offsets)
    mean = np.asarray(total, dtype=np.float32) / np.float32(supersampling**2)
    mask = mean[..., 3]
    return mean[..., :3] + behind * (1.0 - mask[..., None]), mask


def _bytes(values: Floats) -> Pixels:
    return np.round(values * 255).astype(np.uint8)


def _vector(array: NDArray[np.floating]) -> tuple[float, float, float]:
    return float(array[0]), float(array[1]), float(array[2])
