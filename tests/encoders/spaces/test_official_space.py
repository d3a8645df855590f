"""Official point encoders with towers: layouts of the dossiers, random numbers, a tiny CLIP from disk."""

import importlib.util

import pytest
import torch
import torch.nn.functional as F

from anaglyph.encoders.checkpoints.importer import import_checkpoint
from anaglyph.encoders.checkpoints.load import load_encoder
from anaglyph.encoders.preparation import prepare_cloud
from anaglyph.encoders.spaces import open as opening
from anaglyph.encoders.spaces.open import open_space
from anaglyph.encoders.towers.catalog import open_image_tower, open_text_tower
from anaglyph.errors import ConfigError, WeightsError
from anaglyph.io.weights import read_header, read_weights, write_weights
from clip_files import save_clip
from official_files import WIDE, import_official, official_contents, write_words

here = importlib.util.find_spec("transformers") is not None
needs_transformers = pytest.mark.skipif(not here, reason="transformers is not installed (extra towers)")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_words(tmp_path_factory.mktemp("official"))


@pytest.fixture(scope="module")
def clip(folder):
    (folder / "clip").mkdir()
    save_clip(folder / "clip", width=WIDE)
    return {"image_tower": "clip:clip", "text_tower": "clip:clip"}


@pytest.fixture(scope="module")
def files(folder):
    """Family -> an imported file of its own."""
    return import_official(folder, official_contents())


def clouds(count=2, points=600):
    generator = torch.Generator().manual_seed(7)
    place = torch.randn(count, points, 3, generator=generator)
    place = 0.9 * place / place.norm(dim=2).amax(dim=1)[:, None, None]
    return torch.cat([place, torch.rand(count, points, 3, generator=generator)], dim=2)


def pictures(count=2, views=2):
    return torch.rand(count, views, 3, 20, 24, generator=torch.Generator().manual_seed(3))


@needs_transformers
def test_openshape_lies_in_the_space_of_its_tower_itself(files, folder, clip):
    space = open_space(files["openshape"], root=folder, **clip)
    loaded, given = load_encoder(files["openshape"]), clouds()
    prepared = [prepare_cloud(each[:, :3].numpy(), each[:, 3:].numpy(), loaded.convention) for each in given]
    with torch.no_grad():
        expected = F.normalize(loaded.module(torch.stack(prepared)), dim=1)
    torch.testing.assert_close(space.shapes(given), expected, rtol=0, atol=1e-6)
    tower = open_text_tower("clip", {"source": "clip"}, root=folder)
    torch.testing.assert_close(space.texts(["a chair"]), F.normalize(tower(["a chair"]), dim=1))
    assert space.reads == {"shape", "image", "text"}
    assert (space.dim, space.points, space.coloured, space.pixels) == (WIDE, 10_000, True, 16)
    assert (space.licence, space.default_inputs, space.fuses) == ("Apache-2.0", "sum", False)


@needs_transformers
def test_mixcon3d_sends_pictures_and_texts_through_its_text_head(files, folder, clip):
    space = open_space(files["mixcon3d"], root=folder, **clip)
    raw = torch.load(folder / "mixcon3d.pt", weights_only=True)
    text, fusion = raw["text_proj"], raw["pc_img_proj"]
    words = open_text_tower("clip", {"source": "clip"}, root=folder)(["a chair", "table"])
    said = words @ text["module.weight"].T + text["module.bias"]
    torch.testing.assert_close(space.texts(["a chair", "table"]), F.normalize(said, dim=1))
    tower, shown = open_image_tower("clip", {"source": "clip"}, root=folder), pictures()
    seen = torch.stack([tower(each) for each in shown]) @ text["module.weight"].T + text["module.bias"]
    seen = seen.mean(dim=1)
    torch.testing.assert_close(space.views(shown), F.normalize(seen, dim=1))
    with torch.no_grad():
        points = space.networks.shape(space.clouds(clouds()))
    joint = torch.cat([points, seen], dim=1) @ fusion["module.weight"].T + fusion["module.bias"]
    torch.testing.assert_close(space.fused(clouds(), shown), F.normalize(joint, dim=1), rtol=1e-4, atol=1e-5)


@needs_transformers
def test_a_head_of_its_own_for_pictures_can_be_stated(files, folder, clip, tmp_path):
    target = tmp_path / "two.safetensors"
    header = import_checkpoint(folder / "mixcon3d.pt", target, assignments=["heads.shared=false"])
    assert header.heads == ("image", "text", "fusion")
    space = open_space(target, root=folder, **clip)
    own = torch.load(folder / "mixcon3d.pt", weights_only=True)["image_proj"]
    tower, shown = open_image_tower("clip", {"source": "clip"}, root=folder), pictures()[:, 0]
    seen = tower(shown) @ own["module.weight"].T + own["module.bias"]
    torch.testing.assert_close(space.pictures(shown), F.normalize(seen, dim=1))


