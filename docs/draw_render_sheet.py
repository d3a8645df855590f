"""Draws docs/images/render-sheet.png, pictures of one model: python docs/draw_render_sheet.py."""

from pathlib import Path

import numpy as np
from PIL import Image

from anaglyph.data.procedural.objects import make_object
from anaglyph.geometry.cameras import view_cameras
from anaglyph.geometry.normalize import normalized
from anaglyph.render.options import RenderOptions
from anaglyph.render.views import render_views


def main() -> None:
    """Twelve gray views; below them one view in colour, its depth and its normals."""
    mesh = normalized(make_object("teapot", key="docs/5").mesh, "sphere")
    cameras, options = view_cameras("ring12"), RenderOptions(size=120)
    gray = render_views(mesh, cameras, options=options, outputs=("gray",)).gray
    one = render_views(
        mesh, cameras[1:2], options=RenderOptions(size=240), outputs=("colour", "depth", "normals")
    )
    depth, seen = one.depth[0], np.isfinite(one.depth[0])
    near, far = depth[seen].min(), depth[seen].max()
    shade = np.full(depth.shape, 255, np.uint8)
    shade[seen] = np.round(40 + 180 * (depth[seen] - near) / max(far - near, 1e-6))
    arrows = np.where(seen[..., None], 127.5 * (one.normals[0] + 1), 255).round().astype(np.uint8)
    sheet = np.concatenate([np.concatenate(list(half), axis=1) for half in (gray[:6], gray[6:])])
    sheet = np.repeat(sheet[..., None], 3, axis=2)
    side = np.concatenate([one.colour[0], np.repeat(shade[..., None], 3, axis=2), arrows], axis=1)
    target = Path(__file__).parent / "images" / "render-sheet.png"
    Image.fromarray(np.concatenate([sheet, side])).save(target, optimize=True)
    print(target)


if __name__ == "__main__":
    main()
