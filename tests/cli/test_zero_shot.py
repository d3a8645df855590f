"""`anaglyph evaluate --zero-shot`: modes, other data, classes, the page, and what is refused."""

import json

import numpy as np
import pytest

from anaglyph.data.described import DescribedObjects
from anaglyph.engine import zero_shot
from anaglyph.engine.tower_specs import TowerSpec, TowersSpec
from embedded_toys import NAMES, Reader, saved, toy_objects


@pytest.fixture
def run(anaglyph, monkeypatch):
    """The command on a method that reads colours; data sets by name, weights from nowhere."""
    asked = []
    splits = {
        "toys": toy_objects(said=(1, 1, 2, 0, 1, 2)),
        "others": toy_objects((0, 0, 2)),
        "nameless": toy_objects(class_features=None),
    }

    def create(config, split, **places):
        asked.append((config, split))
        return splits[config.name]

    monkeypatch.setattr(zero_shot, "load_method", lambda path: saved(Reader(), evaluation_points=9))
    monkeypatch.setattr(zero_shot, "create_dataset", create)

    def call(*arguments):
        return anaglyph("evaluate", "somewhere", "--zero-shot", "--device", "cpu", *arguments)

    call.asked = asked
    call.splits = splits
    return call


def test_json_holds_every_mode_by_name_with_chance_and_classes(run):
    found = run("--json")
    assert found.code == 0, found.err
    assert found.data["metrics"]["points_top_1"] == pytest.approx(5 / 6)
    assert found.data["metrics"]["images_top_1"] == 1
    assert found.data["chance"]["points_top_1"] == pytest.approx(1 / 3)
    assert found.data["groups"]["bowl"]["points_top_1"] == 0.5
    assert (found.data["data"], found.data["trained_on"], found.data["objects"]) == ("toys", "toys", 6)
    assert "points: 12 coloured points" in found.data["inputs"]
    assert found.data["report"] is None


def test_the_printed_tables_say_which_inputs(run):
    said = run().out
    titles = {"Zero-shot accuracy by inputs", "What looks for what", "Taken for one another most often"}
    words = {"points", "fused", "sum", "chance", "text → points", "3 class names to choose from"}
    assert [each for each in titles | words if each not in said] == []


def test_another_data_set_is_measured_with_its_own_options(run):
    found = run("--data", "others", "--set", "evaluation_points=3", "--json")
    assert found.data["objects"] == 3
    assert found.data["trained_on"] == "toys"
    (config, split), = run.asked  # fmt: skip
    assert (config.name, config.options, split) == ("others", {"evaluation_points": 3}, "test")
    run("--set", "views=1", "--json")
    assert run.asked[1][0].options == {"evaluation_points": 9, "views": 1}, "its own set keeps its options"


def test_only_the_inputs_asked_for_are_measured(run):
    found = run("--inputs", "images", "--inputs", "points", "--json")
    assert {"images_top_1", "points_top_1"} <= set(found.data["metrics"])
    assert "fused_top_1" not in found.data["metrics"]
    refused = run("--inputs", "sound")
    assert refused.code == 2


def test_classes_restrict_the_objects_and_the_names_to_choose_from(run):
    found = run("--classes", "lamp", "bowl", "--json")
    assert found.data["objects"] == 4
    assert set(found.data["groups"]) == {"lamp", "bowl"}
    assert found.data["chance"]["points_top_1"] == 0.5
    assert found.data["metrics"]["images_top_1"] == 1
    for classes, words in (
        (("lamp", "bowll"), "no class 'bowll'; did you mean 'bowl'?"),
        (("lamp",), "at least two different names"),
        (("lamp", "lamp"), "at least two different names"),
    ):
        refused = run("--classes", *classes)
        assert refused.code == 2
        assert words in refused.err
    nothing = run("--data", "others", "--classes", "chair", "bowl", "--json")
    assert nothing.data["objects"] == 2


def test_classes_without_any_object_are_refused(run):
    run.splits["toys"] = toy_objects((0, 0, 0))
    refused = run("--classes", "chair", "lamp")
    assert refused.code == 2
    assert "no object of this split is of the classes chair, lamp" in refused.err


def test_the_page_shows_confusions_and_holds_the_same_numbers(run, tmp_path):
    found = run("--report", tmp_path / "page", "--json")
    assert found.data["report"] == str(tmp_path / "page" / "report.html")
    page = (tmp_path / "page" / "report.html").read_text(encoding="utf-8")
    for words in ("What is taken for what, by points", "1 of 2 bowl: taken for chair", "trained on"):
        assert words in page
    data = json.loads((tmp_path / "page" / "report.json").read_text(encoding="utf-8"))
    assert data["headlines"]["points top-1"] == pytest.approx(5 / 6)
    assert data["heat_maps"][0]["counts"] == [[1, 1, 0], [0, 2, 0], [0, 0, 2]]


