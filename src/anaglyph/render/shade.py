"""From the faces that samples see to pictures: light, colours, masks, and the mean over a pixel's samples.

Shared by all back-ends. The light stands at the camera and reaches both sides of a face (dossier CMIC, 2):
models with faces turned inside out, of which there are many, look right.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from anaglyph.geometry.cameras import Camera
from anaglyph.render.hits import Hits, face_normals, find_hits, lines_of_sight
from anaglyph.render.options import Output, RenderOptions
from anaglyph.render.parallel import for_each
from anaglyph.render.surface import Surface


class Pictures(NamedTuple):
    """Pictures of all cameras; None where not asked for."""

    gray: Tensor
    """(C, H, W) uint8."""
    mask: Tensor
    """(C, H, W) uint8, 255 x the part of the pixel's samples that see the model."""
    colour: Tensor | None
    """(C, H, W, 3) uint8, sRGB."""
    depth: Tensor | None
    """(C, H, W) float32 in model units along the line of sight, of the nearest sample; inf for none."""
    normals: Tensor | None
    """(C, H, W, 3) float32 unit in the world, turned to the camera; 0 for none."""


def shade(
    seen: Tensor,
    surface: Surface,
    cameras: Sequence[Camera],
    options: RenderOptions,
    outputs: Collection[Output],
) -> Pictures:
    """Pictures from (C, S, S) int32 faces seen, -1 for none, S = size x supersampling."""
    normals = torch.nn.functional.pad(face_normals(surface.vertices, surface.faces), (1, 0))  # 0: no face
    made = _empty(len(cameras), options, outputs, seen.device)
    lenses = {(camera.field_of_view, camera.height): camera for camera in cameras}
    sights = {
        lens: lines_of_sight(camera, size=options.samples, device=seen.device)
        for lens, camera in lenses.items()
    }  # one lens has one, wherever the camera stands

    def one(number: int) -> None:
        camera = cameras[number]
        flat = seen[number].flatten()
        facing = _facing(flat, normals, sights[camera.field_of_view, camera.height], camera)
        light = options.ambient + options.diffuse * facing.abs()
        there = flat >= 0
        made.gray[number] = _bytes(_mean(torch.where(there, light, options.background), options))
        made.mask[number] = _bytes(_mean(there.float(), options))
        if made.normals is not None:
            made.normals[number] = _normals(flat, normals, facing, options)
        if made.depth is None and made.colour is None:
            return
        hits = find_hits(seen[number], surface.vertices, surface.faces, camera)
        if made.depth is not None:
            grid = torch.full_like(light, float("inf")).index_copy_(0, hits.samples, hits.depth.float())
            made.depth[number] = torch.stack(_parts(grid, options)).amin(dim=0)
        if made.colour is not None:
            made.colour[number] = _coloured(hits, light, surface, camera, options)

    for_each(one, range(len(cameras)), device=seen.device)
    return made


def _empty(count: int, options: RenderOptions, outputs: Collection[Output], device: torch.device) -> Pictures:
    """Room for the pictures that are asked for."""
    shape = (count, options.size, options.size)

    def room(name: Output, dtype: torch.dtype, *ending: int) -> Tensor | None:
        return torch.empty(*shape, *ending, dtype=dtype, device=device) if name in outputs else None

    return Pictures(
        gray=torch.empty(shape, dtype=torch.uint8, device=device),
        mask=torch.empty(shape, dtype=torch.uint8, device=device),
        colour=room("colour", torch.uint8, 3),
        depth=room("depth", torch.float32),
        normals=room("normals", torch.float32, 3),
    )


def _facing(flat: Tensor, normals: Tensor, sight: Tensor, camera: Camera) -> Tensor:
    """(S * S) cosine between lines of sight and the normals of the faces seen; negative from the front."""
    axes = torch.from_numpy(camera.view()[:3, :3]).to(normals)
    ahead, rows = axes.T @ sight, flat + 1
    x, y, z = (axis.index_select(0, rows) for axis in normals)
    cosine: Tensor = (x * ahead[0] + y * ahead[1]) + z * ahead[2]
    return cosine


def _normals(flat: Tensor, normals: Tensor, facing: Tensor, options: RenderOptions) -> Tensor:
    """(H, W, 3) mean normals, turned to the camera."""
    rows, sign = flat + 1, -facing.sign()
    mean = torch.stack([_mean(axis.index_select(0, rows) * sign, options) for axis in normals], dim=-1)
    return torch.nn.functional.normalize(mean, dim=-1)


def _coloured(hits: Hits, light: Tensor, surface: Surface, camera: Camera, options: RenderOptions) -> Tensor:
    """(H, W, 3) uint8 colours where the surface is hit, `background` elsewhere; light (S * S)."""
    across = 1.0 / float(camera.intrinsics(options.samples)[0, 0])  # a sample's width at depth 1
    widths = across * (hits.depth if camera.height is None else torch.ones_like(hits.depth))
    colours = surface.colours(hits.faces, hits.weights.float(), widths.float())  # (M, 3)
    if options.lit:
        colours = colours * light.index_select(0, hits.samples)[:, None]
    grids = torch.full((3, len(light)), options.background, device=light.device)
    grids.index_copy_(1, hits.samples, colours.T)
    return _bytes(torch.stack([_mean(grid, options) for grid in grids], dim=-1))


def _parts(grid: Tensor, options: RenderOptions) -> list[Tensor]:
    """(S * S) samples -> for each sample of a pixel an (H, W) picture of only those."""
    step = options.supersampling
    square = grid.view(options.samples, options.samples)
    return [square[down::step, across::step] for down in range(step) for across in range(step)]


def _mean(grid: Tensor, options: RenderOptions) -> Tensor:
    """(S * S) samples -> (H, W) box filter."""
    first, *others = _parts(grid, options)
    total = first.clone()
    for other in others:
        total += other
    return total / options.supersampling**2


def _bytes(values: Tensor) -> Tensor:
    """[0, 1] -> 0..255."""
    return (values * 255.0).round().clamp(0, 255).to(torch.uint8)
