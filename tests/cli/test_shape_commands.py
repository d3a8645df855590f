"""Training, measuring and comparing methods that look for the shape a picture shows."""

import json

import pytest

from anaglyph.data.procedural.objects import make_object
from tiny_runs import tiny_file


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A study of CMIC and its baseline on a dozen generated objects; (output folder, printed JSON)."""
    import contextlib
    import io

    from anaglyph.cli.main import main

    folder = tmp_path_factory.mktemp("shapes")
    recipes = [str(tiny_file(kind, folder)) for kind in ("cmic", "multi_view_zero")]
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        assert main(["train", *recipes, "--output", str(folder / "runs"), "--device", "cpu", "--json"]) == 0
    return folder / "runs", json.loads(said.getvalue())


def write_obj(path, mesh):
    """Vertices and faces of a mesh as Wavefront OBJ."""
    path.parent.mkdir(parents=True)
    lines = [f"v {x} {y} {z}" for x, y, z in mesh.vertices.tolist()]
    lines += [f"f {a + 1} {b + 1} {c + 1}" for a, b, c in mesh.faces.tolist()]
    path.write_text("\n".join(lines) + "\n")


def test_a_study_of_shape_retrieval_has_its_own_columns_and_exact_chance(trained):
    _, study = trained
    chance = study["chance"]["procedural"]
    assert chance["top_1"] == pytest.approx(1 / 12)
    assert chance["top_10"] == pytest.approx(10 / 12)
    rows = {row["method"]: row for row in study["summary"]}
    assert {"top-1", "top-10", "top-1 category", "weight of the true view"} <= set(rows["cmic"])
    assert rows["chance"]["top-1"] == "0.083"
    assert rows["multi_view_zero"]["weight of the true view"], "its best view has a share too"


def test_the_report_draws_queries_with_the_view_that_counted(trained):
    output, _ = trained
    page = (output / "report.html").read_text(encoding="utf-8")
    assert "its true shape, rank" in page
    assert "A picture looks for the very shape it shows" in page
    assert "By category" in page


def test_evaluate_tells_accuracies_by_category_and_in_full_mode_distance_and_overlap(trained, anaglyph):
    output, study = trained
    run = output / "cmic/seed-0"
    simple = anaglyph("evaluate", run, "--json")
    assert simple.code == 0
    assert set(simple.data["groups"]) == {"bowl", "plate", "stool"}
    assert simple.data["metrics"]["top_1"] == study["results"][0]["metrics"]["top_1"]
    assert "hau" not in simple.data["metrics"]
    full = anaglyph("evaluate", run, "--mode", "full", "--json")
    assert full.data["metrics"]["top_1"] == simple.data["metrics"]["top_1"]
    assert 0 <= full.data["metrics"]["hau"] < 0.5
    assert 0 < full.data["metrics"]["iou"] <= 1
    shown = anaglyph("evaluate", run).out
    assert "By category" in shown
    assert "stool" in shown


def test_shapenet_mode_searches_other_shapes_of_the_querys_category(trained, anaglyph, tmp_path):
    output, _ = trained
    for category in ("bowl", "plate", "stool"):
        for number in range(2):
            mesh = make_object(category, key=f"elsewhere/{number}").mesh
            write_obj(
                tmp_path / "others" / category / f"id{number}" / "models" / "model_normalized.obj", mesh
            )
    call = ["evaluate", output / "cmic/seed-0", "--mode", "shapenet", "--data-root", tmp_path]
    found = anaglyph(
        *call, "--shapes", "others", "--shapes-version", "v2",
        "--shapes-categories", "bowl", "plate", "stool", "--json",
    )  # fmt: skip
    assert found.code == 0, found.err
    assert {"hau", "iou"} <= set(found.data["metrics"])
    assert "top_1" not in found.data["metrics"]
    refused = anaglyph(*call)
    assert refused.code == 2
    assert "--shapes FOLDER" in refused.err


def test_a_study_compares_only_what_is_measured_alike(anaglyph, tmp_path):
    recipes = [tiny_file(kind, tmp_path) for kind in ("cmic", "pair_contrast")]
    refused = anaglyph("train", *recipes, "--output", tmp_path / "runs", "--device", "cpu")
    assert refused.code == 2
    assert "measured in different ways (cmic: shape_retrieval, pair_contrast: cross_modal)" in refused.err
    assert not (tmp_path / "runs").exists()


def test_a_method_on_data_that_lacks_what_it_reads_is_refused_before_training(anaglyph, tmp_path):
    recipe = tiny_file("cmic", tmp_path)
    wrong = recipe.read_text().replace("name: procedural", "name: digits3d")
    start, rest = wrong.split("data:\n", 1)
    options = rest[rest.index("encoders:") :]
    (tmp_path / "wrong.yaml").write_text(f"{start}data:\n  name: digits3d\n{options}")
    refused = anaglyph("train", tmp_path / "wrong.yaml", "--output", tmp_path / "runs", "--device", "cpu")
    assert refused.code == 2
    assert "digits3d has no masks, views" in refused.err


def test_modes_for_shapes_are_refused_for_pairs(anaglyph, finished):
    refused = anaglyph("evaluate", finished.run, "--mode", "full")
    assert refused.code == 2
    assert "--mode full is for pictures that look for shapes" in refused.err


def test_views_to_average_are_refused_where_a_picture_has_only_one(trained, anaglyph):
    output, _ = trained
    refused = anaglyph("evaluate", output / "cmic/seed-0", "--views", "2")
    assert refused.code == 2
    assert "--views is 2" in refused.err
    assert "a query of procedural is a single picture" in refused.err
    assert refused.err.count("\n") == 1


def test_an_untrained_method_takes_no_epochs_and_a_trained_one_some(anaglyph, tmp_path):
    for kind, changed, words in (
        ("multi_view_zero", "stages.zero.epochs=2", "multi_view_zero is not trained, epochs is 0"),
        ("cmic", "stages.contrast.epochs=0", "epochs must be >= 1"),
    ):
        refused = anaglyph(
            "train", tiny_file(kind, tmp_path), "--set", changed, "--output", tmp_path / "runs"
        )
        assert refused.code == 2
        assert words in refused.err


def test_weights_to_start_from_are_looked_for_below_the_data_root(anaglyph, tmp_path):
    recipe = tiny_file("cmic", tmp_path)
    change = "stages.contrast.encoders.image.weights=nowhere/resnet.safetensors"
    refused = anaglyph(
        "train",
        recipe,
        "--set",
        change,
        "--output",
        tmp_path / "runs",
        "--data-root",
        tmp_path,
        "--device",
        "cpu",
    )
    assert refused.code == 2
    assert f"there is no file '{tmp_path / 'nowhere/resnet.safetensors'}'" in refused.err
    assert not (tmp_path / "runs").exists()


def test_preparing_says_where_absent_data_is_had_and_what_needs_no_preparing(anaglyph, tmp_path):
    absent = anaglyph("data", "prepare", "pix3d", "--data-root", tmp_path)
    assert absent.code == 2
    assert "pix3d.zip" in absent.err
    needless = anaglyph("data", "prepare", "digits3d")
    assert needless.code == 2
    assert "needs no preparation" in needless.err
