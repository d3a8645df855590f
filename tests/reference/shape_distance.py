"""Surface distance and grid overlap, one point and one cell at a time."""

import math


def nearest(point, others):
    return min(math.dist(point, other) for other in others)


def slow_hausdorff(first, second, *, pooled=True):
    forth = [nearest(point, second) for point in first]
    back = [nearest(point, first) for point in second]
    if pooled:
        return (sum(forth) + sum(back)) / (len(forth) + len(back))
    return (sum(forth) / len(forth) + sum(back) / len(back)) / 2


def slow_iou(first, second):
    both = either = 0
    for left, right in zip(first.ravel().tolist(), second.ravel().tolist(), strict=True):
        both += left and right
        either += left or right
    return both / either
