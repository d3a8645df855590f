import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from anaglyph.errors import DataError
from anaglyph.evaluation.instance_retrieval import (
    first_hits,
    instance_report,
    restricted_to_category,
    true_ranks,
)
from reference.instance_retrieval import slow_by_category, slow_rank, slow_scores


def problem(queries, items, seed, *, coarse):
    """Scores, true shapes and categories; coarse scores are whole numbers, so that many tie."""
    rng = torch.Generator().manual_seed(seed)
    scores = torch.randn(queries, items, generator=rng)
    return (
        scores.round() if coarse else scores,
        torch.randint(items, (queries,), generator=rng),
        torch.randint(3, (items,), generator=rng),
    )


def values(part):
    return flat((part.top, part.category, part.median_rank, part.mean_reciprocal_rank))


def flat(slow):
    top, *others = slow
    return [*top.values(), *others]


@settings(deadline=None, max_examples=60)
@given(queries=st.integers(1, 8), items=st.integers(3, 12), seed=st.integers(0, 2**16), coarse=st.booleans())
def test_the_report_equals_sorting_every_row(queries, items, seed, coarse):
    scores, shapes, categories = problem(queries, items, seed, coarse=coarse)
    report = instance_report(scores, shapes, categories, ks=(1, 3))
    plain = scores.tolist(), shapes.tolist(), categories.tolist(), (1, 3)
    assert values(report.overall) == pytest.approx(flat(slow_scores(*plain)))
    expected = slow_by_category(*plain)
    assert sorted(report.categories) == sorted(expected)
    for category, part in report.categories.items():
        assert values(part) == pytest.approx(flat(expected[category]))
    for k in (1, 3):
        mean = sum(each[0][k] for each in expected.values()) / len(expected)
        assert report.macro.top[k] == pytest.approx(mean)
    assert sum(part.queries for part in report.categories.values()) == queries == report.overall.queries


@settings(deadline=None, max_examples=30)
@given(queries=st.integers(1, 8), items=st.integers(1, 12), seed=st.integers(0, 2**16), coarse=st.booleans())
def test_first_hits_are_all_shapes_with_the_highest_score(queries, items, seed, coarse):
    scores, _, _ = problem(queries, items, seed, coarse=coarse)
    expected = [
        [shape for shape, score in enumerate(row) if all(score >= other for other in row)]
        for row in scores.tolist()
    ]
    assert first_hits(scores) == expected


def test_a_small_table_gives_the_values_worked_out_by_hand():
    scores = torch.tensor([[0.9, 0.1, 0.3], [0.8, 0.5, 0.6], [0.1, 0.2, 0.3]])
    report = instance_report(scores, torch.tensor([0, 1, 2]), torch.tensor([0, 0, 1]), ks=(1, 2))
    assert report.overall.top == pytest.approx({1: 2 / 3, 2: 2 / 3})
    assert (
        report.overall.category == 1.0
    )  # the second query's first shape has the true category, not the shape
    assert report.overall.median_rank == 1
    assert report.overall.mean_reciprocal_rank == pytest.approx((1 + 1 / 3 + 1) / 3)
    assert report.categories[0].top[1] == 0.5
    assert report.categories[1].top[1] == 1.0
    assert report.macro.top[1] == pytest.approx(0.75)


def test_equal_scores_for_everything_score_nothing():
    report = instance_report(torch.zeros(4, 12), torch.arange(4), torch.arange(12) % 2, ks=(1, 10))
    assert report.overall.top == {1: 0.0, 10: 0.0}
    assert report.overall.category == 0
    assert report.overall.median_rank == 12


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**16), coarse=st.booleans())
def test_the_order_of_the_repository_and_of_the_queries_changes_nothing(seed, coarse):
    scores, shapes, categories = problem(6, 11, seed, coarse=coarse)
    rng = torch.Generator().manual_seed(seed + 1)
    items, queries = torch.randperm(11, generator=rng), torch.randperm(6, generator=rng)
    moved = scores[queries][:, items], items.argsort()[shapes[queries]], categories[items]
    first, second = instance_report(scores, shapes, categories), instance_report(*moved)
    assert values(first.overall) == pytest.approx(values(second.overall))
    assert values(first.macro) == pytest.approx(values(second.macro))


