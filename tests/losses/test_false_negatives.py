import torch

from anaglyph.losses.false_negatives import fitting_texts
from anaglyph.losses.paired import paired_nce
from losses.test_paired_losses import unit
from reference.paired import slow_fitting_texts


def test_it_equals_the_loops():
    image, text = unit(7, 8), unit(7, 8, seed=1)
    for delta in (0.0, 0.1, 0.5):
        found = fitting_texts(image, text, text, delta=delta)
        slow = torch.tensor(slow_fitting_texts(image.tolist(), text.tolist(), delta))
        other = ~torch.eye(7, dtype=torch.bool)  # no loss reads whether an object is its own negative
        assert torch.equal(found[other], slow[other])


def test_only_look_alikes_of_the_same_group_are_taken_out():
    image = text = unit(1, 8).expand(4, 8)
    group = torch.tensor([0, 0, 1, 1])
    found = fitting_texts(image, text, text, delta=0.1, groups=(group, group))
    assert torch.equal(found, group[:, None] == group)


def test_a_false_negative_is_out_of_the_softmax_and_not_in_it_with_a_logit_of_zero():
    """The published code multiplies logits by 0, which leaves exp(0) in the sum."""
    pairs = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    exclude = fitting_texts(pairs, pairs, pairs, delta=0.1)
    assert exclude.tolist() == [[True, False, False], [False, True, True], [False, True, True]]
    loss = paired_nce(pairs, pairs, scale=5.0, exclude=exclude)
    first = torch.log(1 + 2 * torch.exp(torch.tensor(-5.0)))
    others = torch.log(1 + torch.exp(torch.tensor(-5.0)))
    torch.testing.assert_close(loss, (first + 2 * others) / 3)
