"""What is measured of a method that chooses among named classes."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from anaglyph.data.weak_strong import WeakStrong, WeakStrongSpec
from anaglyph.engine.class_names import ClassNames
from anaglyph.engine.events import ignore
from anaglyph.engine.recipe import resolve
from anaglyph.engine.study import measure_weights, run_study
from anaglyph.engine.tasks.base import Asked
from anaglyph.engine.tasks.choice import task_of
from anaglyph.engine.tasks.naming import label_quality, own_labels
from anaglyph.engine.tower_specs import ClassNamesSpec, TowerSpec
from anaglyph.errors import ConfigError
from anaglyph.losses.pseudo_labels import Chosen
from anaglyph.methods.base import Method
from anaglyph.methods.crossmost.teaching import Lesson
from methods.synthetic import objects
from tiny_runs import tiny_plain, tiny_recipe, train

CPU = torch.device("cpu")


class Guesser(Method):
    """Says class 1 of a picture, and of a cloud its number of points modulo C, as sure as asked."""

    class_names = ("kind 0", "kind_1", "Kind-2")

    def __init__(self, image, shape):
        super().__init__()
        self.answers = {"image": image, "shape": shape}

    def class_logits(self, modality, batch, *, teacher=True):
        rows = self.answers[modality][batch.indices]
        return rows if teacher else -rows

    def label(self, image, shape):
        return {
            name: Lesson(
                each.argmax(1),
                each.amax(1) > 4,
                Chosen(each.argmax(1), each.amax(1), torch.ones(len(each), dtype=torch.bool)),
            )
            for name, each in (("image", image), ("shape", shape))
        }


def split(labels):
    drawn = replace(objects(len(labels)), labels=np.array(labels), class_names=("kind 0", "kind 1", "kind-2"))
    return WeakStrong(objects=drawn, spec=WeakStrongSpec())


def measured(image, shape, labels):
    dataset = split(labels)
    return task_of(dataset).measure(Guesser(image, shape), dataset, Asked(device=CPU))


def test_modalities_are_measured_by_themselves_and_together():
    eye = torch.eye(3)
    image, shape = 5 * eye[[0, 1, 1, 0]], 3 * eye[[0, 1, 2, 2]]
    found = measured(image, shape, [0, 1, 2, 2]).metrics
    assert (found["image_top_1"], found["shape_top_1"]) == (0.5, 1.0)
    assert (found["surer_top_1"], found["joint_top_1"]) == (0.5, 0.5)
    assert found["student_image_top_1"] == 0.0
    assert found["image_label_coverage"] == 1.0
    assert found["image_label_precision"] == 0.5
    assert found["shape_label_coverage"] == 0.0


def test_the_sum_of_probabilities_may_say_what_neither_modality_says_first():
    image = torch.tensor([[0.45, 0.15, 0.4]]).log()
    shape = torch.tensor([[0.15, 0.45, 0.4]]).log()
    found = measured(image, shape, [2]).metrics
    assert (found["image_top_1"], found["shape_top_1"], found["joint_top_1"]) == (0.0, 0.0, 1.0)


def test_every_class_stands_by_itself_and_the_hardest_first():
    eye = torch.eye(3)
    found = measured(eye[[0, 1, 1]], eye[[0, 1, 1]], [0, 1, 2])
    assert found.groups["Kind-2"]["joint_top_1"] == 0.0
    assert found.groups["kind 0"]["objects"] == 1.0
    assert found.further[0].rows[0][0] == "Kind-2"


def test_names_are_compared_as_a_person_reads_them():
    assert own_labels(split([2, 0, 1]), Guesser.class_names).tolist() == [2, 0, 1]
    assert own_labels(split([2, 0]), ("Kind-2", "KIND 0")).tolist() == [0, 1]


def test_a_class_that_is_none_of_the_choice_is_refused_by_name():
    with pytest.raises(ConfigError, match=r"no class of the method 'kind 1'.*add it to `classes`"):
        own_labels(split([0, 1]), ("kind 0", "kind-2"))


def test_quality_of_no_kept_labels_is_zero_and_of_even_ones_one():
    labels = torch.tensor([0, 1, 2])
    chosen = Chosen(labels, torch.ones(3), torch.ones(3, dtype=torch.bool))
    nothing = label_quality(
        "image", Lesson(labels, torch.zeros(3, dtype=torch.bool), chosen), labels, classes=3
    )
    assert set(nothing.values()) == {0.0}
    everything = label_quality(
        "image", Lesson(labels, torch.ones(3, dtype=torch.bool), chosen), labels, classes=3
    )
    assert list(everything.values()) == pytest.approx([1.0] * 3)


def test_class_vectors_are_the_mean_of_their_sentences_whatever_the_names():
    vectors = ClassNames(ClassNamesSpec(text=TowerSpec(name="dual", options={"source": "mini"})), root=None)
    names = ("chair", "night_stand", "стул", "椅子")
    found = vectors(names)
    assert found.shape == (4, 256)
    torch.testing.assert_close(found.norm(dim=1), torch.ones(4))
    torch.testing.assert_close(vectors(["night stand"])[0], found[1])
    assert len(vectors([f"thing {n}" for n in range(40)])) == 40


@pytest.fixture(scope="module")
def study(tmp_path_factory, tiny_cache):
    """A tiny run, measured and reported."""
    from anaglyph.engine.run import RunOptions

    folder = tmp_path_factory.mktemp("study")
    options = RunOptions(
        output=folder, data_root=folder, cache=tiny_cache, device="cpu", validate_every=1, clock=None
    )
    return run_study(
        {"crossmost": tiny_recipe("crossmost", "stages.adapt.epochs=2")},
        seeds=[0],
        options=options,
        listen=ignore,
    )


def test_a_run_is_measured_by_modality_teacher_and_student_and_its_labels_are_drawn(study):
    metrics = study.results[0].metrics
    for name in ("joint_top_1", "image_top_1", "shape_top_5", "student_shape_top_1", "image_label_precision"):
        assert 0.0 <= metrics[name] <= 1.0
    page = (study.folder / "report.html").read_text(encoding="utf-8")
    for words in ("Every class by itself", "pseudo labels of clouds", "coverage", "What is taken for what"):
        assert words in page


def test_a_saved_run_is_measured_again_to_the_same_numbers(study, tmp_path, tiny_cache):
    from pathlib import Path

    again = measure_weights(
        Path(study.results[0].folder),
        split="test",
        views=None,
        device="cpu",
        data_root=tmp_path,
        cache=tiny_cache,
    )
    assert again["task"] == "naming"
    assert again["metrics"] == pytest.approx(study.results[0].metrics)


def test_without_an_epoch_the_start_itself_is_measured(tmp_path, tiny_cache):
    plain = tiny_plain("crossmost")
    plain["stages"]["adapt"]["epochs"] = 0
    artefact = train(resolve(plain), tmp_path / "run", cache=tiny_cache)
    from anaglyph.engine.models import load_method

    method = load_method(artefact).method
    names = ClassNames(resolve(plain).class_names, root=tmp_path)(tuple("0123456789"))
    torch.testing.assert_close(method.student.classifier.data, names)
    assert torch.equal(method.teacher.module.classifier, method.student.classifier)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"class_names": None}, "no class_names"),
        ({"weak_strong": None}, "no weak_strong"),
        ({"towers": {"text": {"name": "dual"}}}, "set towers to null"),
    ],
)
def test_a_recipe_without_what_the_method_starts_from_is_refused(change, said):
    with pytest.raises(ConfigError, match=said):
        resolve({**tiny_plain("crossmost"), **change})


def test_data_of_other_kinds_is_refused(tmp_path, tiny_cache):
    plain = {**tiny_plain("crossmost"), "data": tiny_plain("cmic")["data"]}
    with pytest.raises(ConfigError, match="procedural has no pictures with clouds that it could change"):
        train(resolve(plain), tmp_path / "run", cache=tiny_cache)
