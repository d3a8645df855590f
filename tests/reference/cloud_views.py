"""Depth of a cloud's discs by the definition, one pixel and one point at a time."""

import math


def slow_depth(points, camera, *, size, radius):
    """size x size nested list: discs of 1.5 radii, then the farthest within half a radius of each pixel."""
    view, lens = camera.view().tolist(), camera.intrinsics(size).tolist()
    border = math.ceil(1.5 * radius) + 1
    seen = []
    for point in points:
        x, y, z = (sum(row[k] * value for k, value in enumerate([*point, 1.0])) for row in view[:3])
        seen.append((math.floor(x * lens[0][0] / -z + lens[0][2]),
                     math.floor(-y * lens[1][1] / -z + lens[1][2]), -z))  # fmt: skip
    wide = range(-border, size + border)

    def nearest(column, row):
        return min(
            (depth for x, y, depth in seen if (x - column) ** 2 + (y - row) ** 2 <= (1.5 * radius) ** 2),
            default=math.inf,
        )

    grid = {(column, row): nearest(column, row) for column in wide for row in wide}
    reach = range(-math.floor(0.5 * radius), math.floor(0.5 * radius) + 1)
    around = [(x, y) for x in reach for y in reach if x**2 + y**2 <= (0.5 * radius) ** 2]
    return [
        [max(grid[column + x, row + y] for x, y in around) for column in range(size)] for row in range(size)
    ]
