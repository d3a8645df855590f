"""A mesh on a device, with the colour of any place on it: factor x texture x vertex colour, as in glTF."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anaglyph.geometry.mesh import GREY, Mesh


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
        return cls(mesh, _tensor(mesh.vertices.T, device), _tensor(mesh.faces.T, device))

    def colours(self, faces: Tensor, weights: Tensor, widths: Tensor) -> Tensor:
        """(M, 3) float32 sRGB in [0, 1] of places on the surface.

        Args:
            faces: (M) int64 rows of faces.
            weights: (3, M) float32 weights of each face's corners.
            widths: (M) model units across a sample; textures are looked up at about that resolution.
        """
        mesh, device = self.mesh, self.vertices.device
        if mesh.face_material is None:
            grey = GREY if mesh.vertex_colours is None else (1.0, 1.0, 1.0)
            colours = torch.tensor(grey, device=device).expand(len(faces), 3)
        else:
            material = _tensor(mesh.face_material, device).index_select(0, faces)
            factors = torch.tensor([item.colour for item in mesh.materials], device=device).view(-1, 3)
            colours = self._textured(factors.index_select(0, material), faces, material, weights, widths)
        if mesh.vertex_colours is not None:
            painted = _tensor(mesh.vertex_colours, device)
            for_corner = (
                painted.index_select(0, row.index_select(0, faces)).float() * weight[:, None]
                for row, weight in zip(self.faces, weights, strict=True)
            )
            first, second, third = for_corner
            colours = colours * ((first + second + third) / 255.0)
        return colours.clamp(0.0, 1.0)

    def _textured(
        self, colours: Tensor, faces: Tensor, material: Tensor, weights: Tensor, widths: Tensor
    ) -> Tensor:
        """`colours` (M, 3), multiplied by textures where a material (M) has one."""
        if self.mesh.corner_uv is None:
            return colours
        corner_uv = _tensor(self.mesh.corner_uv, self.vertices.device)
        colours = colours.clone()
        for row in torch.unique(material).tolist():
            texture = self.mesh.materials[row].texture
            if texture is None or not texture.size:
                continue
            some = (material == row).nonzero().squeeze(1)
            corners = corner_uv.index_select(0, faces.index_select(0, some))  # (M, 3, 2)
            uv = (corners * weights.index_select(1, some).T[:, :, None]).sum(dim=1)
            density = self._density(faces.index_select(0, some), corners, texture.shape[0] * texture.shape[1])
            level = (density * widths.index_select(0, some)).clamp(min=1.0).log2().round().long()
            colours[some] *= _looked_up(_tensor(texture, some.device), uv, level)
        return colours

    def _density(self, faces: Tensor, uv: Tensor, pixels: int) -> Tensor:
        """(M) texture pixels along one model unit, on average over each face; uv (M, 3, 2) of its corners."""
        rows = self.faces.index_select(1, faces).flatten()
        first, second, third = self.vertices.T.index_select(0, rows).view(3, -1, 3)
        area = torch.linalg.vector_norm(torch.linalg.cross(second - first, third - first), dim=1)
        u, v = uv[:, 1] - uv[:, 0], uv[:, 2] - uv[:, 0]
        covered = (u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]).abs() * pixels
        density: Tensor = (covered / area.clamp(min=1e-30)).clamp(max=1e30).sqrt()
        return density


def _looked_up(texture: Tensor, uv: Tensor, level: Tensor) -> Tensor:
    """(M, 3) float32 in [0, 1] of a texture (H, W, 3) uint8 at uv (M, 2), halved `level` (M) times before."""
    result = torch.empty(len(uv), 3, device=uv.device)
    shrunk = texture.permute(2, 0, 1)[None].float() / 255.0  # (1, 3, H, W)
    level = level.clamp(max=int(math.log2(max(texture.shape[:2]))))
    done = 0
    for wanted in torch.unique(level).tolist():
        if factor := wanted - done:
            height, width = shrunk.shape[2:]
            sides = max(height >> factor, 1), max(width >> factor, 1)
            shrunk, done = torch.nn.functional.adaptive_avg_pool2d(shrunk, sides), wanted
        some = (level == wanted).nonzero().squeeze(1)
        result.index_copy_(0, some, _bilinear(shrunk[0], uv.index_select(0, some)))
    return result


def _bilinear(texture: Tensor, uv: Tensor) -> Tensor:
    """(M, 3) of a texture (3, H, W) at uv (M, 2): v upwards, repeated, between the four nearest pixels."""
    height, width = texture.shape[1:]
    flat = texture.reshape(3, -1)
    place = uv.double()
    place = place - place.floor()
    column, row = place[:, 0] * width - 0.5, (1.0 - place[:, 1]) * height - 0.5
    left, top = column.floor(), row.floor()
    right_part, lower_part = (column - left).float(), (row - top).float()
    columns = [left.long().remainder(width), (left.long() + 1).remainder(width)]
    rows = [top.long().remainder(height) * width, (top.long() + 1).remainder(height) * width]
    corners = [flat.index_select(1, rows[k // 2] + columns[k % 2]) for k in range(4)]  # (3, M) each
    upper = torch.lerp(corners[0], corners[1], right_part)
    lower = torch.lerp(corners[2], corners[3], right_part)
    return torch.lerp(upper, lower, lower_part).T


def _tensor(array: NDArray[np.generic], device: torch.device) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array)).to(device)