def test_texts_without_the_head_that_they_must_pass_are_refused(files, folder):
    with pytest.raises(WeightsError, match="the map text_proj that text vectors pass lies in none"):
        open_space(files["headless"], root=folder, text_tower=f"stored_text:words{WIDE}.npz")
    assert open_space(files["headless"], root=folder).reads == {"shape"}


@pytest.mark.parametrize(("name", "width"), [("ulip", 512), ("ulip2", 1280), ("uni3d", 1024)])
def test_shapes_and_words_of_the_other_families_share_a_space(files, folder, name, width):
    space = open_space(files[name], root=folder, text_tower=f"stored_text:words{width}.npz")
    vectors, words = space.shapes(clouds(1)), space.texts(["a chair", "table"])
    assert (vectors.shape, words.shape) == ((1, width), (2, width))
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(1))
    assert space.reads == {"shape", "text"}
    assert (space.default_inputs, space.pixels) == ("points", 0)
    with pytest.raises(ConfigError, match="has no image tower"):
        space.pictures(torch.rand(1, 3, 8, 8))
    bare = open_space(files[name], root=folder)
    assert bare.fingerprint != space.fingerprint
    with pytest.raises(ConfigError, match="has no text tower"):
        bare.texts(["chair"])


def test_a_vector_of_an_official_encoder_does_not_depend_on_its_batch(files, folder):
    space = open_space(files["ulip"], root=folder)
    alone = torch.cat([space.shapes(each[None]) for each in clouds()])
    torch.testing.assert_close(space.shapes(clouds()), alone, rtol=0, atol=1e-6)


def test_a_tower_of_another_width_is_refused_by_the_name_of_the_teacher(files, folder):
    with pytest.raises(ConfigError, match=r"1280 numbers.* gives 512; pass OpenCLIP ViT-bigG/14"):
        open_space(files["openshape"], root=folder, text_tower="stored_text:words512.npz")
    with pytest.raises(ConfigError, match="SLIP ViT-B/16, whose towers are not built here"):
        open_space(files["ulip"], root=folder, text_tower="stored_text:words1024.npz")
    with pytest.raises(ConfigError, match="no text tower 'klip'"):
        open_space(files["openshape"], root=folder, text_tower="klip:x")


def test_what_is_no_space_is_refused(files, folder, tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match=r"holds pointnet .* shares no space"):
        open_space(files["pointnet"], root=folder)
    with pytest.raises(ConfigError, match="turn it into safetensors first"):
        open_space(folder / "openshape.pt", root=folder)
    write_weights(tmp_path / "x.safetensors", {"a": torch.ones(1)}, header={})
    with pytest.raises(WeightsError, match="is safetensors and no space"):
        open_space(tmp_path / "x.safetensors", root=folder)
    with pytest.raises(WeightsError, match="no weights at"):
        open_space(tmp_path / "gone", root=folder)
    monkeypatch.setattr(opening, "SHAPES", "no_such_file")
    with pytest.raises(WeightsError, match="so there is no mini"):
        open_space("mini", root=folder)


@pytest.mark.parametrize(
    "heads", [(), ("text",), ("shared", "fusion", "image"), ("shared", "shared", "fusion"), ("x",)]
)
def test_heads_other_than_those_in_the_file_are_refused(files, tmp_path, heads):
    header = {**read_header(files["mixcon3d"]), "heads": list(heads)}
    write_weights(tmp_path / "w.safetensors", read_weights(files["mixcon3d"]), header=header)
    with pytest.raises(WeightsError, match="are not those in the file"):
        open_space(tmp_path / "w.safetensors", root=tmp_path)


def test_heads_that_are_no_matrix_with_its_bias_are_refused(files, tmp_path):
    tensors, key = read_weights(files["mixcon3d"]), "space.heads.shared.layers.0.weight"
    for value, match in (
        (torch.ones(4, 4), "shared head has shapes"),
        (torch.ones(WIDE), "shared head has shapes"),
        (torch.full((WIDE, WIDE), torch.inf), "NaN or infinite"),
        (tensors[key].half(), "instead of F32"),
    ):
        path = tmp_path / "w.safetensors"
        write_weights(path, {**tensors, key: value}, header=read_header(files["mixcon3d"]))
        with pytest.raises(WeightsError, match=match):
            open_space(path, root=tmp_path)


@needs_transformers
def test_a_space_says_whether_it_reads_any_text_or_only_stored_ones(files, folder, clip):
    assert open_space(files["openshape"], root=folder, **clip).any_text
    stored = open_space(files["ulip2"], root=folder, text_tower=f"stored_text:words{WIDE}.npz")
    assert "text" in stored.reads
    assert not stored.any_text
    assert not open_space(files["ulip2"], root=folder).any_text
