"""Neighbours and batches of look-alikes by their definitions, one object at a time."""

import math

from anaglyph.randomness import numpy_generator
from reference.contrastive import dot


def slow_nearest(features, nearest):
    """Rows of largest cosine to each, without itself; what agrees to 2^-28 ties, lower rows first."""
    lengths = [math.sqrt(dot(row, row)) for row in features]
    found = []
    for i in range(len(features)):
        ranked = []
        for j in range(len(features)):
            if j == i:
                continue
            length = lengths[i] * lengths[j]
            cosine = dot(features[i], features[j]) / length if length else 0.0
            ranked.append((-round((cosine + 1) * 2**28), j))
        found.append([j for _, j in sorted(ranked)[:nearest]])
    return found


def slow_epoch(nearest, *, group, batch, seed, epoch):
    """Batches of an epoch as lists of groups, anchor first."""
    objects, anchors_of_a_batch = len(nearest), batch // group
    anchors = [int(row) for row in numpy_generator(seed, "anchors", epoch).permutation(objects)]
    batches = []
    for step in range(objects // batch):
        random = numpy_generator(seed, "look-alikes", epoch, step)
        own = anchors[step * anchors_of_a_batch : (step + 1) * anchors_of_a_batch]
        drawn = random.permuted([list(map(int, nearest[anchor])) for anchor in own], axis=1).tolist()
        groups = [[anchor] for anchor in own]
        for members, candidates in zip(groups, drawn, strict=True):
            for row in candidates:
                if len(members) < group and not any(row in others for others in groups):
                    members.append(row)
            while len(members) < group:
                row = int(random.integers(objects))
                if not any(row in others for others in groups):
                    members.append(row)
        batches.append(groups)
    return batches
