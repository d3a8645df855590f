"""MixCon3D's objective from its definitions, one number at a time (dossier MixCon3D, 1.1 and 1.2)."""

import math

from reference.paired import slow_paired_nce


def slow_objective(points, views, text, present, head, fusion, scales, *, released=False, aggregation="mean"):
    """Losses of the four pairs and their weighted sum.

    points[i] is p; views[i][v] is u; text[i] is w; head and fusion are (matrix, bias); scales by pair.
    """
    images = [pooled([affine(u, *head) for u in of_object], aggregation) for of_object in views]
    texts = [affine(w, *head) for w in text]
    joint = [affine([*p, *v], *fusion) for p, v in zip(points, images, strict=True)]
    p, v, t, c = ([unit(x) for x in vectors] for vectors in (points, images, texts, joint))
    losses = {
        "shape_image": slow_paired_nce(p, v, scales["shape_image"]),
        "shape_text": slow_paired_nce(p, t, scales["shape_text"], present),
        "image_text": slow_paired_nce(v, t, scales["image_text"], present),
        "fused_text": slow_paired_nce(c, t, scales["fused_text"], present),
    }
    share = 1.0 if released else 1 / 3
    side = sum(loss for pair, loss in losses.items() if pair != "fused_text")
    return losses, losses["fused_text"] + share * side


def affine(vector, matrix, bias):
    return [
        sum(m * x for m, x in zip(row, vector, strict=True)) + b for row, b in zip(matrix, bias, strict=True)
    ]


def pooled(vectors, aggregation):
    columns = zip(*vectors, strict=True)
    return [max(column) if aggregation == "max" else sum(column) / len(column) for column in columns]


def unit(vector):
    length = math.sqrt(sum(x * x for x in vector))
    return [x / length for x in vector]
