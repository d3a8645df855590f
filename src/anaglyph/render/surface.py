"""A mesh on a device, with the colour of any place on it: factor x texture x vertex colour, as in glTF.

Textures are looked up at about the resolution of the picture, halved beforehand as often as that takes
(Williams, 1983); otherwise fine patterns would flicker from view to view.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anaglyph.geometry.mesh import GREY, Mesh


@dataclass(frozen=True, eq=False)
class Looks:
    """What decides the colours of a mesh."""

    corner_uv: Tensor | None
    """(F, 3, 2) float32."""
    vertex_colours: Tensor | None
    """(V, 3) uint8."""
    face_material: Tensor | None
    """(F) int32."""
    factors: Tensor
    """(K, 3) float32 colours of materials."""
    textures: dict[int, list[Tensor]]
    """Row of a material -> its texture, (H, W, 3) uint8, and halves of it down to a pixel."""


@dataclass(frozen=True, eq=False)
class Surface:
    """The arrays of a `geometry.mesh.Mesh` as tensors; its looks follow when they are asked for."""

    mesh: Mesh
    vertices: Tensor
    """(3, V) float32."""
    faces: Tensor
    """(3, F) int32."""

    @classmethod
    def of(cls, mesh: Mesh, device: torch.device) -> Surface:
        """Put the geometry of a mesh on a device."""
        return cls(mesh, as_tensor(mesh.vertices.T, device), as_tensor(mesh.faces.T, device))

    @cached_property
    def looks(self) -> Looks:
        """The looks of the mesh, on its device."""
        mesh, device = self.mesh, self.vertices.device
        used = [] if mesh.face_material is None else np.unique(mesh.face_material).tolist()
        textures = {row: mesh.materials[row].texture for row in used} if mesh.corner_uv is not None else {}
        return Looks(
            corner_uv=None if mesh.corner_uv is None else as_tensor(mesh.corner_uv, device),
            vertex_colours=None if mesh.vertex_colours is None else as_tensor(mesh.vertex_colours, device),
            face_material=None if mesh.face_material is None else as_tensor(mesh.face_material, device),
            factors=torch.tensor(
                [item.colour for item in mesh.materials], dtype=torch.float32, device=device
            ).view(-1, 3),
            textures={
                row: _halves(as_tensor(texture, device))
                for row, texture in textures.items()
                if texture is not None and texture.size
            },
        )

    def colours(self, faces: Tensor, weights: Tensor, widths: Tensor) -> Tensor:
        """(M, 3) float32 sRGB in [0, 1] of places on the surface.

        Args:
            faces: (M) int64 rows of faces.
            weights: (3, M) float32 weights of each face's corners.
            widths: (M) float32 model units across a sample; 0 takes textures as they are.
        """
        looks = self.looks
        if looks.face_material is not None:
            material = looks.face_material.index_select(0, faces)
            colours = looks.factors.index_select(0, material)
            for row, levels in looks.textures.items():
                some = (material == row).nonzero().squeeze(1)
                if len(some):
                    found = self._textured(levels, faces[some], weights.index_select(1, some), widths[some])
                    colours[some] *= found
        else:
            grey = GREY if looks.vertex_colours is None else (1.0, 1.0, 1.0)
            colours = torch.tensor(grey, dtype=torch.float32, device=faces.device).expand(len(faces), 3)
        if looks.vertex_colours is not None:
            colours = colours * self._painted(looks.vertex_colours, faces, weights)
        return colours.clamp(0.0, 1.0)

    def _painted(self, painted: Tensor, faces: Tensor, weights: Tensor) -> Tensor:
        """(M, 3) vertex colours between the corners of faces (M)."""
        first, second, third = (
            painted.index_select(0, row.index_select(0, faces)).float() * weight[:, None]
            for row, weight in zip(self.faces, weights, strict=True)
        )
        mean: Tensor = (first + second + third) / 255.0
        return mean

    def _textured(self, levels: list[Tensor], faces: Tensor, weights: Tensor, widths: Tensor) -> Tensor:
        """(M, 3) of a texture on faces (M)."""
        assert self.looks.corner_uv is not None
        corners = self.looks.corner_uv.index_select(0, faces)  # (M, 3, 2)
        uv = (corners.double() * weights.T[:, :, None].double()).sum(dim=1)
        pixels = levels[0].shape[0] * levels[0].shape[1]
        finer = self._density(faces, corners, pixels) * widths  # texture pixels across a sample
        wanted = finer.clamp(min=1.0).log2().round().long().clamp(max=len(levels) - 1)
        result = torch.empty(len(faces), 3, device=faces.device)
        for level in torch.unique(wanted).tolist():
            some = (wanted == level).nonzero().squeeze(1)
            result.index_copy_(0, some, _bilinear(levels[level], uv.index_select(0, some)))
        return result

    def _density(self, faces: Tensor, uv: Tensor, pixels: int) -> Tensor:
        """(M) texture pixels along one model unit, on average over each face; uv (M, 3, 2) of its corners."""
        rows = self.faces.index_select(1, faces).flatten()
        first, second, third = self.vertices.T.index_select(0, rows).double().view(3, -1, 3)
        area = torch.linalg.vector_norm(torch.linalg.cross(second - first, third - first), dim=1)
        uv = uv.double()
        u, v = uv[:, 1] - uv[:, 0], uv[:, 2] - uv[:, 0]
        covered = (u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]).abs() * pixels
        density: Tensor = (covered / area.clamp(min=1e-30)).clamp(max=1e30).sqrt()
        return density


def _halves(texture: Tensor) -> list[Tensor]:
    """(H, W, 3) uint8 and means over about 2 x 2 pixels, again and again, down to one pixel."""
    levels = [texture]
    while max(texture.shape[:2]) > 1:
        sides = max(texture.shape[0] // 2, 1), max(texture.shape[1] // 2, 1)
        mean = torch.nn.functional.adaptive_avg_pool2d(texture.permute(2, 0, 1).float(), sides)
        texture = mean.round().to(torch.uint8).permute(1, 2, 0).contiguous()
        levels.append(texture)
    return levels


def _bilinear(texture: Tensor, uv: Tensor) -> Tensor:
    """(M, 3) in [0, 1] of a texture (H, W, 3) at uv (M, 2): v upwards, repeated, between four pixels."""
    height, width = texture.shape[:2]
    flat = texture.view(-1, 3)
    turns = uv - uv.floor()  # first, so that 1e30 is a place in the texture, too
    column, row = turns[:, 0] * width - 0.5, (1.0 - turns[:, 1]) * height - 0.5
    left, top = column.floor(), row.floor()
    right_part, lower_part = (column - left).float()[:, None], (row - top).float()[:, None]
    columns = [left.long().remainder(width), (left.long() + 1).remainder(width)]
    rows = [top.long().remainder(height) * width, (top.long() + 1).remainder(height) * width]
    upper, lower = (
        torch.lerp(
            flat.index_select(0, row + columns[0]).float(),
            flat.index_select(0, row + columns[1]).float(),
            right_part,
        )
        for row in rows
    )
    return torch.lerp(upper, lower, lower_part) / 255.0


def as_tensor(array: NDArray[np.generic], device: torch.device) -> Tensor:
    """An array on a device, contiguous; copied where it is read-only, which tensors cannot be."""
    return torch.from_numpy(np.require(array, requirements=("C", "W"))).to(device)
