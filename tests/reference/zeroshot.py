"""Zero-shot accuracy by sorting the classes of each object with everything that ties put before the truth."""

from reference.retrieval import cosine


def slow_logits(inputs, classes):
    """Sum over inputs of the cosine of each object with each class."""
    return [
        [sum(cosine(vectors[row], wanted) for vectors in inputs) for wanted in classes]
        for row in range(len(inputs[0]))
    ]


def slow_zero_shot(logits, labels, classes, ks):
    """top by k, class mean, per class, confusion."""
    hits = dict.fromkeys(ks, 0)
    confusion = [[0] * classes for _ in range(classes)]
    for row, true in zip(logits, labels, strict=True):
        order = sorted(range(classes), key=lambda each: (-row[each], each == true, each))
        for k in ks:
            hits[k] += true in order[:k]
        confusion[true][order[0]] += 1
    per_class = {true: line[true] / sum(line) for true, line in enumerate(confusion) if sum(line)}
    return (
        {k: hits[k] / len(labels) for k in ks},
        sum(per_class.values()) / len(per_class),
        per_class,
        confusion,
    )


def slow_most_confused(confusion, limit):
    """(true, answer, objects, share) of the largest off-diagonal cells."""
    cells = [
        (-count, true, answer)
        for true, line in enumerate(confusion)
        for answer, count in enumerate(line)
        if true != answer and count
    ]
    return [
        (true, answer, -count, -count / sum(confusion[true])) for count, true, answer in sorted(cells)[:limit]
    ]
