"""A batch in parts has the gradients of the whole, whatever makes two encodings of a part differ."""

import copy
import weakref
from functools import partial
from itertools import pairwise

import pytest
import torch
from lightning_fabric import Fabric
from torch import nn

from anaglyph.data.loader import epoch_parts
from anaglyph.engine.accumulate import InsideMethod, accumulated_gradients, whole_gradients
from anaglyph.engine.interrupt import Interrupted
from anaglyph.engine.loop import _Run
from anaglyph.errors import ConfigError
from anaglyph.randomness import seeded
from anaglyph.types import Batch
from engine.coupled_method import Coupled, CoupledConfig, coupled_recipe, register
from reference.accumulation import one_graph, slot_by_slot
from tiny_runs import STEPS_PER_EPOCH, interrupting, outcome, tiny_recipe, train

PARTS = 3


class Pooled(nn.Module):
    """A shape encoder without batch statistics."""

    embed_dim = 12

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, 24), nn.GELU(), nn.Linear(24, self.embed_dim))

    def forward(self, points):
        return self.layers(points).amax(dim=1)


def method(dtype=torch.float64, **config):
    with seeded("coupled"):
        made = Coupled(CoupledConfig(**config), encoders={"shape": Pooled()}, objects=12)
    return made.to(dtype).train()


def batches(dtype=torch.float64, rows=(4, 4, 4)):
    """Parts of a batch, and the batch."""
    random = torch.Generator().manual_seed(0)
    total = sum(rows)
    images = torch.rand(total, 1, 1, 8, 8, generator=random, dtype=dtype) * torch.rand(total, 1, 1, 1, 1)
    points = torch.randn(total, 20, 3, generator=random, dtype=dtype)
    whole = Batch(
        keys=tuple(map(str, range(total))), indices=torch.arange(total), images=images, points=points
    )
    cut = [tensor.split(list(rows)) for tensor in (whole.indices, images, points)]
    parts = [
        Batch(keys=tuple(map(str, i.tolist())), indices=i, images=seen, points=cloud)
        for i, seen, cloud in zip(*cut, strict=True)
    ]
    return parts, whole


def drawing(part):
    return seeded("drawing", part)


def in_parts(made, parts, **options):
    """What accumulation leaves: (output, name -> gradient)."""
    fabric = Fabric(accelerator="cpu", devices=1, **options)
    statistics = [
        b for m in made.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm) for b in m.buffers()
    ]
    wrapped = fabric.setup_module(InsideMethod(made))
    output = accumulated_gradients(
        parts, fabric=fabric, wrapped=wrapped, drawing=drawing, statistics=statistics
    )
    return output, gradients(made)


def gradients(made):
    return {name: parameter.grad for name, parameter in made.named_parameters()}


def assert_equal(found, expected, rtol=1e-9):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(
            found[name], value, rtol=rtol, atol=1e-12, msg=lambda text, name=name: f"{name}: {text}"
        )


@pytest.mark.parametrize("rows", [(4, 4, 4), (6, 6), (3, 4, 5)])
def test_parts_give_the_gradients_of_the_whole_batch_for_encoder_heads_and_temperatures(rows):
    parts, whole = batches(rows=rows)
    made, reference = method(), method()
    output, found = in_parts(made, parts)
    expected = reference.training_step(whole)
    expected.loss.backward()
    assert_equal(found, gradients(reference))
    assert all(bool(value.abs().max() > 1e-6) for value in found.values())
    torch.testing.assert_close(output.loss, expected.loss)
    assert output.parts.keys() == expected.parts.keys()
    for name, value in gradients(reference).items():
        assert float(found[name].norm() / value.norm()) == pytest.approx(1.0, abs=1e-5), name


def test_parts_give_the_gradients_of_the_published_loop_once_its_temperatures_are_divided_by_their_number():
    parts, _ = batches()
    made, reference = method(), method()
    _, found = in_parts(made, parts)
    slot_by_slot(reference, parts, objective_only=lambda name: name.startswith(("scales", "fusion")))
    assert_equal(found, gradients(reference))


@pytest.mark.parametrize(
    "config", [{"dropout": 0.5}, {"batch_norm": True}, {"dropout": 0.3, "batch_norm": True}]
)
def test_both_encodings_of_a_part_draw_the_same_dropout_and_see_the_same_statistics(config):
    parts, _ = batches()
    made, reference = method(**config), method(**config)
    output, found = in_parts(made, parts)
    expected = one_graph(reference, parts, drawing)
    assert_equal(found, gradients(reference))
    torch.testing.assert_close(output.loss, expected.loss)


