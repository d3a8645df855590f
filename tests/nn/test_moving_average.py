import pytest
import torch
from torch import nn

from anaglyph.nn.moving_average import MovingAverage


def test_the_average_follows_the_closed_form_with_its_warm_up():
    source = nn.Linear(2, 1)
    nn.init.constant_(source.weight, 0.0)
    average = MovingAverage(source, decay=0.9)
    nn.init.constant_(source.weight, 1.0)
    expected = 0.0
    for done in range(30):
        average.update(source)
        decay = min(0.9, (1 + done) / (10 + done))
        expected = decay * expected + (1 - decay)
        torch.testing.assert_close(average.module.weight, torch.full((1, 2), expected))


def test_buffers_follow_too_and_counters_are_copied():
    source = nn.BatchNorm1d(3)
    average = MovingAverage(source, decay=0.5)
    source(torch.randn(8, 3))
    average.update(source)
    assert average.module.num_batches_tracked == 1
    assert not torch.equal(average.module.running_mean, torch.zeros(3))


def test_nothing_of_it_trains_and_it_stays_in_eval_mode():
    average = MovingAverage(nn.Linear(2, 2), decay=0.9).train()
    assert not average.module.training
    assert not any(p.requires_grad for p in average.parameters())


def test_its_state_dict_continues_exactly():
    source = nn.Linear(2, 2)
    average = MovingAverage(source, decay=0.9)
    average.update(source)
    other = MovingAverage(nn.Linear(2, 2), decay=0.9)
    other.load_state_dict(average.state_dict())
    nn.init.constant_(source.weight, 3.0)
    average.update(source)
    other.update(source)
    assert torch.equal(average.module.weight, other.module.weight)


@pytest.mark.parametrize("decay", [-0.1, 1.0])
def test_an_impossible_decay_is_refused(decay):
    with pytest.raises(ValueError, match=r"decay must lie in \[0, 1\)"):
        MovingAverage(nn.Linear(1, 1), decay=decay)


def test_without_warm_up_the_first_weights_keep_a_share_of_decay_to_the_n():
    source = nn.Linear(2, 1)
    nn.init.constant_(source.weight, 0.0)
    average = MovingAverage(source, decay=0.9, warm_up=False)
    nn.init.constant_(source.weight, 1.0)
    for done in range(1, 8):
        average.update(source)
        torch.testing.assert_close(average.module.weight, torch.full((1, 2), 1 - 0.9**done))
