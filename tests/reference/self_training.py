"""Pseudo labels, their losses and masks by their definitions, one row at a time, in Python numbers."""

import math

from reference.contrastive import log_sum_exp


def slow_labels(image, shape, rule, alpha=1.0, coin=None):
    """[(label, score) for pictures], [the same for clouds]."""
    images, shapes = [], []
    for row, (p, q) in enumerate(zip(image, shape, strict=True)):
        mine, theirs = (max(p), p.index(max(p))), (max(q), q.index(max(q)))
        scaled = (alpha * theirs[0], theirs[1])
        if rule == "separate":
            pair = mine, theirs
        elif rule == "image":
            pair = mine, mine
        elif rule == "shape":
            pair = theirs, theirs
        elif rule == "agreement":
            score = min(mine[0], theirs[0]) if mine[1] == theirs[1] else 0.0
            pair = ((score, mine[1]),) * 2
        elif rule == "naive":
            pair = (mine if coin[row] else scaled,) * 2
        else:
            pair = (mine if mine[0] >= scaled[0] else scaled,) * 2
        images.append((pair[0][1], pair[0][0]))
        shapes.append((pair[1][1], pair[1][0]))
    return images, shapes


def slow_cross_entropy(logits, label):
    """-log softmax at a class, or at a distribution."""
    total = log_sum_exp(logits)
    if isinstance(label, int):
        return total - logits[label]
    return sum(p * (total - logit) for p, logit in zip(label, logits, strict=True))


def slow_pseudo_label_loss(logits, targets, kept):
    """The mean over kept rows; 0 for none."""
    terms = [slow_cross_entropy(logits[b], targets[b]) for b in range(len(logits)) if kept[b]]
    return sum(terms) / len(terms) if terms else 0.0


def slow_fairness(logits, before=None):
    """-1/C sum_c log of the mean probability of c; with a mean `before`, of both halved, and twice that."""
    classes = len(logits[0])
    mean = [0.0] * classes
    for row in logits:
        total = log_sum_exp(row)
        for c in range(classes):
            mean[c] += math.exp(row[c] - total) / len(logits)
    if before is None:
        return -sum(math.log(p) for p in mean) / classes
    return -2 * sum(math.log((p + old) / 2) for p, old in zip(mean, before, strict=True)) / classes


def slow_reconstruction(prediction, target, masked):
    """Mean absolute difference over masked numbers."""
    terms = [
        abs(a - b)
        for row, other, mask in zip(prediction, target, masked, strict=True)
        for place, (mine, theirs) in enumerate(zip(row, other, strict=True))
        if mask[place]
        for a, b in zip(mine, theirs, strict=True)
    ]
    return sum(terms) / len(terms) if terms else 0.0


def slow_apart_from_points(prediction, target, masked):
    """Mean over masked patches of mean nearest squares, both ways."""

    def one_way(points, others):
        nearest = [min(sum((a - b) ** 2 for a, b in zip(p, q, strict=True)) for q in others) for p in points]
        return sum(nearest) / len(nearest)

    terms = [
        one_way(made, true) + one_way(true, made)
        for row, other, mask in zip(prediction, target, masked, strict=True)
        for made, true, hidden in zip(row, other, mask, strict=True)
        if hidden
    ]
    return sum(terms) / len(terms) if terms else 0.0


def slow_apart_from_whole(local, whole, masked):
    """Mean squared distance of unit vectors over masked tokens."""
    terms = []
    for tokens, one, mask in zip(local, whole, masked, strict=True):
        length = math.sqrt(sum(x * x for x in one))
        for token, hidden in zip(tokens, mask, strict=True):
            if hidden:
                own = math.sqrt(sum(x * x for x in token))
                terms.append(sum((a / own - b / length) ** 2 for a, b in zip(token, one, strict=True)))
    return sum(terms) / len(terms) if terms else 0.0


def slow_block(positions, start, count):
    """Which of some positions are the `count` nearest to number `start`."""
    apart = [sum((a - b) ** 2 for a, b in zip(p, positions[start], strict=True)) for p in positions]
    nearest = sorted(range(len(positions)), key=lambda place: (apart[place], place))[:count]
    return [place in nearest for place in range(len(positions))]