def test_each_part_moves_the_running_statistics_once():
    parts, _ = batches()
    made, reference = method(batch_norm=True), method(batch_norm=True)
    in_parts(made, parts)
    one_graph(reference, parts, drawing)
    for (name, found), expected in zip(made.named_buffers(), reference.buffers(), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=0, msg=name)
    assert int(made.heads["shape"][0].num_batches_tracked) == PARTS


def test_what_needs_no_gradient_is_given_none():
    parts, _ = batches()
    made = method()
    seen = []
    plain = made.objective
    made.objective = lambda features: (seen.append(features), plain(features))[1]
    in_parts(made, parts)
    assert {name: value.requires_grad for name, value in seen[0].items()} == {
        "shape": True, "image": True, "mark": False, "shown": False,
    }  # fmt: skip
    assert len(seen) == 1


def test_under_autocast_parts_are_encoded_as_the_whole_would_be():
    parts, whole = batches(torch.float32)
    made, reference = method(torch.float32), method(torch.float32)
    _, found = in_parts(made, parts, precision="bf16-mixed")
    fabric = Fabric(accelerator="cpu", devices=1, precision="bf16-mixed")
    whole_gradients(whole, fabric=fabric, wrapped=fabric.setup_module(InsideMethod(reference)))
    for name, expected in gradients(reference).items():
        # Gradients of a weight are summed up in bfloat16 within a part and in float32 over them.
        assert float((found[name] - expected).norm() / expected.norm()) < 0.01, name


def test_only_one_part_is_on_the_device_at_a_time(monkeypatch):
    parts, _ = batches()
    there = []
    plain = Batch.to

    def watched(self, device):
        assert not any(moved() is not None for moved in there)
        moved = copy.copy(plain(self, device))
        there.append(weakref.ref(moved))
        return moved

    monkeypatch.setattr(Batch, "to", watched)
    in_parts(method(), parts)
    assert len(there) == 2 * PARTS - 1


@pytest.fixture
def coupled(monkeypatch):
    """Assignments -> a tiny recipe of the method above, in two parts."""
    register(monkeypatch)
    return partial(coupled_recipe, accumulate=2)


EVERYTHING = ("stages.contrast.config.dropout=0.3", "stages.contrast.config.batch_norm=true")


@pytest.mark.parametrize("step", [1, STEPS_PER_EPOCH + 1])
def test_a_run_in_parts_that_was_stopped_and_resumed_ends_bit_for_bit_like_an_undisturbed_one(
    step, coupled, tmp_path, tiny_cache
):
    train(coupled(*EVERYTHING), tmp_path / "whole", cache=tiny_cache)
    with pytest.raises(Interrupted):
        train(
            coupled(*EVERYTHING), tmp_path / "cut", cache=tiny_cache,
            listen=interrupting("contrast", step), workers=2,
        )  # fmt: skip
    train(coupled(*EVERYTHING), tmp_path / "cut", cache=tiny_cache, resume=True)
    assert outcome(tmp_path / "cut") == outcome(tmp_path / "whole")


def test_a_refused_step_in_parts_leaves_weights_and_statistics_untouched(
    coupled, monkeypatch, tmp_path, tiny_cache
):
    states = []
    plain = _Run.step

    def step(run, parts):
        assert len(parts) == 2
        plain(run, parts)
        states.append({name: value.clone() for name, value in run.stage.method.state_dict().items()})

    monkeypatch.setattr(_Run, "step", step)
    train(coupled(*EVERYTHING, "stages.contrast.config.nan_losses=[4]"), tmp_path, cache=tiny_cache)
    same = [all(torch.equal(a[name], b[name]) for name in a) for a, b in pairwise(states)]
    assert [number for number, is_same in enumerate(same, start=1) if is_same] == [4]
    assert all(bool(value.isfinite().all()) for value in states[-1].values())


def test_a_method_that_takes_its_batch_as_a_whole_is_refused_and_those_that_can_are_named(coupled):
    with pytest.raises(
        ConfigError, match=r"accumulate is 4, and pair_contrast takes.*be 1 but for .*coupled"
    ):
        tiny_recipe("pair_contrast", "stages.contrast.accumulate=4")


@pytest.mark.parametrize("parts", [0, 5, 32])
def test_a_number_of_parts_that_does_not_divide_the_batch_is_refused(parts, coupled):
    with pytest.raises(ConfigError, match=rf"stages.contrast.accumulate is {parts}, the batch 32"):
        coupled(accumulate=parts)


def test_parts_that_the_share_of_a_process_cannot_give_are_refused():
    class Rows:
        def __len__(self):
            return 12

    with pytest.raises(ConfigError, match="3 of 12, cannot be worked off in 2 equal parts"):
        epoch_parts(Rows(), parts=2, seed=0, epoch=0, batch=12, world=4)
