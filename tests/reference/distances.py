"""The squared distance that the point operations are defined by, one pair at a time."""


def squared_distance(first, second):
    """((dx dx + dy dy) + dz dz), every step rounded to the type of the two points, NumPy rows of 3."""
    dx, dy, dz = (first[axis] - second[axis] for axis in range(3))
    return (dx * dx + dy * dy) + dz * dz


def rows_of(cloud, valid, b):
    """The valid points of cloud b as (row, point) pairs."""
    points = cloud[b].numpy()
    return [(n, points[n]) for n in range(len(points)) if valid is None or valid[b, n]]
