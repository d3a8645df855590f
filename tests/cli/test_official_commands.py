"""Official point encoders, imported, through the same commands as mini: index, search, zero-shot accuracy."""

import importlib.util
import json

import numpy as np
import pytest

from anaglyph.cli.main import main
from clip_files import save_clip
from clouds_on_disk import points
from indexed_models import brick
from model_files import write_model
from official_files import NAMES, WIDE, import_official, write_words

TOWERS = {
    "openshape": ("clip:clip", "clip:clip"),
    "mixcon3d": ("clip:clip", "clip:clip"),
    "ulip": ("", "stored_text:words512.npz"),
    "ulip2": ("", f"stored_text:words{WIDE}.npz"),
    "uni3d": ("", "stored_text:words1024.npz"),
}
MODELS = {"high.ply": (1.0, 4.0, 1.0), "low.off": (2.0, 0.5, 2.0)}
FAMILIES = [
    pytest.param(
        name,
        marks=pytest.mark.skipif(
            image == "clip:clip" and importlib.util.find_spec("transformers") is None,
            reason="transformers is not installed (extra towers)",
        ),
    )
    for name, (image, _) in TOWERS.items()
]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Where towers and weights lie, and a folder of models."""
    folder = write_words(tmp_path_factory.mktemp("official"))
    (folder / "clip").mkdir()
    if importlib.util.find_spec("transformers") is not None:
        save_clip(folder / "clip", width=WIDE)
    for name, size in MODELS.items():
        write_model(folder / "models" / name, brick(size))
    return folder


@pytest.fixture(scope="module")
def files(root):
    return import_official(root, TOWERS)


def towers(name):
    image, text = TOWERS[name]
    return [*(["--image-tower", image] if image else []), "--text-tower", text]


@pytest.mark.parametrize("name", FAMILIES)
def test_an_official_encoder_indexes_a_folder_and_finds_by_word_and_by_model(
    name, root, files, tmp_path, capsys
):
    place = ["--index", str(tmp_path / "index"), "--data-root", str(root), "--json"]
    with_weights = ["--model", str(files[name]), *towers(name), "--processes", "1"]
    assert main(["index", str(root / "models"), *with_weights, *place]) == 0
    (report,) = json.loads(capsys.readouterr().out)["folders"]
    assert report["new"] - report["unusable"] == len(MODELS)
    assert main(["search", "chair", *place]) in (0, 1)  # random weights: found, and perhaps not close
    assert len(json.loads(capsys.readouterr().out)["hits"]) == len(MODELS)
    main(["search", str(root / "models" / "high.ply"), *place])
    scores = {hit["path"]: hit["score"] for hit in json.loads(capsys.readouterr().out)["hits"]}
    assert scores["high.ply"] >= max(scores.values()) - 1e-5  # random weights hardly tell shapes apart


@pytest.mark.parametrize("name", FAMILIES)
def test_an_official_encoder_names_clouds_without_examples(name, root, files, anaglyph):
    for each in NAMES:
        for split in ("train", "test"):
            (root / "clouds" / each / split).mkdir(parents=True, exist_ok=True)
            np.save(root / "clouds" / each / split / f"{each}_1.npy", points(600))
    found = anaglyph(
        "evaluate", files[name], "--zero-shot", "--data", "modelnet40_clouds", *towers(name),
        "--data-root", root, "--device", "cpu", "--json", "--templates", "plain",
        "--set", "folder=clouds", "stored_points=512",
    )  # fmt: skip
    assert found.code == 0, found.err
    assert found.data["objects"] == 2
    assert found.data["metrics"]["points_top_1"] in (0.0, 0.5)  # two equal clouds of two classes
