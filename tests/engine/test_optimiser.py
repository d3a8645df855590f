"""Learning rates against their closed forms; parameter groups with their scales and decays."""

import math

import pytest
import torch
from torch import nn

from anaglyph.engine.models import build_method
from anaglyph.engine.optimiser import build_optimiser, gradient_norm, learning_rate, set_learning_rate
from anaglyph.engine.recipe import OptimiserSpec
from anaglyph.errors import ConfigError
from tiny_runs import tiny_recipe

EPOCHS, PER_EPOCH = 5, 4
STEPS = EPOCHS * PER_EPOCH


def rates(**options):
    spec = OptimiserSpec(lr=0.8, **options)
    return [learning_rate(spec, step=step, steps=STEPS, steps_per_epoch=PER_EPOCH) for step in range(STEPS)]


def test_a_constant_rate_is_constant():
    assert rates(schedule="constant") == [0.8] * STEPS


def test_a_cosine_starts_at_the_peak_halves_in_the_middle_and_nears_zero():
    found = rates(schedule="cosine")
    assert found == pytest.approx([0.4 * (1 + math.cos(math.pi * step / STEPS)) for step in range(STEPS)])
    assert (found[0], found[STEPS // 2]) == pytest.approx((0.8, 0.4))


def test_a_final_fraction_is_where_the_cosine_ends():
    spec = OptimiserSpec(lr=0.8, schedule="cosine", final_fraction=0.25)
    assert learning_rate(spec, step=STEPS, steps=STEPS, steps_per_epoch=PER_EPOCH) == pytest.approx(0.2)
    assert learning_rate(spec, step=STEPS // 2, steps=STEPS, steps_per_epoch=PER_EPOCH) == pytest.approx(0.5)


def test_warm_up_rises_in_equal_parts_and_the_cosine_begins_after_it():
    found = rates(schedule="cosine", warmup_epochs=1.5)
    assert found[:6] == pytest.approx([0.8 * (step + 1) / 6 for step in range(6)])
    rest = STEPS - 6
    assert found[6:] == pytest.approx([0.4 * (1 + math.cos(math.pi * step / rest)) for step in range(rest)])


def test_the_released_cosine_is_held_within_an_epoch_and_epochs_0_and_1_share_the_maximum():
    found = rates(schedule="cosine_epochs")
    held = [max(step // PER_EPOCH - 1, 0) for step in range(STEPS)]
    assert found == pytest.approx([0.4 * (1 + math.cos(math.pi * epoch / EPOCHS)) for epoch in held])
    assert found[: 2 * PER_EPOCH] == [0.8] * (2 * PER_EPOCH)
    assert found[2 * PER_EPOCH] < 0.8


def test_the_released_cosine_is_what_torch_gives_when_stepped_with_the_epoch_just_trained():
    optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.8)
    reference = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=EPOCHS, eta_min=0)
    used = []
    for epoch in range(EPOCHS):
        used.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        optimiser.param_groups[0]["lr"] = 0.8 * (1 + math.cos(math.pi * epoch / EPOCHS)) / 2
    assert reference.T_max == EPOCHS
    assert rates(schedule="cosine_epochs")[::PER_EPOCH] == pytest.approx(used)


def test_a_step_schedule_multiplies_the_rate_every_so_many_steps_after_the_warm_up():
    found = rates(schedule="step", step_every=6, step_factor=0.5)
    assert found == pytest.approx([0.8] * 6 + [0.4] * 6 + [0.2] * 6 + [0.1] * 2)
    found = rates(schedule="step", step_every=10, step_factor=0.9, warmup_epochs=0.5)
    assert found == pytest.approx([0.4, 0.8] + [0.8] * 10 + [0.72] * 8)


def test_a_step_schedule_is_torchs():
    optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.8)
    reference = torch.optim.lr_scheduler.StepLR(optimiser, step_size=3, gamma=0.967)
    used = []
    for _ in range(STEPS):
        used.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        reference.step()
    assert rates(schedule="step", step_every=3, step_factor=0.967) == pytest.approx(used)


def test_a_scheduler_that_runs_after_the_step_gives_the_peak_first_and_is_late_by_one():
    options = {"schedule": "cosine", "warmup_epochs": 1.5, "final_fraction": 0.5}
    usual, released = rates(**options), rates(**options, peak_first=True)
    assert released == [0.8, *usual[:-1]]
    assert usual[0] == pytest.approx(0.8 / 6)


@pytest.mark.parametrize(("option", "value"), [("step_every", 0), ("step_factor", 0.0), ("step_factor", 1.1)])
def test_a_step_schedule_that_cannot_be_meant_is_refused(option, value):
    with pytest.raises(ConfigError, match=f"{option} must be"):
        OptimiserSpec(**{option: value})


def test_a_groups_scale_multiplies_every_rate():
    method = annotate("stages.annotate.config.head_lr_scale=0.1")
    optimiser = build_optimiser(method, OptimiserSpec(lr=1.0))
    set_learning_rate(optimiser, 0.5)
    assert {group["lr"] for group in optimiser.param_groups} == {0.5, 0.05}


def test_every_trainable_parameter_is_in_exactly_one_group():
    for spec in (OptimiserSpec(weight_decay=0.1), OptimiserSpec(weight_decay=0.1, decay_vectors=True)):
        method = annotate()
        grouped = [p for group in build_optimiser(method, spec).param_groups for p in group["params"]]
        assert len(grouped) == len(set(map(id, grouped)))
        assert set(map(id, grouped)) == {id(p) for p in method.parameters() if p.requires_grad}


def test_vectors_do_not_decay_unless_asked():
    method = annotate()
    groups = build_optimiser(method, OptimiserSpec(weight_decay=0.1)).param_groups
    for group in groups:
        assert all((p.ndim > 1) == (group["weight_decay"] == 0.1) for p in group["params"])
    groups = build_optimiser(method, OptimiserSpec(weight_decay=0.1, decay_vectors=True)).param_groups
    assert {group["weight_decay"] for group in groups} == {0.1}


def test_the_gradient_norm_is_that_before_clipping():
    parameters = [nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(1))]
    parameters[0].grad, parameters[1].grad = torch.tensor([2.0, 3.0]), torch.tensor([6.0])
    assert gradient_norm(parameters, clip=None) == pytest.approx(7.0)
    assert parameters[1].grad.item() == pytest.approx(6.0)
    assert gradient_norm(parameters, clip=3.5) == pytest.approx(7.0)
    assert parameters[1].grad.item() == pytest.approx(3.0, rel=1e-4)


def annotate(*changes):
    spec = tiny_recipe("paper", *changes).stages["annotate"]
    return build_method(spec, objects=96, seed=0, name="annotate")
