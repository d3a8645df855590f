import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from anaglyph.evaluation import cosines, retrieval
from anaglyph.evaluation.retrieval import (
    average_precision,
    average_precisions,
    instance_recall_at,
    mean_average_precision,
    queries_without_relevant,
    recall_at,
)
from reference.retrieval import slow_average_precision, slow_map, slow_recall


def generator(seed):
    return torch.Generator().manual_seed(seed)


def problem(queries, items, seed, *, classes=3, width=4, coarse=False):
    """Query, gallery and their labels; coarse features are whole numbers, so many scores tie."""
    rng = generator(seed)
    if coarse:
        features = [torch.randint(-1, 2, (size, width), generator=rng).float() for size in (queries, items)]
    else:
        features = [torch.randn(size, width, generator=rng) for size in (queries, items)]
    labels = [torch.randint(classes, (size,), generator=rng) for size in (queries, items)]
    return *features, *labels


@settings(deadline=None, max_examples=80)
@given(queries=st.integers(1, 4), items=st.integers(1, 12), seed=st.integers(0, 2**16), coarse=st.booleans())
def test_map_equals_the_loops_with_and_without_ties(queries, items, seed, coarse):
    data = problem(queries, items, seed, coarse=coarse)
    expected = slow_map(*(part.tolist() for part in data))
    assert mean_average_precision(*data) == pytest.approx(expected, rel=1e-12)


@settings(deadline=None, max_examples=80)
@given(st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=1, max_size=12))
def test_average_precision_of_raw_scores_equals_the_loop_and_scikit_learn(items):
    scores, relevant = [float(score) for score, _ in items], [hit for _, hit in items]
    value = average_precision(torch.tensor([scores]), torch.tensor([relevant])).item()
    assert value == pytest.approx(slow_average_precision(scores, relevant), rel=1e-12)
    at_once = retrieval._precisions_at_once(torch.tensor([scores]), torch.tensor([relevant])).item()
    assert at_once == pytest.approx(value, rel=1e-12)  # what a GPU runs
    if any(relevant):
        assert value == pytest.approx(average_precision_score(relevant, scores), rel=1e-12)


def test_a_ranking_without_ties_gives_the_textbook_value():
    scores = torch.tensor([[0.9, 0.1, -0.2, -0.7]])
    relevant = torch.tensor([[True, False, True, True]])
    assert average_precision(scores, relevant).item() == pytest.approx((1 / 1 + 2 / 3 + 3 / 4) / 3)


@pytest.mark.parametrize("change", [lambda s: s - 100, lambda s: s * 0.01, lambda s: s**3, torch.exp])
def test_only_the_order_of_the_scores_matters(change):
    scores = torch.randn(5, 40, generator=generator(0), dtype=torch.float64)
    relevant = torch.rand(5, 40, generator=generator(1)) > 0.7
    torch.testing.assert_close(
        average_precision(change(scores), relevant), average_precision(scores, relevant)
    )


def test_scores_that_are_all_negative_rank_like_any_others():
    scores = torch.tensor([[-0.9, -0.1, -0.5]])
    assert average_precision(scores, torch.tensor([[False, True, False]])).item() == 1
    assert average_precision(scores, torch.tensor([[True, False, False]])).item() == pytest.approx(1 / 3)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**16), coarse=st.booleans())
def test_the_order_of_the_gallery_changes_nothing(seed, coarse):
    query, gallery, labels, classes = problem(3, 17, seed, coarse=coarse)
    order = torch.randperm(17, generator=generator(seed))
    here = average_precisions(query, gallery, labels, classes)
    there = average_precisions(query, gallery[order], labels, classes[order])
    torch.testing.assert_close(there, here, rtol=1e-12, atol=0)
    ks = (1, 3)
    assert recall_at(query, gallery[order], labels, classes[order], ks=ks) == recall_at(
        query, gallery, labels, classes, ks=ks
    )


def test_equal_rows_tie_wherever_they_stand_in_a_large_gallery():
    row = torch.randn(1, 96, generator=generator(0))
    gallery = row.double() * torch.rand(1003, 1, generator=generator(1)).double().add(0.5)
    labels = (torch.arange(1003) < 100).long()
    query = torch.randn(1, 96, generator=generator(2))
    value = mean_average_precision(query, gallery, torch.ones(1, dtype=torch.int64), labels)
    assert value == pytest.approx(100 / 1003, rel=1e-12)


