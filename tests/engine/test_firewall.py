"""Label firewall: what a method learns does not depend on labels, unless a loud flag lets them in."""

from dataclasses import replace

import numpy as np
import pytest

from anaglyph.engine.events import Note
from anaglyph.engine.leaks import check_leaks
from anaglyph.engine.recipe import load_recipe
from anaglyph.engine.study import measure_weights
from anaglyph.errors import ConfigError
from anaglyph.methods.cmic.method import CMIC
from anaglyph.methods.crossmost.method import CrossMoST
from anaglyph.methods.multi_view_zero.method import MultiViewZero
from anaglyph.methods.pair_contrast.method import PairContrast
from anaglyph.methods.romo.annotate import Annotate
from anaglyph.methods.romo.discover import Discover
from anaglyph.methods.romo.learn import Learn
from tiny_runs import outcome, tiny_recipe, train


@pytest.fixture
def random_labels(monkeypatch):
    """Every split gets labels drawn at random."""
    import anaglyph.engine.splits as splits

    read = splits.create_dataset

    def relabelled(*arguments, **options):
        dataset = read(*arguments, **options)
        drawn = np.random.default_rng(7).integers(0, 10, len(dataset))
        assert (drawn != dataset.labels).mean() > 0.8
        return replace(dataset, labels=drawn)

    monkeypatch.setattr(splits, "create_dataset", relabelled)


@pytest.fixture
def seen(monkeypatch):
    """(class, whether the batch or one of its crops held labels) for every batch that reaches a method."""
    batches = []
    for method in (Annotate, CrossMoST, Discover, Learn, PairContrast):
        for name in ("training_step", "class_logits" if method is CrossMoST else "embed"):
            original = getattr(method, name)

            def watched(self, *arguments, original=original, **options):
                batch = arguments[-1]
                labelled = any(part.labels is not None for part in (batch, *batch.crops))
                batches.append((type(self).__name__, labelled))
                return original(self, *arguments, **options)

            monkeypatch.setattr(method, name, watched)
    return batches


@pytest.mark.parametrize("kind", ["paper", "best", "pair_contrast", "crossmost"])
def test_true_and_random_labels_give_byte_identical_weights_and_label_files(
    kind, random_labels, tmp_path, tiny_cache, undisturbed
):
    train(tiny_recipe(kind), tmp_path, cache=tiny_cache)
    assert outcome(tmp_path) == undisturbed(kind)


@pytest.mark.parametrize("kind", ["paper", "best", "pair_contrast", "crossmost"])
def test_no_batch_with_labels_ever_reaches_a_method_that_uses_none(kind, seen, tmp_path, tiny_cache):
    train(tiny_recipe(kind), tmp_path, cache=tiny_cache, validate_every=1)
    assert len(seen) > 10
    assert not any(labelled for _, labelled in seen)


@pytest.mark.parametrize("kind", ["cmic", "multi_view_zero"])
def test_measuring_shows_no_method_that_looks_for_shapes_a_label(kind, monkeypatch, tmp_path, tiny_cache):
    labelled = []
    for method in (CMIC, MultiViewZero):
        original = method.embed

        def watched(self, modality, batch, original=original):
            labelled.append(batch.labels is not None)
            return original(self, modality, batch)

        monkeypatch.setattr(method, "embed", watched)
    artefact = train(tiny_recipe(kind), tmp_path / "run", cache=tiny_cache, validate_every=1)
    measure_weights(artefact, split="test", views=None, device="cpu", data_root=tmp_path, cache=tiny_cache)
    assert len(labelled) >= 4
    assert not any(labelled)


def test_released_refuses_to_read_labels_without_its_flag_and_names_what_leaks(tmp_path, tiny_cache):
    with pytest.raises(ConfigError) as error:
        train(tiny_recipe("released"), tmp_path / "run", cache=tiny_cache)
    for part in ("stages.annotate.config", "training_pairs", "leak_ground_truth_labels=true", "paper"):
        assert part in str(error.value)
    assert not (tmp_path / "run").exists()


def test_a_single_leaking_option_is_refused_too(tmp_path, tiny_cache):
    for change in ("training_pairs=released_rows", "stages.annotate.config.select=oracle"):
        with pytest.raises(ConfigError, match="leak_ground_truth_labels"):
            train(tiny_recipe("paper", change), tmp_path, cache=tiny_cache)


def test_released_with_its_flag_says_so_and_its_labels_come_from_the_truth(
    random_labels, seen, tmp_path, tiny_cache
):
    recipe = tiny_recipe("released", "leak_ground_truth_labels=true")
    notes = []
    train(recipe, tmp_path / "random", cache=tiny_cache, listen=notes.append)
    assert any(isinstance(note, Note) and "GROUND-TRUTH LEAK" in note.text for note in notes)
    assert ("Annotate", True) in seen
    assert not any(labelled for name, labelled in seen if name == "Learn")


def test_other_labels_change_what_released_learns(request, tmp_path, tiny_cache):
    recipe = tiny_recipe("released", "leak_ground_truth_labels=true")
    train(recipe, tmp_path / "true", cache=tiny_cache)
    request.getfixturevalue("random_labels")
    train(recipe, tmp_path / "random", cache=tiny_cache)
    file = "stages/annotate/artefact/labels_image.txt"
    assert outcome(tmp_path / "true")[file] != outcome(tmp_path / "random")[file]


def test_the_flag_opens_the_released_preset_alone():
    recipe = load_recipe(
        "digits3d_romo_paper",
        assignments=["stages.annotate.config.select=oracle", "leak_ground_truth_labels=true"],
    )
    with pytest.raises(ConfigError, match=r"opens the preset released alone.*preset paper"):
        check_leaks(recipe)
    released = load_recipe("digits3d_romo_released", assignments=["leak_ground_truth_labels=true"])
    assert len(check_leaks(released)) == 2
