"""An object found by another input of itself, with several captions or none."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from anaglyph.evaluation.cross_retrieval import (
    CrossScores,
    Side,
    chance_level,
    chance_of_category,
    cross_retrieval,
)
from reference.cross_retrieval import slow_cross

KS = (1, 3)


def side(objects, rows, inputs, rng, *, coarse):
    """Random vectors of random objects."""
    vectors = [torch.randn(rows, 3, generator=rng) for _ in range(inputs)]
    vectors = [each.sign() for each in vectors] if coarse else vectors
    return Side(vectors, torch.randint(objects, (rows,), generator=rng))


def values(scores: CrossScores):
    return [
        scores.queries, scores.items, scores.left_out, *scores.recall.values(), scores.mean_rank,
        scores.median_rank, scores.mean_reciprocal_rank, scores.category,
    ]  # fmt: skip


@settings(deadline=None, max_examples=80)
@given(
    rows=st.integers(1, 9),
    items=st.integers(1, 9),
    objects=st.integers(2, 6),
    inputs=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    seed=st.integers(0, 2**16),
    coarse=st.booleans(),
)
def test_the_scores_equal_sorting_the_objects_of_every_query(rows, items, objects, inputs, seed, coarse):
    rng = torch.Generator().manual_seed(seed)
    query = side(objects, rows, inputs[0], rng, coarse=coarse)
    gallery = side(objects, items, inputs[1], rng, coarse=coarse)
    query.objects[0] = gallery.objects[0]  # one query at least can be answered
    categories = torch.randint(2, (objects,), generator=rng)
    found = cross_retrieval(query, gallery, categories=categories, ks=KS)
    expected = slow_cross(
        [each.tolist() for each in query.vectors], query.objects.tolist(),
        [each.tolist() for each in gallery.vectors], gallery.objects.tolist(), categories.tolist(), KS,
    )  # fmt: skip
    flat = [number for part in expected for number in (part.values() if isinstance(part, dict) else [part])]
    assert values(found) == pytest.approx(flat)


def test_captions_of_one_object_ask_each_by_itself_and_answer_by_the_closest():
    shapes = Side.one_each(torch.eye(3))
    captions = Side(torch.tensor([[1.0, 0, 0], [0, 0, 1.0], [0, 1.0, 0.1]]), torch.tensor([0, 0, 1]))
    asking = cross_retrieval(captions, shapes, ks=(1,))
    assert (asking.queries, asking.items, asking.left_out) == (3, 3, 0)
    assert asking.recall[1] == pytest.approx(2 / 3)  # the second caption finds shape 2
    answering = cross_retrieval(shapes, captions, ks=(1,))
    assert (answering.queries, answering.items, answering.left_out) == (2, 2, 1)  # shape 2 has no caption
    assert answering.recall[1] == 1.0


def test_two_objects_with_the_same_caption_cannot_both_be_found():
    shapes = Side.one_each(torch.eye(3))
    captions = Side.one_each(torch.tensor([[1.0, 0, 0], [1.0, 0, 0], [0, 0, 1.0]]))
    assert cross_retrieval(shapes, captions, ks=(1, 2)).recall == pytest.approx({1: 1 / 3, 2: 2 / 3})


def test_equal_vectors_for_everything_find_nothing():
    same = Side.one_each(torch.ones(12, 4))
    scores = cross_retrieval(same, same, categories=torch.arange(12) % 2)
    assert scores.recall == {1: 0.0, 5: 0.0, 10: 0.0}
    assert scores.median_rank == scores.mean_rank == 12
    assert scores.category == 0


def test_two_inputs_of_a_query_add_their_cosines():
    items = Side.one_each(torch.eye(3))
    points = torch.tensor([[0.6, 0.7, 0.0], [0, 1, 0], [0, 0, 1.0]])
    images = torch.tensor([[0.6, 0.0, 0.7], [0, 1, 0], [0, 0, 1.0]])
    assert cross_retrieval(Side.one_each(points), items, ks=(1,)).recall[1] == pytest.approx(2 / 3)
    assert cross_retrieval(Side.one_each([points, images * 9]), items, ks=(1,)).recall[1] == 1.0


@pytest.mark.parametrize("chunk", [1, 4, 7, 1000])
def test_chunks_of_any_size_give_the_whole(chunk):
    rng = torch.Generator().manual_seed(4)
    query, items = (side(12, rows, 1, rng, coarse=True) for rows in (40, 30))
    categories = torch.arange(12) % 3
    whole = cross_retrieval(query, items, categories=categories)
    assert cross_retrieval(query, items, categories=categories, chunk=chunk) == whole


@pytest.mark.parametrize("coarse", [False, True])
def test_the_order_of_rows_and_the_numbers_of_objects_change_nothing(coarse):
    rng = torch.Generator().manual_seed(8)
    query, items = (side(9, rows, 1, rng, coarse=coarse) for rows in (20, 25))
    categories = torch.arange(9) % 2
    moved, renamed = torch.randperm(25, generator=rng), torch.randperm(9, generator=rng)
    other = cross_retrieval(
        Side(query.vectors, renamed[query.objects]),
        Side(items.vectors[0][moved], renamed[items.objects[moved]]),
        categories=categories[renamed.argsort()],
    )
    assert values(other) == pytest.approx(values(cross_retrieval(query, items, categories=categories)))


def test_chance_is_what_random_vectors_give_on_average():
    rng = torch.Generator().manual_seed(0)
    objects, categories = torch.arange(40), torch.arange(40) % 3
    captions = torch.arange(60) % 30  # ten objects have none
    found = [
        cross_retrieval(
            Side(torch.randn(40, 16, generator=rng), objects),
            Side(torch.randn(60, 16, generator=rng), captions),
            categories=categories,
        )
        for _ in range(60)
    ]
    chance = chance_level(objects, captions)
    assert (chance.queries, chance.items, chance.left_out) == (30, 30, 10)
    assert found[0].left_out == 10
    for k in (1, 5, 10):
        mean = sum(each.recall[k] for each in found) / len(found)
        assert mean == pytest.approx(chance.recall[k], abs=0.03)
    mean = sum(each.mean_rank for each in found) / len(found)
    assert mean == pytest.approx(chance.mean_rank, rel=0.05)
    mean = sum(each.category for each in found) / len(found)
    assert mean == pytest.approx(chance_of_category(objects, captions, categories), abs=0.03)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_numbers_that_are_none_are_refused_with_side_and_row(value):
    good, bad = torch.ones(4, 3), torch.ones(4, 3)
    bad[2, 1] = value
    with pytest.raises(ValueError, match="query has 1 NaN or infinite values, first in row 2"):
        cross_retrieval(Side.one_each(bad), Side.one_each(good))
    with pytest.raises(ValueError, match="items has 1 NaN"):
        cross_retrieval(Side.one_each(good), Side.one_each(bad))


def test_what_does_not_fit_is_refused_with_what_would():
    good = Side.one_each(torch.ones(4, 3))
    with pytest.raises(ValueError, match="one object for each of 4 rows"):
        cross_retrieval(Side(torch.ones(4, 3), torch.arange(3)), good)
    with pytest.raises(ValueError, match="none of the 4 queries has its own object among the 2"):
        cross_retrieval(good, Side(torch.ones(2, 3), torch.tensor([7, 8])))
    with pytest.raises(ValueError, match="ks must hold"):
        cross_retrieval(good, good, ks=(0,))
    with pytest.raises(ValueError, match="items has no vectors"):
        cross_retrieval(good, Side.one_each(torch.ones(0, 3)))
    with pytest.raises(ValueError, match="with one D"):
        cross_retrieval(good, Side.one_each(torch.ones(4, 2)))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_a_gpu_gives_what_the_cpu_gives():
    rng = torch.Generator().manual_seed(4)
    query, items = (side(12, rows, 1, rng, coarse=True) for rows in (40, 30))
    there = (Side([part.cuda() for part in each.vectors], each.objects) for each in (query, items))
    assert cross_retrieval(*there) == cross_retrieval(query, items)
