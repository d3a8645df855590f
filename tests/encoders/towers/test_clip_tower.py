"""CLIP and SigLIP from a folder, offline: tiny random ones, saved here as the hub's files are laid out."""

import importlib.util
import json

import pytest
import torch
import torch.nn.functional as F

from anaglyph.encoders.towers.catalog import open_image_tower, open_text_tower
from anaglyph.errors import MissingExtraError, WeightsError
from clip_files import PICTURES, save_clip, save_tokenizer, sizes

here = importlib.util.find_spec("transformers") is not None
needs_transformers = pytest.mark.skipif(not here, reason="transformers is not installed (extra towers)")
TEXTS = ["a chair", "the red table", "", "a " * 100]
SIGLIP_PICTURES = {
    "size": {"height": 16, "width": 16},
    "image_mean": [0.5] * 3,
    "image_std": [0.5] * 3,
    "resample": 3,
}


@pytest.fixture(scope="module")
def clip_folder(tmp_path_factory):
    return save_clip(tmp_path_factory.mktemp("clip"), width=6)


@pytest.fixture(scope="module")
def siglip_folder(tmp_path_factory):
    from transformers import SiglipConfig, SiglipModel

    folder = tmp_path_factory.mktemp("siglip")
    config = SiglipConfig(
        text_config=sizes(vocab_size=9, max_position_embeddings=12, projection_size=16, pad_token_id=2),
        vision_config=sizes(image_size=16, patch_size=8),
    )
    torch.manual_seed(0)
    SiglipModel(config).save_pretrained(folder)
    save_tokenizer(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(SIGLIP_PICTURES))
    return folder


@needs_transformers
@pytest.mark.parametrize(("kind", "width"), [("clip", 6), ("siglip", 16)])
def test_towers_from_a_folder_give_one_space_offline(kind, width, request, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    folder = request.getfixturevalue(f"{kind}_folder")
    image = open_image_tower("clip", {"source": str(folder)}, root=tmp_path)
    text = open_text_tower("clip", {"source": folder.name}, root=folder.parent)
    assert (image.dim, text.dim) == (width, width)
    vectors = image(torch.rand(3, 3, 20, 30))
    assert vectors.shape == (3, width)
    assert vectors.dtype == torch.float32
    texts = text(TEXTS)
    assert texts.shape == (4, width)
    assert torch.isfinite(texts).all()
    torch.testing.assert_close(text(TEXTS[:1]), texts[:1], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(image(torch.ones(1, 3, 16, 16)), image(torch.ones(2, 3, 40, 16))[1:])
    assert image.fingerprint == open_image_tower("clip", {"source": str(folder)}, root=tmp_path).fingerprint


@needs_transformers
def test_the_vectors_are_those_of_transformers_itself(clip_folder, tmp_path):
    from transformers import CLIPModel

    model = CLIPModel.from_pretrained(clip_folder).eval()
    pictures = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    mean, std = (torch.tensor(PICTURES[name])[:, None, None] for name in ("image_mean", "image_std"))
    seen = model.vision_model(pixel_values=(pictures - mean) / std).pooler_output
    tower = open_image_tower("clip", {"source": str(clip_folder)}, root=tmp_path)
    torch.testing.assert_close(tower(pictures), model.visual_projection(seen))
    ids = torch.tensor([[0, 4, 6, 1]])  # <s> a chair </s>
    read = model.text_model(input_ids=ids).pooler_output
    tower = open_text_tower("clip", {"source": str(clip_folder)}, root=tmp_path)
    torch.testing.assert_close(tower(["a chair"]), model.text_projection(read))


@needs_transformers
def test_other_weights_have_another_fingerprint(clip_folder, siglip_folder, tmp_path):
    towers = [
        open_text_tower("clip", {"source": str(each)}, root=tmp_path) for each in (clip_folder, siglip_folder)
    ]
    assert towers[0].fingerprint != towers[1].fingerprint


@needs_transformers
def test_nothing_of_a_tower_learns(clip_folder, tmp_path):
    tower = open_image_tower("clip", {"source": str(clip_folder)}, root=tmp_path)
    assert not any(p.requires_grad for p in tower.module.parameters())
    assert not tower(torch.rand(1, 3, 16, 16)).requires_grad


@needs_transformers
def test_a_folder_that_is_not_there_or_lacks_files_is_named(clip_folder, tmp_path):
    with pytest.raises(WeightsError, match=r"no folder '.*gone'"):
        open_image_tower("clip", {"source": "./gone"}, root=tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(WeightsError, match="empty' cannot be loaded"):
        open_image_tower("clip", {"source": "empty"}, root=tmp_path)
    for path in clip_folder.glob("*.json"):
        (tmp_path / "empty" / path.name).write_bytes(path.read_bytes())
    (tmp_path / "empty" / "model.safetensors").write_bytes((clip_folder / "model.safetensors").read_bytes())
    (tmp_path / "empty" / "preprocessor_config.json").unlink()
    with pytest.raises(WeightsError, match=r"preprocessor_config.json' cannot be read"):
        open_image_tower("clip", {"source": "empty"}, root=tmp_path)


def test_without_transformers_the_message_holds_the_install_line(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    for opened in (open_image_tower, open_text_tower):
        with pytest.raises(MissingExtraError, match=r"pip install 'anaglyph\[towers\]'"):
            opened("clip", {}, root=tmp_path)


@needs_transformers
def test_unit_vectors_of_equal_texts_have_cosine_one(clip_folder, tmp_path):
    tower = open_text_tower("clip", {"source": str(clip_folder)}, root=tmp_path)
    one, two = F.normalize(tower(["a chair", "a chair"]), dim=1)
    assert float(one @ two) == pytest.approx(1.0, abs=1e-6)
