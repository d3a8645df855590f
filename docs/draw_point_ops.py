"""Draws docs/images/point-ops.png, a chair under the point operations: python docs/draw_point_ops.py."""

from pathlib import Path

import matplotlib
import numpy as np
import torch

from anaglyph.ops.ball import ball_query
from anaglyph.ops.fps import farthest_points
from anaglyph.ops.gather import gather_points
from anaglyph.ops.knn import k_nearest
from anaglyph.ops.voxel import voxel_subsample
from anaglyph.randomness import numpy_generator

matplotlib.use("Agg")
import matplotlib.pyplot as plt

BOXES = (  # centre and size of seat, back and four legs; x right, y up, z to the front
    ((0.0, 0.0, 0.0), (1.0, 0.08, 1.0)),
    ((0.0, 0.55, -0.46), (1.0, 1.02, 0.08)),
    *(((x, -0.5, z), (0.09, 0.95, 0.09)) for x in (-0.44, 0.44) for z in (-0.44, 0.44)),
)
INK, GREY, TEAL, RUST = "#22303c", "#c3ccd3", "#1b7f79", "#c8553d"


def chair(points: int) -> torch.Tensor:
    """(1, points, 3) spread evenly over the faces of all boxes."""
    random = numpy_generator("chair")
    faces = [(box, axis, side) for box in BOXES for axis in range(3) for side in (-0.5, 0.5)]
    areas = np.array([np.prod(np.delete(box[1], axis)) for box, axis, _ in faces])
    rows = []
    for place in random.choice(len(faces), size=points, p=areas / areas.sum()):
        (centre, size), axis, side = faces[place]
        spot = random.uniform(-0.5, 0.5, 3)
        spot[axis] = side
        rows.append(np.array(centre) + spot * size)
    return torch.tensor(np.array(rows), dtype=torch.float32)[None]


def panel(axes: plt.Axes, title: str, layers: list[tuple[torch.Tensor, object, float]]) -> None:
    """Layers of points (coordinates, colours, size of the dots), seen from the front, the right and above."""
    turn, tilt = np.radians(32), np.radians(14)
    right = np.array([np.cos(turn), 0, -np.sin(turn)])
    front = np.array([np.sin(turn) * np.cos(tilt), np.sin(tilt), np.cos(turn) * np.cos(tilt)])
    up = np.cross(front, right)
    for cloud, colour, size in layers:
        spots = cloud.numpy()
        order = np.argsort(spots @ front)  # what is near is drawn over what is far
        shades = colour if isinstance(colour, str) else np.asarray(colour)[order]
        axes.scatter((spots @ right)[order], (spots @ up)[order], c=shades, s=size, linewidths=0)
    axes.set_title(title, fontsize=10, color=INK)
    axes.set_aspect("equal")
    axes.set_axis_off()


def main() -> None:
    """Draw the four panels."""
    cloud = chair(3000)
    centres = gather_points(cloud, farthest_points(cloud, 48))
    owner = k_nearest(cloud, centres, 1)[0, :, 0]
    colours = plt.get_cmap("tab20")(owner.numpy() * 7 % 20)
    middle = gather_points(cloud, k_nearest(torch.tensor([[[0.1, 0.04, 0.1]]]), cloud, 1)[:, 0])
    ball = cloud[0, ball_query(middle, cloud, 0.3, 3000)[0, 0].unique()]
    near = cloud[0, k_nearest(middle, cloud, 60)[0, 0]]
    cells = cloud[0, voxel_subsample(cloud, 0.1)[0][0]]

    views = {
        "3,000 points, 48 farthest": [(cloud[0], GREY, 3), (centres[0], RUST, 30)],
        "each point with its nearest centre": [(cloud[0], colours, 6)],
        "a ball, and 60 neighbours in it": [(cloud[0], GREY, 3), (ball, TEAL, 9), (near, RUST, 9)],
        "one point of every cell": [(cells, INK, 10)],
    }
    figure, places = plt.subplots(1, 4, figsize=(10, 3.9), facecolor="white")
    for axes, (title, layers) in zip(places, views.items(), strict=True):
        panel(axes, title, layers)
    figure.subplots_adjust(left=0.01, right=0.99, bottom=0.01, top=0.92, wspace=0.08)
    figure.savefig(Path(__file__).parent / "images" / "point-ops.png", dpi=110)


if __name__ == "__main__":
    main()
