"""What every method that says `accumulates` must keep, so that a batch can be worked off in parts."""

from dataclasses import fields, replace

import pytest
import torch
from lightning_fabric import Fabric
from torch.nn.modules.batchnorm import _BatchNorm

from anaglyph.engine.accumulate import InsideMethod, accumulated_gradients
from anaglyph.methods.catalog import METHODS
from anaglyph.randomness import seeded
from methods.contract_kinds import kind_of
from reference.accumulation import one_graph

ACCUMULATING = [name for name in METHODS.names() if METHODS.load(name).accumulates]

accumulating = pytest.mark.parametrize("name", ACCUMULATING)


def drawing(part):
    return seeded("contract", part)


def in_two(batch):
    """A batch as two halves."""
    half = len(batch) // 2
    return [rows_of(batch, slice(0, half)), rows_of(batch, slice(half, 2 * half))]


def rows_of(batch, rows):
    values = {
        each.name: value[rows]
        for each in fields(batch)
        if each.name != "crops" and (value := getattr(batch, each.name)) is not None
    }
    return replace(batch, **values)


def ready(name, folder):
    method = kind_of(name).ready(folder).train()
    statistics = [b for m in method.modules() if isinstance(m, _BatchNorm) for b in m.buffers()]
    return method, statistics


@accumulating
def test_two_parts_give_the_gradients_of_one_graph_over_both(name, tmp_path):
    parts = in_two(kind_of(name).batch().without_labels())
    (method, statistics), (reference, _) = ready(name, tmp_path / "a"), ready(name, tmp_path / "b")
    fabric = Fabric(accelerator="cpu", devices=1)
    output = accumulated_gradients(
        parts, fabric=fabric, wrapped=fabric.setup_module(InsideMethod(method)), drawing=drawing,
        statistics=statistics,
    )  # fmt: skip
    expected = one_graph(reference, parts, drawing)
    torch.testing.assert_close(output.loss, expected.loss)
    assert output.parts.keys() == expected.parts.keys()
    for (key, found), other in zip(method.named_parameters(), reference.parameters(), strict=True):
        assert (found.grad is None) == (other.grad is None), key
        if other.grad is not None:
            scale = max(1e-3, float(other.grad.abs().max()))
            assert float((found.grad - other.grad).abs().max()) < 1e-4 * scale, key
    for (key, found), other in zip(method.named_buffers(), reference.buffers(), strict=True):
        torch.testing.assert_close(found, other, msg=key)


@accumulating
def test_a_training_step_is_the_objective_of_the_encoding(name, tmp_path):
    batch = kind_of(name).batch().without_labels()
    (method, _), (other, _) = ready(name, tmp_path / "a"), ready(name, tmp_path / "b")
    with drawing(0):
        step = method.training_step(batch)
    with drawing(0):
        features = other.encode(batch)
    assert all(len(value) == len(batch) for value in features.values())
    assert torch.equal(step.loss, other.objective(features).loss)
