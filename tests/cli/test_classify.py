"""`anaglyph classify` and the adaptation to a folder of one's own, with the model of the package."""

import csv
import os

import numpy as np
import pytest
from PIL import Image

from anaglyph.cli.train import own_folder
from model_files import write_broken, write_model
from scenes import box

NAMES = "table,tower,plate,box"
HOSTILE = "=1+<script>alert(1)<script>.ply"


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """21 bricks of other proportions, one of them with a hostile name, and a broken file."""
    folder = tmp_path_factory.mktemp("own") / "my models"
    for place in range(20):
        sides = (1.0, 0.1 + 0.1 * place, 0.4)
        write_model(folder / f"part {place % 3}" / f"brick {place}.ply", box(tuple(-s for s in sides), sides))
    write_model(folder / HOSTILE)
    write_broken(folder / "broken.obj")
    return folder


def test_a_folder_is_named_by_pictures_and_points(anaglyph, models, tmp_path):
    table, page = tmp_path / "named.csv", tmp_path / "named.html"
    made = anaglyph("classify", models, "--classes", NAMES, "--csv", table, "--html", page, "--json")
    assert made.code == 0
    objects = made.data["objects"]
    assert len(objects) == 21
    assert all(each["picture"] is not None and each["points"] is not None for each in objects)
    assert list(made.data["left_out"]) == [str(models / "broken.obj")]
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert [row["class"] for row in rows] == [each["class"] for each in objects]
    assert sum(float(rows[0][f"score of {name}"]) for name in NAMES.split(",")) == pytest.approx(1, abs=1e-3)
    text = page.read_text()
    assert text.count("<li class=") == 21 + 1  # and the file that was left out
    assert "<script" not in text
    assert "default-src 'none'" in text


def test_scores_of_many_objects_are_on_average_how_often_picture_and_points_agree(anaglyph, models):
    made = anaglyph("classify", models, "--classes", NAMES, "--json").data
    assert made["calibrated"]
    mean = np.mean([each["score"] for each in made["objects"]])
    assert mean == pytest.approx(min(max(made["agreement"], 1 / 4), 22 / 23), abs=2e-3)


def test_a_few_objects_are_named_and_not_calibrated(anaglyph, models):
    made = anaglyph("classify", models / "part 0" / "brick 0.ply", "--classes", NAMES)
    assert made.code == 0
    assert "NOT calibrated" in made.out


def test_a_picture_alone_and_a_cloud_alone_are_named_by_what_they_have(anaglyph, tmp_path):
    Image.new("RGB", (64, 48), (200, 30, 30)).save(tmp_path / "photo.png")
    np.save(tmp_path / "scan.npy", np.random.default_rng(0).normal(size=(2000, 3)).astype(np.float32))
    made = anaglyph("classify", tmp_path, "--classes", NAMES, "--json").data
    photo, scan = made["objects"]
    assert photo["points"] is None
    assert photo["picture"] == photo["score"]
    assert scan["picture"] is None
    assert scan["points"] == scan["score"]


def test_a_model_file_without_faces_is_named_by_its_points(anaglyph, tmp_path):
    header = "ply\nformat ascii 1.0\nelement vertex 300\n" + "".join(f"property float {a}\n" for a in "xyz")
    points = np.random.default_rng(0).normal(size=(300, 3))
    rows = "\n".join(" ".join(f"{value:.5f}" for value in row) for row in points)
    (tmp_path / "scan.ply").write_text(f"{header}end_header\n{rows}\n")
    made = anaglyph("classify", tmp_path, "--classes", NAMES, "--json").data
    assert made["left_out"] == {}
    assert made["objects"][0]["picture"] is None
    assert made["objects"][0]["points"] == made["objects"][0]["score"]


def test_the_reason_why_a_model_is_left_out_is_told_every_time(anaglyph, tmp_path):
    write_model(tmp_path / "brick.ply")
    write_broken(tmp_path / "broken.obj")
    told = [
        anaglyph("classify", tmp_path, "--classes", NAMES, "--json").data["left_out"]
        for _ in range(2)  # the second reads pictures and points back from the cache
    ]
    assert told[0] == told[1]
    assert "cannot use the 3D model" in told[0][str(tmp_path / "broken.obj")]


def test_names_of_files_that_are_no_text_or_move_the_terminal_are_shown_harmlessly(anaglyph, tmp_path):
    folder = tmp_path / "models"
    odd = folder / os.fsdecode(b"bad\xff\x1b[31m.ply")
    write_model(odd)
    write_broken(folder / "\x1b[31mbroken.obj")
    table, page = tmp_path / "named.csv", tmp_path / "named.html"
    made = anaglyph("classify", folder, "--classes", NAMES, "--csv", table, "--html", page)
    assert made.code == 0, made.err
    assert "\x1b" not in made.out
    assert "left out" in made.err
    assert not any("\x1b" in line for line in made.err.splitlines() if line.startswith("left out: "))
    assert len(table.read_text().splitlines()) == 2
    assert "bad?" in page.read_text()