def test_a_collapsed_embedding_scores_the_class_frequencies():
    labels = torch.tensor([0, 0, 0, 1, 1, 2])
    same = torch.ones(6, 4)
    assert mean_average_precision(same, same, labels, labels) == pytest.approx((9 + 4 + 1) / 36)
    dead = torch.zeros(6, 4)
    assert mean_average_precision(dead, dead, labels, labels) == pytest.approx((9 + 4 + 1) / 36)


@pytest.mark.parametrize("chunk", [1, 3, 7, 50, 1000])
@pytest.mark.parametrize("coarse", [False, True])
def test_chunks_of_any_size_give_the_whole(chunk, coarse):
    query, gallery, labels, classes = problem(50, 70, 0, coarse=coarse)
    whole = average_precisions(query, gallery, labels, classes)
    parts = average_precisions(query, gallery, labels, classes, chunk=chunk)
    torch.testing.assert_close(parts, whole, rtol=1e-12, atol=0)


def test_the_default_chunk_is_bounded(monkeypatch):
    query, gallery, labels, classes = problem(50, 70, 0)
    whole = mean_average_precision(query, gallery, labels, classes)
    monkeypatch.setattr(cosines, "_BLOCK", 140)
    sizes = [scores.numel() for _, scores in retrieval._scored(query, gallery, None)]
    assert max(sizes) == 140
    assert mean_average_precision(query, gallery, labels, classes) == pytest.approx(whole, rel=1e-12)


def test_perfect_features_give_one():
    labels = torch.arange(60) % 6
    features = torch.eye(6)[labels] * torch.rand(60, 1, generator=generator(0)).add(0.1)
    assert mean_average_precision(features, features, labels, labels) == 1
    assert recall_at(features, features, labels, labels, ks=(10,)) == {10: 1.0}


def test_random_features_give_about_the_sum_of_squared_class_frequencies():
    """The class counts of the 3D MNIST test set; chance is 0.101 there."""
    counts = torch.tensor([85, 126, 116, 107, 110, 87, 87, 99, 89, 94])
    labels = torch.arange(10).repeat_interleave(counts)
    query, gallery = (torch.randn(1000, 64, generator=generator(seed)) for seed in (0, 1))
    chance = float((counts / counts.sum()).square().sum())
    assert mean_average_precision(query, gallery, labels, labels) == pytest.approx(chance, abs=0.006)


def test_a_synthetic_twin_of_the_modelnet10_fixture_equals_the_published_double_loop():
    """908 objects with the class counts of the ModelNet10 test set, both ways, as the sibling code counts."""
    counts = torch.tensor([50, 100, 100, 86, 86, 100, 86, 100, 100, 100])
    labels = torch.arange(10).repeat_interleave(counts)
    centres = torch.randn(10, 32, generator=generator(0))
    noise = [torch.randn(908, 32, generator=generator(seed)) for seed in (1, 2)]
    image, shape = (centres[labels] + 1.1 * part for part in noise)
    for query, gallery in ((image, shape), (shape, image)):
        published = double_loop(query.double().numpy(), gallery.double().numpy(), labels.numpy())
        assert 0.7 < published < 0.95
        assert mean_average_precision(query, gallery, labels, labels) == pytest.approx(published, rel=1e-9)


def double_loop(query, gallery, labels):
    query = query / np.linalg.norm(query, axis=1, keepdims=True)
    gallery = gallery / np.linalg.norm(gallery, axis=1, keepdims=True)
    values = []
    for row, label in zip(query, labels, strict=True):
        found, total = 0, 0.0
        for place, item in enumerate(np.argsort(-(gallery @ row)).tolist(), start=1):
            if labels[item] == label:
                found += 1
                total += found / place
        values.append(total / found)
    return float(np.mean(values))


def test_queries_without_a_relevant_item_count_as_zero_and_are_countable():
    query, gallery = torch.eye(2), torch.eye(2)
    labels, classes = torch.tensor([0, 7]), torch.tensor([0, 1])
    assert mean_average_precision(query, gallery, labels, classes) == 0.5
    assert queries_without_relevant(labels, classes) == 1
    assert recall_at(query, gallery, labels, classes, ks=(1, 5)) == {1: 0.5, 5: 0.5}


