import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from anaglyph.losses.pseudo_labels import choose_labels
from reference.self_training import slow_labels

RULES = ["joint", "separate", "agreement", "naive", "image", "shape"]


def probabilities(rows, classes, seed, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    return tuple(
        (3 * torch.randn(rows, classes, generator=generator, dtype=dtype)).softmax(dim=1) for _ in range(2)
    )


@settings(deadline=None, max_examples=60)
@given(
    rule=st.sampled_from(RULES), rows=st.integers(0, 6), classes=st.integers(1, 5),
    alpha=st.sampled_from([0.5, 0.9, 1.0]), seed=st.integers(0, 2**16),
)  # fmt: skip
def test_every_rule_equals_its_definition_row_by_row(rule, rows, classes, alpha, seed):
    image, shape = probabilities(rows, classes, seed, torch.float64)
    coin = torch.rand(rows, generator=torch.Generator().manual_seed(seed)) < 0.5
    found = choose_labels(image, shape, rule=rule, alpha=alpha, coin=coin)
    expected = slow_labels(image.tolist(), shape.tolist(), rule, alpha, coin.tolist())
    for chosen, pairs in zip(found, expected, strict=True):
        assert chosen.labels.tolist() == [label for label, _ in pairs]
        assert chosen.scores.tolist() == pytest.approx([score for _, score in pairs])


def test_equal_scores_of_one_give_the_pictures_class_and_not_the_sum_of_both():
    image, shape = torch.eye(4)[[2, 1]], torch.eye(4)[[3, 0]]
    joint = choose_labels(image, shape).image
    assert joint.labels.tolist() == [2, 1]
    released = choose_labels(image, shape, ties="added").image
    assert released.labels.tolist() == [5, 1]  # 2 + 3 is no class of four


def test_the_factor_on_the_clouds_score_decides_who_speaks():
    image, shape = torch.tensor([[0.85, 0.15]]), torch.tensor([[0.1, 0.9]])
    assert choose_labels(image, shape).image.labels.tolist() == [1]
    discounted = choose_labels(image, shape, alpha=0.9).image
    assert discounted.labels.tolist() == [0]
    assert discounted.from_image.tolist() == [True]


@pytest.mark.parametrize(
    ("threshold", "kept"), [(0.0, [True, True]), (0.6, [True, False]), (1.0, [False] * 2)]
)
def test_only_a_score_above_the_threshold_is_kept(threshold, kept):
    image = torch.tensor([[0.9, 0.1], [0.4, 0.6]])
    assert choose_labels(image, image).image.kept(threshold).tolist() == kept


def test_a_threshold_of_each_class_is_that_of_the_label():
    image = torch.tensor([[0.7, 0.3], [0.3, 0.7]])
    assert choose_labels(image, image).image.kept(torch.tensor([0.8, 0.5])).tolist() == [False, True]


def test_modalities_that_disagree_are_never_kept_by_agreement():
    image, shape = torch.eye(3)[[0, 1]], torch.eye(3)[[0, 2]]
    assert choose_labels(image, shape, rule="agreement").image.kept(0.2).tolist() == [True, False]


def test_with_one_class_everything_is_sure_of_it():
    one = torch.ones(3, 1)
    joint = choose_labels(one, one).image
    assert joint.labels.tolist() == [0, 0, 0]
    assert joint.kept(0.84).all()


def test_half_precision_is_compared_in_full():
    image, shape = (p.bfloat16() for p in probabilities(5, 4, 0))
    assert choose_labels(image, shape).image.scores.dtype == torch.float32


def test_naive_without_a_coin_and_a_factor_of_zero_are_refused():
    image, shape = probabilities(2, 3, 0)
    with pytest.raises(ValueError, match=r"naive needs a coin of shape \(2,\)"):
        choose_labels(image, shape, rule="naive")
    with pytest.raises(ValueError, match="alpha must be > 0, got 0"):
        choose_labels(image, shape, alpha=0.0)
    with pytest.raises(ValueError, match=r"got \(2, 3\) and \(2, 2\)"):
        choose_labels(image, shape[:, :2])
