"""Normalised cut, one edge at a time."""


def slow_normalised_cut(source, target, clusters):
    """Every edge counts for both ends; groups without edges count as fully cut."""
    total = 0.0
    for group in range(clusters):
        ends = leaving = 0.0
        for a, b in zip(source, target, strict=True):
            for one, other in ((a, b), (b, a)):
                if one == group:
                    ends += 0.5
                    leaving += 0.5 * (other != group)
        total += leaving / ends if ends else 1.0
    return total
