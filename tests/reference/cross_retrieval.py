"""Instance retrieval with several vectors for an object, by sorting the objects of each query."""

import statistics

from reference.retrieval import cosine


def slow_cross(query, query_objects, items, item_objects, categories, ks):
    """`query` and `items` are lists of inputs, each a list of rows; cosines of all pairs of inputs add up.

    Gives queries, items, left out, recall by k, mean rank, median rank, mean reciprocal rank, category.
    """
    gallery = sorted(set(item_objects))
    ranks, firsts, left_out = [], [], 0
    for row, own in enumerate(query_objects):
        if own not in gallery:
            left_out += 1
            continue
        closeness = {
            thing: max(
                round(sum(cosine(asked[row], given[item]) for asked in query for given in items), 10)
                for item, shown in enumerate(item_objects)
                if shown == thing
            )
            for thing in gallery
        }
        order = sorted(gallery, key=lambda thing: (-closeness[thing], thing == own))
        ranks.append(order.index(own) + 1)
        first = min(gallery, key=lambda thing: (-closeness[thing], categories[thing] == categories[own]))
        firsts.append(categories[first] == categories[own])
    return (
        len(ranks),
        len(gallery),
        left_out,
        {k: sum(rank <= k for rank in ranks) / len(ranks) for k in ks},
        statistics.fmean(ranks),
        statistics.median(ranks),
        statistics.fmean(1 / rank for rank in ranks),
        statistics.fmean(firsts),
    )
