import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from anaglyph.losses.classification import smoothed_cross_entropy
from reference.classification import slow_smoothed_cross_entropy


@settings(deadline=None, max_examples=40)
@given(
    rows=st.integers(1, 5),
    classes=st.integers(2, 6),
    smoothing=st.floats(0.0, 0.9),
    seed=st.integers(0, 2**16),
)
def test_the_loss_equals_its_definition(rows, classes, smoothing, seed):
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(rows, classes, generator=generator)
    labels = torch.randint(0, classes, (rows,), generator=generator)
    expected = slow_smoothed_cross_entropy(logits, labels, smoothing)
    assert float(smoothed_cross_entropy(logits, labels, smoothing=smoothing)) == pytest.approx(
        expected, rel=1e-4, abs=1e-5
    )


def test_without_smoothing_it_is_torch_s_cross_entropy():
    logits, labels = torch.randn(4, 3, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 2, 1, 1])
    expected = torch.nn.functional.cross_entropy(logits, labels)
    assert torch.allclose(smoothed_cross_entropy(logits, labels), expected)


@pytest.mark.parametrize(
    ("shape", "smoothing", "said"), [((3, 1), 0.0, "C >= 2"), ((3, 2), 1.0, r"in \[0, 1\), got 1.0")]
)
def test_one_class_or_a_whole_share_is_refused(shape, smoothing, said):
    with pytest.raises(ValueError, match=said):
        smoothed_cross_entropy(torch.zeros(shape), torch.zeros(3, dtype=torch.int64), smoothing=smoothing)