def test_the_length_of_a_feature_does_not_matter():
    query, gallery, labels, classes = problem(6, 30, 3)
    lengths = 10.0 ** torch.linspace(-30, 30, 30)[:, None].double()
    expected = average_precisions(query.double(), gallery.double(), labels, classes)
    torch.testing.assert_close(
        average_precisions(query.double(), gallery * lengths, labels, classes), expected
    )


def test_half_precision_features_are_accepted():
    query, gallery, labels, classes = problem(6, 30, 3, coarse=True)
    expected = mean_average_precision(query, gallery, labels, classes)
    assert mean_average_precision(query.bfloat16(), gallery.half(), labels, classes) == expected


def test_inputs_are_left_as_they_were():
    data = problem(6, 30, 3)
    before = [part.clone() for part in data]
    mean_average_precision(data[0].double(), data[1].double(), *data[2:])
    assert all(torch.equal(part, old) for part, old in zip(data, before, strict=True))


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**16), k=st.integers(1, 6), coarse=st.booleans(), chunk=st.integers(1, 4))
def test_recall_equals_the_loops(seed, k, coarse, chunk):
    data = problem(4, 6, seed, coarse=coarse)
    expected = slow_recall(*(part.tolist() for part in data), k)
    assert recall_at(*data, ks=(k,), chunk=chunk) == {k: pytest.approx(expected)}


def test_instance_recall_counts_the_partner_alone():
    gallery = torch.tensor([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]])
    query = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, -1.0]])
    partners = torch.tensor([0, 1, 2])  # ranks 1, 2 and 3
    expected = {1: pytest.approx(1 / 3), 2: pytest.approx(2 / 3), 3: 1.0}
    assert instance_recall_at(query, gallery, partners, ks=(1, 2, 3), chunk=2) == expected


def test_instances_that_tie_are_not_found_by_luck():
    same = torch.ones(8, 3)
    assert instance_recall_at(same, same, torch.arange(8), ks=(1, 5, 8)) == {1: 0.0, 5: 0.0, 8: 1.0}


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_nan_and_infinity_are_refused_with_the_row(broken):
    query, gallery, labels, classes = problem(4, 5, 0)
    bad = gallery.clone()
    bad[3, 1] = broken
    with pytest.raises(ValueError, match="gallery has 1 NaN or infinite values, first in row 3"):
        mean_average_precision(query, bad, labels, classes)
    with pytest.raises(ValueError, match="query has 1 NaN"):
        recall_at(bad, gallery, classes, classes)
    with pytest.raises(ValueError, match="scores has 1 NaN"):
        average_precision(bad, torch.ones(5, 4, dtype=torch.bool))


def test_wrong_arguments_are_named():
    query, gallery, labels, classes = problem(4, 5, 0)
    with pytest.raises(ValueError, match="one class a row"):
        mean_average_precision(query, gallery, classes, labels)
    with pytest.raises(ValueError, match=r"got \(4, 3\) and \(5, 4\)"):
        mean_average_precision(query[:, :3], gallery, labels, classes)
    with pytest.raises(ValueError, match="at least one query and one gallery item, got 0 and 5"):
        mean_average_precision(query[:0], gallery, labels[:0], classes)
    with pytest.raises(ValueError, match="chunk must be >= 1, got 0"):
        mean_average_precision(query, gallery, labels, classes, chunk=0)
    with pytest.raises(ValueError, match="ranks >= 1"):
        recall_at(query, gallery, labels, classes, ks=(0, 1))
    with pytest.raises(ValueError, match="rows of the gallery, 0 to 4, got 1 to 9"):
        instance_recall_at(query, gallery, torch.tensor([1, 2, 3, 9]))
    with pytest.raises(ValueError, match=r"partners must be \(4,\)"):
        instance_recall_at(query, gallery, torch.tensor([1, 2]))
    with pytest.raises(ValueError, match=r"both be \(Q, G\)"):
        average_precision(query, torch.ones(4, 3, dtype=torch.bool))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("coarse", [False, True])
def test_a_gpu_gives_the_same_numbers(coarse):
    query, gallery, labels, classes = problem(200, 300, 0, coarse=coarse)
    here = average_precisions(query, gallery, labels, classes)
    there = average_precisions(query.cuda(), gallery.cuda(), labels, classes)
    torch.testing.assert_close(there.cpu(), here, rtol=1e-12, atol=0)
    recall = recall_at(query.cuda(), gallery.cuda(), labels, classes)
    assert recall == recall_at(query, gallery, labels, classes)