@pytest.mark.parametrize("option", ["--csv", "--html"])
def test_a_file_that_cannot_be_written_is_refused_before_anything_is_read(anaglyph, models, tmp_path, option):
    made = anaglyph("classify", models, "--classes", NAMES, option, tmp_path / "none" / "named")
    assert made.code == 2
    assert "there is no folder" in made.err
    assert "left out" not in made.err


def test_what_begins_like_a_formula_is_text_in_the_table(anaglyph, models, tmp_path, monkeypatch):
    monkeypatch.chdir(models)
    table = tmp_path / "named.csv"
    assert anaglyph("classify", HOSTILE, "--classes", NAMES, "--csv", table).code == 0
    assert next(csv.DictReader(table.read_text().splitlines()))["file"] == f"'{HOSTILE}"


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ("chair", "fewer than 2"),
        ("chair,Chair", "given twice"),
        ("chair,,table", "is empty"),
        ("", "say which"),
    ],
)
def test_a_list_of_classes_that_tells_nothing_apart_is_refused(anaglyph, models, names, said):
    made = anaglyph("classify", models, "--classes", names)
    assert made.code == 2
    assert said in made.err


def test_names_that_are_not_latin_are_taken_with_a_warning(anaglyph, models):
    made = anaglyph("classify", models / "part 0" / "brick 0.ply", "--classes", "chair,table,椅子")
    assert "Write them in English" in made.err


def test_nothing_that_can_be_named_is_an_error_that_says_what_can(anaglyph, tmp_path):
    write_broken(tmp_path / "broken.obj")
    made = anaglyph("classify", tmp_path, "--classes", NAMES)
    assert made.code == 2
    assert "could not be used" in made.err


def test_a_method_learns_a_folder_without_labels_and_names_it(anaglyph, tmp_path):
    models = tmp_path / "models"
    for place in range(4):
        write_model(
            models / f"brick {place}.ply", box((-1, -0.3 * place - 0.1, -1), (1, 0.3 * place + 0.1, 1))
        )
    few = ["--set", "stages.adapt.epochs=1", "data.options.size=32", "data.options.views=ring8"]
    command = ["train", "crossmost", "--data", "folder", models, "--classes", NAMES, *few]
    made = anaglyph(*command, "--output", tmp_path / "runs", "--json")
    assert made.code == 0, made.err
    metrics = made.data["results"][0]["metrics"]
    assert 0 <= metrics["agreement"] <= 1
    assert metrics["objects"] == 4
    assert "joint_top_1" not in metrics  # nobody knows
    run = tmp_path / "runs/folder_crossmost_best/seed-0"
    named = anaglyph("classify", models, "--model", run, "--json").data
    assert named["classes"] == NAMES.split(",")
    assert len(named["objects"]) == 4
    refused = anaglyph("classify", models, "--model", run, "--classes", "a,b")
    assert "learned its own classes" in refused.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--data", "folder"], "takes the folder"),
        (["--data", "folder", "."], "--classes is missing"),
        (["--data", "folder", "none", "--classes", "a,b"], "no folder"),
        (["--data", "folder", ".", "--classes", "a,b"], "holds no 3D model. It holds 1 pictures"),
        (["--data", "procedural_models", "--classes", "a,b"], "belongs to --data folder"),
        (["--data", "procedural_models", "more"], "takes one name"),
    ],
)
def test_a_folder_is_asked_for_completely(anaglyph, tmp_path, monkeypatch, arguments, said):
    Image.new("RGB", (8, 8)).save(tmp_path / "photo.png")
    monkeypatch.chdir(tmp_path)
    made = anaglyph("train", "crossmost", *arguments)
    assert made.code == 2
    assert said in made.err


def test_thousands_of_names_are_learned_from_one_sentence_each(tmp_path):
    write_model(tmp_path / "models" / "brick.ply")
    (tmp_path / "few.txt").write_text("\n".join(f"thing {place}" for place in range(500)))
    (tmp_path / "many.txt").write_text("\n".join(f"thing {place}" for place in range(501)))
    said = "class_names.templates=article"
    assert said in own_folder(("folder", str(tmp_path / "models")), str(tmp_path / "many.txt"))
    assert said not in own_folder(("folder", str(tmp_path / "models")), str(tmp_path / "few.txt"))


def test_folders_can_be_the_truth_of_an_evaluation(anaglyph, tmp_path):
    for name in ("tower", "plate"):
        for place in range(2):
            write_model(tmp_path / "models" / name / f"{place}.ply")
    few = ["--set", "stages.adapt.epochs=0", "data.options.labels=folders", "data.options.size=32"]
    command = [
        "train",
        "crossmost",
        "--data",
        "folder",
        tmp_path / "models",
        "--classes",
        "tower,plate",
        *few,
    ]
    made = anaglyph(*command, "--output", tmp_path / "runs", "--json")
    assert made.data["results"][0]["metrics"]["joint_top_1"] == 0.5  # four equal bricks, two of each
