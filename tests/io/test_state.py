import math
import struct

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from anaglyph.errors import CheckpointError
from anaglyph.io.state import load_state, save_state


def same(a, b):
    """Equal in type and bits, all the way down."""
    if type(a) is not type(b):
        return False
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and a.shape == b.shape and bits(a) == bits(b)
    if isinstance(a, float):
        return struct.pack(">d", a) == struct.pack(">d", b)
    if isinstance(a, dict):
        return list(map(repr, a)) == list(map(repr, b)) and all(map(same, a.values(), b.values()))
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


def bits(tensor):
    return bytes(tensor.contiguous().reshape(-1).view(torch.uint8).numpy())


plain = st.none() | st.booleans() | st.integers(-(2**80), 2**80) | st.floats() | st.text(max_size=8)
keys = st.integers() | st.text(max_size=5) | st.booleans() | st.none()
trees = st.recursive(
    plain,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(keys, inner, max_size=3)
    ),
    max_leaves=12,
)


@settings(deadline=None, max_examples=60)
@given(tree=trees)
def test_plain_values_come_back_bit_for_bit(tmp_path_factory, tree):
    folder = tmp_path_factory.mktemp("state")
    save_state(folder, "s", tree)
    assert same(load_state(folder, "s"), tree)


@pytest.mark.parametrize(
    "dtype",
    [
        torch.float32,
        torch.float64,
        torch.float16,
        torch.bfloat16,
        torch.int64,
        torch.int8,
        torch.uint8,
        torch.bool,
    ],
)
def test_tensors_of_every_type_come_back_bit_for_bit(tmp_path, dtype):
    values = (
        torch.tensor([0.0, -0.0, 1.5, math.inf, math.nan]) if dtype.is_floating_point else torch.arange(5)
    )
    state = {
        "v": values.to(dtype),
        "empty": torch.zeros(0, 3, dtype=dtype),
        "scalar": torch.tensor(1, dtype=dtype),
    }
    save_state(tmp_path, "s", state)
    assert same(load_state(tmp_path, "s"), state)


def test_views_and_shared_memory_are_stored_as_what_they_show(tmp_path):
    base = torch.arange(12.0).view(3, 4)
    state = [base, base, base.T, base[1], base[:, ::2]]
    save_state(tmp_path, "s", state)
    assert same(load_state(tmp_path, "s"), [x.clone() for x in state])


def test_an_optimiser_continues_from_its_stored_state(tmp_path):
    def start():
        weight = torch.nn.Parameter(torch.ones(3))
        return weight, torch.optim.AdamW([weight], lr=0.1)

    def step(weight, optimiser):
        (weight**2).sum().backward()
        optimiser.step()
        optimiser.zero_grad()

    weight, optimiser = start()
    step(weight, optimiser)
    save_state(tmp_path, "s", {"w": weight, "o": optimiser.state_dict()})
    step(weight, optimiser)
    again, resumed = start()
    state = load_state(tmp_path, "s")
    again.data.copy_(state["w"])
    resumed.load_state_dict(state["o"])
    step(again, resumed)
    assert torch.equal(again, weight)


def test_what_is_not_plain_is_refused_by_place(tmp_path):
    with pytest.raises(TypeError, match=r"state\['a'\]\[1\] is a set"):
        save_state(tmp_path, "s", {"a": [1, {2}]})


def test_a_state_cut_anywhere_is_an_error_that_names_the_file(tmp_path):
    path = save_state(tmp_path, "s", {"a": torch.arange(20), "b": "x"})
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match=r"s\.safetensors"):
            load_state(tmp_path, "s")


def test_a_missing_state_and_a_foreign_file_are_errors(tmp_path):
    with pytest.raises(CheckpointError, match="No such file"):
        load_state(tmp_path, "s")
    from safetensors.torch import save_file

    save_file({"a": torch.ones(1)}, tmp_path / "s.safetensors")
    with pytest.raises(CheckpointError, match="not a saved state"):
        load_state(tmp_path, "s")