@pytest.mark.parametrize("change", [lambda s: s - 100, lambda s: s * 0.01, torch.exp])
def test_only_the_order_of_the_scores_matters(change):
    scores, shapes, categories = problem(20, 15, 3, coarse=False)
    scores = scores.double()
    first, second = (instance_report(each, shapes, categories) for each in (scores, change(scores)))
    assert values(first.overall) == values(second.overall)


def test_ranks_count_what_ties_with_the_true_shape():
    scores = torch.tensor([[1.0, 2.0, 2.0, 0.0]])
    ranks = [int(true_ranks(scores, torch.tensor([shape]))) for shape in range(4)]
    assert ranks == [3, 2, 2, 4] == [slow_rank(scores[0].tolist(), shape) for shape in range(4)]


def test_top_ten_of_nine_shapes_is_refused_with_what_to_do():
    with pytest.raises(DataError, match="at least 10 shapes, and this one has 9; add shapes"):
        instance_report(torch.rand(2, 9), torch.tensor([0, 1]), torch.zeros(9, dtype=torch.int64))
    instance_report(torch.rand(2, 10), torch.tensor([0, 1]), torch.zeros(10, dtype=torch.int64))


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_scores_that_are_no_numbers_are_refused(value):
    scores = torch.zeros(2, 10)
    scores[1, 3] = value
    with pytest.raises(ValueError, match="1 NaN or \\+infinite values, first in row 1"):
        instance_report(scores, torch.tensor([0, 1]), torch.zeros(10, dtype=torch.int64))


def test_rows_that_do_not_exist_and_shapes_that_do_not_fit_are_refused():
    categories = torch.zeros(10, dtype=torch.int64)
    with pytest.raises(ValueError, match="rows of the repository, 0 to 9, got 0 to 10"):
        instance_report(torch.rand(2, 10), torch.tensor([0, 10]), categories)
    with pytest.raises(ValueError, match="one true shape a row"):
        instance_report(torch.rand(3, 10), torch.tensor([0, 1]), categories)
    with pytest.raises(ValueError, match="ks must hold"):
        instance_report(torch.rand(2, 10), torch.tensor([0, 1]), categories, ks=(0, 1))


def test_restricting_to_the_category_ranks_only_shapes_of_it():
    scores = torch.tensor([[0.1, 0.9, 0.8, 0.2]])
    categories = torch.tensor([0, 1, 1, 0])
    restricted = restricted_to_category(scores, torch.tensor([0]), categories)
    assert restricted.tolist()[0] == [scores[0, 0], -math.inf, -math.inf, scores[0, 3]]
    assert restricted.argmax() == 3
    report = instance_report(restricted, torch.tensor([3]), categories, ks=(1,))
    assert report.overall.top[1] == 1 == report.overall.category
    assert instance_report(scores, torch.tensor([3]), categories, ks=(1,)).overall.top[1] == 0


def test_restricting_leaves_the_scores_as_they_were():
    scores = torch.rand(1, 2)
    before = scores.clone()
    restricted_to_category(scores, torch.tensor([0]), torch.tensor([0, 1]))
    assert torch.equal(scores, before)


def test_a_category_without_shapes_is_named():
    with pytest.raises(DataError, match=r"no shape of the categories \[7\], which 2 queries show"):
        restricted_to_category(torch.rand(3, 2), torch.tensor([7, 0, 7]), torch.tensor([0, 1]))


def test_a_true_shape_outside_the_ranking_is_refused():
    scores = torch.zeros(1, 3)
    scores[0, 2] = -math.inf
    with pytest.raises(ValueError, match="left out of the ranking"):
        instance_report(scores, torch.tensor([2]), torch.zeros(3, dtype=torch.int64), ks=(1,))
