"""Scores as chances of being right."""

import pytest
import torch

from anaglyph.evaluation.calibration import agreement, calibration_error, sharpened_to
from reference.calibration import calibration_error as slow_error
from reference.calibration import mean_top_score


def probabilities(seed, rows=37, classes=5, scale=2.0):
    draws = torch.randn(rows, classes, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return (scale * draws).softmax(dim=1)


@pytest.mark.parametrize("bins", [1, 4, 10, 100])
def test_error_equals_its_slow_twin(bins):
    scores = probabilities(0)
    labels = torch.randint(5, (37,), generator=torch.Generator().manual_seed(1))
    slow = slow_error(scores.tolist(), labels.tolist(), bins)
    assert calibration_error(scores, labels, bins=bins) == pytest.approx(slow, abs=1e-12)


def test_sure_and_right_has_no_error_and_sure_and_wrong_all():
    sure = torch.eye(4, dtype=torch.float64)
    assert calibration_error(sure, torch.arange(4)) == 0.0
    assert calibration_error(sure, (torch.arange(4) + 1) % 4) == 1.0


@pytest.mark.parametrize("share", [0.25, 0.5, 0.97])
def test_mean_top_score_becomes_the_share_and_no_answer_changes(share):
    logits = probabilities(2).log()
    scaled = sharpened_to(logits, share)
    assert scaled.amax(dim=1).mean().item() == pytest.approx(share, abs=1e-6)
    assert torch.equal(scaled.argsort(dim=1), logits.argsort(dim=1))
    factor = (scaled[0, 0].log() - scaled[0, 1].log()) / (logits[0, 0] - logits[0, 1])
    assert mean_top_score(logits.tolist(), float(factor)) == pytest.approx(share, abs=1e-6)


def test_a_share_out_of_reach_gives_the_nearest():
    even = sharpened_to(probabilities(3).log(), 0.0)
    assert even.amax(dim=1).mean().item() == pytest.approx(1 / 5, abs=1e-3)


def test_agreement_counts_equal_answers():
    first, second = torch.eye(4), torch.eye(4)[[0, 1, 3, 2]]
    assert agreement(first, second) == 0.5
    assert agreement(first[:0], second[:0]) == 0.0


@pytest.mark.parametrize("share", [-0.1, 1.5])
def test_shares_outside_zero_to_one_are_refused(share):
    with pytest.raises(ValueError, match="share"):
        sharpened_to(torch.zeros(2, 3), share)


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="labels"):
        calibration_error(torch.ones(2, 3) / 3, torch.zeros(3, dtype=torch.int64))