def test_data_without_vectors_of_class_names_is_told_how_to_get_them(run):
    refused = run("--data", "nameless")
    assert refused.code == 2
    assert "nameless has 3 classes and no vectors of their names" in refused.err
    assert "anaglyph features compute" in refused.err


def test_templates_cannot_change_vectors_that_are_already_there(run):
    refused = run("--templates", "plain")
    assert refused.code == 2
    assert "toys brings vectors of its class names, whose templates are fixed" in refused.err


def test_pairs_of_pictures_and_clouds_have_no_class_vectors(anaglyph, finished):
    refused = anaglyph("evaluate", finished.run, "--zero-shot")
    assert refused.code == 2
    assert "digits3d holds no vectors of class names" in refused.err


@pytest.mark.parametrize("option", [("--data", "x"), ("--inputs", "points"), ("--templates", "plain")])
def test_options_of_zero_shot_alone_are_refused_without_it(anaglyph, finished, option):
    refused = anaglyph("evaluate", finished.run, *option)
    assert refused.code == 2
    assert f"{option[0]} belongs to --zero-shot" in refused.err


def test_many_classes_are_cut_short_on_the_terminal(capsys):
    from anaglyph.cli.zero_shot import show_zero_shot

    rows = [{"class": f"c{row}", "share": 0.5, "none": None} for row in range(40)]
    measured = dict.fromkeys(("method", "data", "inputs"), "x") | {"objects": 1, "leaks": ["stage"]}
    measured |= {"report": "r.html", "tables": {"Every class": rows}}
    assert show_zero_shot(measured, json=False) == 0
    said = capsys.readouterr().out
    assert "... and 15 more; --report FOLDER" in said
    assert "GROUND-TRUTH LEAK in training: stage" in said
    assert "Confusions and all classes: r.html" in said


def described():
    """Clouds of three classes, without pictures and texts; the colour of a cloud says its class."""
    labels = np.array([0, 1, 2, 1], np.int64)
    clouds = np.zeros((4, 16, 6), np.float32)
    clouds[..., 3:] = np.eye(3)[labels][:, None]
    clouds[..., :3] = np.random.default_rng(0).uniform(-0.5, 0.5, (4, 16, 3))
    return DescribedObjects(
        keys=("a", "b", "c", "d"), class_names=NAMES, labels=labels, points=clouds, pictures=None,
        thumbnails=(None,) * 4, texts=((),) * 4,
    )  # fmt: skip


@pytest.fixture
def by_words(monkeypatch, tmp_path, anaglyph):
    """The command on described clouds with a table of words as the tower of training."""
    np.savez(tmp_path / "words.npz", names=np.array(NAMES), vectors=np.eye(3, dtype=np.float32))
    words = TowerSpec(name="stored_text", options={"source": "words.npz"})
    towers = TowersSpec(text=words, templates="article")

    def call(*arguments, towers=towers):
        monkeypatch.setattr(zero_shot, "load_method", lambda path: saved(Reader(), towers=towers))
        monkeypatch.setattr(zero_shot, "create_dataset", lambda *_, **__: described())
        places = ("--device", "cpu", "--data-root", tmp_path)
        return anaglyph("evaluate", "somewhere", "--zero-shot", *places, *arguments)

    return call


def test_class_names_in_words_go_through_the_text_tower_of_the_training(by_words):
    found = by_words("--json")
    assert found.code == 0, found.err
    assert found.data["metrics"]["points_top_1"] == 1
    assert "images_top_1" not in found.data["metrics"], "there are no pictures"
    plain = by_words("--templates", "plain", "--json")
    assert plain.data["metrics"]["points_top_1"] == 1


def test_templates_reach_the_tower(by_words):
    refused = by_words("--templates", "photo")
    assert refused.code == 2
    assert "a photo of a bowl." in refused.err


def test_weights_without_a_text_tower_cannot_name_classes_in_words(by_words):
    refused = by_words(towers=None)
    assert refused.code == 2
    assert "these weights name no text tower" in refused.err


def test_among_all_objects_only_those_of_the_split_ask(run, monkeypatch):
    monkeypatch.setattr(zero_shot, "dataset_source", lambda config: None)  # which has all three splits
    here = run("--json").data["metrics"]
    everywhere = run("--gallery", "all", "--json").data["metrics"]
    assert everywhere["points_top_1"] == here["points_top_1"]
    assert everywhere["text_to_points_queries"] == here["text_to_points_queries"]
    assert everywhere["text_to_points_items"] == 3 * here["text_to_points_items"]
    assert everywhere["text_to_points_mean_rank"] > here["text_to_points_mean_rank"]
