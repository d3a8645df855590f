import pytest
import torch

from anaglyph.encoders.towers.catalog import open_image_tower, open_text_tower
from anaglyph.encoders.towers.dual import write_slim
from anaglyph.errors import WeightsError
from anaglyph.io.weights import read_header


def test_towers_come_with_the_package_and_share_a_space(tmp_path):
    image, text = (opened("dual", {}, root=tmp_path) for opened in (open_image_tower, open_text_tower))
    assert image.dim == text.dim
    assert image.fingerprint != text.fingerprint or image.identity == text.identity
    with torch.no_grad():
        words = torch.nn.functional.normalize(text(["a chair", "chair", "an aeroplane"]).float(), dim=1)
    assert words[0] @ words[1] > words[0] @ words[2]


def test_a_slim_pair_says_what_it_was_trained_on_and_answers_as_before(tmp_path):
    from importlib import resources

    own = resources.files("anaglyph") / "weights" / "mini_towers.safetensors"
    with resources.as_file(own) as file:
        write_slim(file, tmp_path / "again.safetensors", header={"licence": "CC0-1.0"})
    header = read_header(tmp_path / "again.safetensors")
    assert header["licence"] == "CC0-1.0"
    assert header["stage"]["method"] == "image_text"
    before = open_text_tower("dual", {}, root=tmp_path)(["a red mug"])
    after = open_text_tower("dual", {"source": "again.safetensors"}, root=tmp_path)(["a red mug"])
    torch.testing.assert_close(before, after)


def test_a_place_without_weights_is_named(tmp_path):
    with pytest.raises(WeightsError, match="no weights at"):
        open_text_tower("dual", {"source": "nothing"}, root=tmp_path)
