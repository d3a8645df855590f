"""The schedule of the Point-BERT family, against numbers of the published trainers (dossier ACT, 3.3)."""

import pytest

from anaglyph.engine.optimiser import learning_rate
from anaglyph.engine.recipe import OptimiserSpec, resolve
from anaglyph.errors import ConfigError
from anaglyph.methods.catalog import PRESET_FAMILIES

STEPS = 307


def rate(preset, epoch, step=0):
    recipe = resolve({"title": "x", "method": "finetune", "preset": preset, "data": {"name": "digits3d"}})
    stage = recipe.stages["finetune"]
    return learning_rate(
        stage.optimiser, step=epoch * STEPS + step, steps=stage.epochs * STEPS, steps_per_epoch=STEPS
    )


@pytest.mark.parametrize(
    ("epoch", "expected"),
    [
        (0, 1e-6), (1, 1e-6), (2, 5.09e-5), (10, 4.501e-4), (11, 4.986e-4), (151, 2.5005e-4), (300, 1.14e-7),
    ],
)  # fmt: skip
def test_released_trains_301_epochs_each_at_the_rate_of_the_one_before(epoch, expected):
    assert rate("released", epoch) == pytest.approx(expected, rel=4e-3)


@pytest.mark.parametrize(
    ("epoch", "expected"), [(0, 1e-6), (1, 5.09e-5), (9, 4.501e-4), (10, 4.986e-4), (150, 2.5005e-4)]
)
def test_paper_has_every_epoch_at_its_own_rate(epoch, expected):
    assert rate("paper", epoch) == pytest.approx(expected, rel=1e-3)


def test_the_rate_is_held_within_an_epoch():
    assert len({rate("paper", 7, step) for step in (0, 1, STEPS - 1)}) == 1


def test_a_warm_up_from_above_the_peak_is_refused():
    with pytest.raises(ConfigError, match="warmup_from must be in"):
        OptimiserSpec(lr=1e-4, warmup_from=1e-3)


def test_the_family_has_the_three_presets():
    assert PRESET_FAMILIES["finetune"] == ("paper", "released", "best")
