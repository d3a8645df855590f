"""Zero-shot accuracy, classes by themselves, and what is taken for what."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from anaglyph.errors import DataError
from anaglyph.evaluation.zeroshot import (
    chance_level,
    most_confused,
    zero_shot,
    zero_shot_from_logits,
)
from reference.zeroshot import slow_logits, slow_most_confused, slow_zero_shot


def problem(objects, classes, seed, *, coarse, inputs=1):
    """Vectors of each input, class vectors and labels; coarse vectors have few directions, so many tie."""
    rng = torch.Generator().manual_seed(seed)
    vectors = [torch.randn(objects, 4, generator=rng) for _ in range(inputs)]
    names = torch.randn(classes, 4, generator=rng)
    if coarse:
        vectors, names = [each.sign() for each in vectors], names.sign()
    return vectors, names, torch.randint(classes, (objects,), generator=rng)


def same(scores, slow):
    top, class_mean, per_class, confusion = slow
    assert scores.top == pytest.approx(top)
    assert scores.class_mean == pytest.approx(class_mean)
    assert scores.per_class == pytest.approx(per_class)
    assert scores.confusion.tolist() == confusion


@settings(deadline=None, max_examples=60)
@given(
    objects=st.integers(1, 9),
    classes=st.integers(3, 8),
    inputs=st.integers(1, 3),
    seed=st.integers(0, 2**16),
    coarse=st.booleans(),
)
def test_the_scores_equal_sorting_the_classes_of_every_object(objects, classes, inputs, seed, coarse):
    vectors, names, labels = problem(objects, classes, seed, coarse=coarse, inputs=inputs)
    logits = slow_logits([each.tolist() for each in vectors], names.tolist())
    expected = slow_zero_shot(logits, labels.tolist(), classes, (1, 3))
    same(zero_shot(vectors, names, labels, ks=(1, 3)), expected)


@settings(deadline=None, max_examples=60)
@given(objects=st.integers(1, 9), classes=st.integers(2, 8), seed=st.integers(0, 2**16), coarse=st.booleans())
def test_raw_logits_are_compared_as_they_are(objects, classes, seed, coarse):
    rng = torch.Generator().manual_seed(seed)
    logits = torch.randn(objects, classes, generator=rng) * 3
    logits = logits.round() if coarse else logits
    labels = torch.randint(classes, (objects,), generator=rng)
    expected = slow_zero_shot(logits.tolist(), labels.tolist(), classes, (1, 2))
    scores = zero_shot_from_logits(logits, labels, ks=(1, 2))
    same(scores, expected)
    for limit in (1, 4, 100):
        found = [
            (each.true, each.answer, each.objects, each.share)
            for each in most_confused(scores.confusion, limit=limit)
        ]
        assert found == slow_most_confused(scores.confusion.tolist(), limit)


def test_a_small_table_gives_the_values_worked_out_by_hand():
    logits = torch.tensor([[3.0, 1, 2], [3.0, 1, 2], [0.0, 5, 1], [0.0, 1, 5]])
    scores = zero_shot_from_logits(logits, torch.tensor([0, 2, 1, 1]), ks=(1, 2, 3))
    assert scores.top == pytest.approx({1: 0.5, 2: 1.0, 3: 1.0})
    assert scores.per_class == pytest.approx({0: 1.0, 1: 0.5, 2: 0.0})
    assert scores.class_mean == pytest.approx(0.5)
    assert scores.confusion.tolist() == [[1, 0, 0], [0, 1, 1], [1, 0, 0]]
    assert [(each.true, each.answer) for each in most_confused(scores.confusion)] == [(1, 2), (2, 0)]
    assert most_confused(scores.confusion)[0].share == 0.5


def test_equal_scores_for_everything_score_nothing():
    scores = zero_shot(torch.ones(6, 3), torch.ones(4, 3), torch.arange(6) % 4, ks=(1, 3))
    assert scores.top == {1: 0.0, 3: 0.0}
    assert scores.class_mean == 0
    assert int(scores.confusion.diagonal().sum()) == 0
    assert int(scores.confusion.sum()) == 6


def test_classes_without_objects_do_not_enter_the_class_mean():
    scores = zero_shot(torch.eye(5)[[0, 1]], torch.eye(5), torch.tensor([0, 1]), ks=(1, 5))
    assert scores.per_class == {0: 1.0, 1: 1.0}
    assert scores.class_mean == 1.0


def test_summed_inputs_may_be_right_where_each_alone_is_wrong():
    classes = torch.eye(3)
    points, images = torch.tensor([[0.6, 0.7, 0.0]]), torch.tensor([[0.6, 0.0, 0.7]])
    label = torch.tensor([0])
    assert zero_shot(points, classes, label, ks=(1,)).top[1] == 0
    assert zero_shot(images, classes, label, ks=(1,)).top[1] == 0
    assert zero_shot([points, images], classes, label, ks=(1,)).top[1] == 1


@pytest.mark.parametrize("scale", [1e-3, 50.0])
def test_the_length_of_vectors_does_not_matter_in_a_sum_either(scale):
    vectors, names, labels = problem(40, 6, 2, coarse=False, inputs=2)
    first = zero_shot(vectors, names, labels)
    second = zero_shot([vectors[0] * scale, vectors[1]], names / scale, labels)
    assert first.top == second.top
    assert torch.equal(first.confusion, second.confusion)


@pytest.mark.parametrize("chunk", [1, 3, 7, 1000])
@pytest.mark.parametrize("coarse", [False, True])
def test_chunks_of_any_size_give_the_whole(chunk, coarse):
    vectors, names, labels = problem(50, 9, 1, coarse=coarse)
    whole, parts = zero_shot(vectors, names, labels), zero_shot(vectors, names, labels, chunk=chunk)
    assert whole.top == parts.top
    assert torch.equal(whole.confusion, parts.confusion)


@pytest.mark.parametrize("coarse", [False, True])
def test_the_order_of_objects_and_classes_does_not_change_the_accuracies(coarse):
    vectors, names, labels = problem(40, 7, 5, coarse=coarse)
    rng = torch.Generator().manual_seed(6)
    objects, classes = torch.randperm(40, generator=rng), torch.randperm(7, generator=rng)
    first = zero_shot(vectors, names, labels)
    second = zero_shot([vectors[0][objects]], names[classes], classes.argsort()[labels[objects]])
    assert first.top == second.top
    assert first.class_mean == pytest.approx(second.class_mean)
    assert {int(classes.argsort()[row]): share for row, share in first.per_class.items()} == second.per_class


def test_only_the_order_of_the_logits_matters():
    rng = torch.Generator().manual_seed(3)
    logits = torch.randn(30, 6, generator=rng, dtype=torch.float64)
    labels = torch.randint(6, (30,), generator=rng)
    first = zero_shot_from_logits(logits, labels)
    for changed in (logits - 100, logits * 0.01, logits.exp()):
        assert torch.equal(zero_shot_from_logits(changed, labels).confusion, first.confusion)


def test_chance_is_what_the_mean_over_many_random_orders_is():
    rng = torch.Generator().manual_seed(0)
    labels = torch.randint(8, (20000,), generator=rng) // 3
    scores = zero_shot_from_logits(torch.rand(20000, 8, generator=rng), labels)
    chance = chance_level(8)
    assert chance.top == {1: 1 / 8, 3: 3 / 8, 5: 5 / 8}
    assert scores.top == pytest.approx(dict(chance.top), abs=0.02)
    assert scores.class_mean == pytest.approx(chance.class_mean, abs=0.02)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_numbers_that_are_none_are_refused_with_their_row(value):
    vectors, names, labels = problem(4, 5, 0, coarse=False)
    vectors[0][2, 1] = value
    with pytest.raises(ValueError, match="vectors has 1 NaN or infinite values, first in row 2"):
        zero_shot(vectors, names, labels)
    names[3, 0] = value
    with pytest.raises(ValueError, match="classes has 1 NaN or infinite values, first in row 3"):
        zero_shot(torch.ones(4, 4), names, labels)
    with pytest.raises(ValueError, match="logits has 1 NaN"):
        zero_shot_from_logits(torch.tensor([[0.0, value]]), torch.tensor([0]), ks=(1,))


def test_what_does_not_fit_is_refused_with_what_would():
    vectors, names, labels = problem(4, 5, 0, coarse=False)
    with pytest.raises(DataError, match="top-5 accuracy needs at least 5 classes, and this set has 4"):
        zero_shot(vectors, names[:4], labels % 4)
    with pytest.raises(ValueError, match="rows of the classes, 0 to 4, got 0 to 9"):
        zero_shot(vectors, names, torch.tensor([0, 1, 2, 9]))
    with pytest.raises(ValueError, match=r"labels must be \(4,\) integers"):
        zero_shot(vectors, names, labels[:3])
    with pytest.raises(ValueError, match="ks must hold ranks"):
        zero_shot(vectors, names, labels, ks=())
    with pytest.raises(ValueError, match="alike for every input"):
        zero_shot([vectors[0], vectors[0][:, :3]], names, labels)
    with pytest.raises(ValueError, match="with one D"):
        zero_shot(vectors, names[:, :3], labels)


def test_half_precision_vectors_are_taken_and_give_no_gradient():
    vectors, names, labels = problem(6, 5, 4, coarse=True)
    tracked = vectors[0].clone().requires_grad_()
    assert not zero_shot(tracked, names, labels).confusion.requires_grad
    half = zero_shot(vectors[0].bfloat16(), names.bfloat16(), labels)
    assert torch.equal(half.confusion, zero_shot(vectors, names, labels).confusion)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_a_gpu_gives_what_the_cpu_gives():
    vectors, names, labels = problem(50, 9, 1, coarse=True)
    here = zero_shot(vectors, names, labels)
    there = zero_shot([vectors[0].cuda()], names.cuda(), labels)
    assert here.top == there.top
    assert torch.equal(here.confusion, there.confusion)
