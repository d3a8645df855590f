"""Instance and category accuracy by sorting each row with everything that ties put before the true shape."""

import statistics


def slow_rank(row, true):
    """Where the true shape stands when ties are sorted against it."""
    order = sorted(range(len(row)), key=lambda shape: (-row[shape], shape == true))
    return order.index(true) + 1


def slow_first_category(row, categories, wanted):
    """Whether the first shape has the wanted category when ties are sorted against that."""
    first = min(range(len(row)), key=lambda shape: (-row[shape], categories[shape] == wanted))
    return categories[first] == wanted


def slow_scores(rows, shapes, categories, ks):
    """top by k, category, median rank, mean reciprocal rank of some queries."""
    ranks = [slow_rank(row, true) for row, true in zip(rows, shapes, strict=True)]
    firsts = [
        slow_first_category(row, categories, categories[true]) for row, true in zip(rows, shapes, strict=True)
    ]
    return (
        {k: sum(rank <= k for rank in ranks) / len(ranks) for k in ks},
        sum(firsts) / len(firsts),
        statistics.median(ranks),
        sum(1 / rank for rank in ranks) / len(ranks),
    )


def slow_by_category(rows, shapes, categories, ks):
    """category -> the same over the queries whose true shape has it."""
    groups = {}
    for row, true in zip(rows, shapes, strict=True):
        groups.setdefault(categories[true], []).append((row, true))
    return {
        category: slow_scores([row for row, _ in group], [true for _, true in group], categories, ks)
        for category, group in groups.items()
    }
