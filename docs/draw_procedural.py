"""Draws docs/images/procedural-objects.png, what the generator makes: python docs/draw_procedural.py."""

from pathlib import Path

import matplotlib
import numpy as np

from anaglyph.data.procedural.objects import ProceduralObject, list_categories, make_object
from anaglyph.geometry.cameras import orbit
from anaglyph.geometry.normalize import normalized
from anaglyph.render.options import RenderOptions
from anaglyph.render.views import render_views

matplotlib.use("Agg")
import matplotlib.pyplot as plt

INK = "#22303c"
COLUMNS = 12
VARIED = ("chair", "table_lamp", "car")
"""Categories that get a row of their own."""
PREFERRED = {
    "axe": 4,
    "barrel": 1,
    "bed": 2,
    "bench": 5,
    "bicycle": 1,
    "bookshelf": 4,
    "bottle": 7,
    "bowl": 4,
    "bus": 4,
    "cabinet": 4,
    "car": 2,
    "chair": 7,
    "clock": 1,
    "desk": 3,
    "floor_lamp": 4,
    "hammer": 1,
    "house": 3,
    "knife": 2,
    "ladder": 4,
    "laptop": 1,
    "monitor": 6,
    "mug": 2,
    "nightstand": 4,
    "pan": 5,
    "plate": 3,
    "potted_plant": 2,
    "screwdriver": 2,
    "ship": 4,
    "spoon": 4,
    "stool": 2,
    "street_lamp": 3,
    "table": 6,
    "table_lamp": 1,
    "tower": 2,
    "tree": 1,
    "truck": 3,
    "umbrella": 7,
    "vase": 5,
    "wardrobe": 2,
    "windmill": 4,
    "wine_glass": 2,
}
"""The object, of 0, 1, 2 ... of its category, that shows best what it is; 0 where none is named."""


def picture(made: ProceduralObject, *, azimuth: float) -> np.ndarray:
    """(H, W, 3) uint8 from a little above."""
    camera = orbit(azimuth, 22.0)
    options = RenderOptions(size=230, supersampling=2, ambient=0.3, diffuse=0.68)
    views = render_views(normalized(made.mesh, to="sphere"), [camera], options=options, outputs=("colour",))
    return views.colour[0]


def main() -> None:
    """Draw one object of every category, then rows of one category each."""
    cells = [
        (name.replace("_", " "), make_object(name, key=f"docs/{PREFERRED.get(name, 0)}"))
        for name in list_categories()
    ]
    cells += [("", None)] * (-len(cells) % COLUMNS)
    for name in VARIED:
        cells += [("", make_object(name, key=f"row/{i}")) for i in range(COLUMNS)]
    rows = len(cells) // COLUMNS
    figure, places = plt.subplots(rows, COLUMNS, figsize=(13, 1.13 * rows), facecolor="white")
    for i, (axes, (label, made)) in enumerate(zip(places.ravel(), cells, strict=True)):
        axes.set_axis_off()
        if made is not None:
            axes.imshow(picture(made, azimuth=-35.0 if i % 2 else 35.0))
            axes.set_title(label, fontsize=7.5, color=INK, pad=1)
    figure.subplots_adjust(left=0.003, right=0.997, bottom=0.003, top=0.975, wspace=0.02, hspace=0.12)
    figure.savefig(Path(__file__).parent / "images" / "procedural-objects.png", dpi=110)


if __name__ == "__main__":
    main()
