import pytest
import torch
import torch.nn.functional as F

from anaglyph.nn.memory_bank import MemoryBank


def embeddings(rows=6, channels=4, seed=0):
    return 20 * torch.randn(rows, channels, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shuffled", [False, True])
def test_row_i_is_the_unit_embedding_of_object_i_in_whatever_order_a_loader_brings_it(shuffled):
    """Dossier test 3, first half."""
    e = embeddings()
    order = torch.randperm(6, generator=torch.Generator().manual_seed(1)) if shuffled else torch.arange(6)
    memory = MemoryBank(6, 4)
    for indices in order.split(4):
        memory.fill(indices, e[indices])
    torch.testing.assert_close(memory.bank, F.normalize(e, dim=1))
    torch.testing.assert_close(memory.rows(torch.tensor([5, 2])), F.normalize(e[[5, 2]], dim=1))


def test_an_update_moves_exactly_the_named_rows():
    """Dossier test 3, second half."""
    memory, e, new = MemoryBank(6, 4), embeddings(), embeddings(2, seed=1)
    memory.fill(torch.arange(6), e)
    memory.update(torch.tensor([4, 1]), new, momentum=0.9)
    expected = F.normalize(e, dim=1)
    for row, index in enumerate([4, 1]):
        mixed = 0.9 * expected[index] + 0.1 * new[row] / new[row].norm()
        expected[index] = mixed / mixed.norm()
    torch.testing.assert_close(memory.bank, expected)


def test_saving_and_loading_continues_exactly():
    first, second = MemoryBank(6, 4), MemoryBank(6, 4)
    first.fill(torch.arange(6), embeddings())
    second.load_state_dict(first.state_dict())
    for memory in (first, second):
        memory.update(torch.tensor([0, 3]), embeddings(2, seed=2))
    assert torch.equal(first.bank, second.bank)


def test_memory_carries_no_gradient():
    memory = MemoryBank(2, 4)
    memory.fill(torch.arange(2), embeddings(2).requires_grad_())
    assert not memory.rows(torch.arange(2)).requires_grad


@pytest.mark.parametrize(
    ("indices", "message"),
    [
        ([0, 6], "index 6 is outside the memory; rows are 0 to 5"),
        ([-1, 0], "index -1 is outside the memory"),
        ([3, 3], "index 3 stands twice"),
        ([0.0, 1.0], "indices must be .* integers"),
        ([1, 2, 3], r"embeddings must be \(3, 4\), got \(2, 4\)"),
    ],
)
def test_a_wrong_address_is_refused_and_changes_nothing(indices, message):
    memory = MemoryBank(6, 4)
    memory.fill(torch.arange(6), embeddings())
    before = memory.bank.clone()
    for write in (memory.fill, memory.update):
        with pytest.raises(ValueError, match=message):
            write(torch.tensor(indices), embeddings(2))
    assert torch.equal(memory.bank, before)


def test_reading_a_row_that_was_never_filled_names_it():
    memory = MemoryBank(6, 4)
    memory.fill(torch.tensor([0, 1]), embeddings(2))
    with pytest.raises(ValueError, match="row 4 of the memory was never filled"):
        memory.rows(torch.tensor([1, 4]))
