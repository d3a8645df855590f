"""The word vectors of the package, and texts that are read with them."""

import pytest
import torch
import torch.nn.functional as F

from anaglyph.encoders.word_text import WordText
from anaglyph.encoders.word_vectors import open_word_vectors, packaged, read_word_vectors, write_word_vectors
from anaglyph.errors import ConfigError, WeightsError
from anaglyph.io.weights import write_weights


def nearest(word: str, choices: list[str]) -> str:
    table = packaged()
    units = F.normalize(table.vectors.float(), dim=1)
    return max(choices, key=lambda other: float(units[table.rows[word]] @ units[table.rows[other]]))


@pytest.mark.parametrize(
    ("word", "meant", "others"),
    [
        ("sofa", "couch", ["lamp", "soda", "airplane"]),
        ("airplane", "aeroplane", ["airport", "chair", "boat"]),
        ("bush", "shrub", ["table", "bus", "push"]),
        ("car", "automobile", ["cat", "boat", "carpet"]),
    ],
)
def test_a_word_lies_nearest_to_what_it_means(word, meant, others):
    assert nearest(word, [meant, *others]) == meant


def test_the_table_is_written_and_read_as_unit_directions(tmp_path):
    vectors = torch.randn(3, 5, generator=torch.Generator().manual_seed(0))
    write_word_vectors(tmp_path / "t.safetensors", ["chair", "sofa", "tür"], vectors, licence="none")
    table = read_word_vectors(tmp_path / "t.safetensors")
    assert list(table.rows) == ["chair", "sofa", "tür"]
    cosines = F.cosine_similarity(table.vectors.float(), vectors)
    assert cosines.min() > 0.999


def test_tables_of_other_words_or_vectors_have_other_numbers(tmp_path):
    numbers = set()
    for name, words, sign in (("a", ["x", "y"], 1.0), ("b", ["x", "z"], 1.0), ("c", ["x", "y"], -1.0)):
        write_word_vectors(tmp_path / name, words, sign * torch.eye(2), licence="none")
        numbers.add(read_word_vectors(tmp_path / name).digest())
    assert len(numbers) == 3


def test_a_file_of_another_kind_is_refused(tmp_path):
    write_weights(tmp_path / "w.safetensors", {"vectors": torch.zeros(2, 3)}, header={})
    with pytest.raises(WeightsError, match="holds no word vectors"):
        read_word_vectors(tmp_path / "w.safetensors")


def test_words_and_rows_that_differ_in_number_are_refused(tmp_path):
    state = {
        "vectors": torch.ones(3, 2, dtype=torch.int8),
        "words": torch.tensor(list(b"a\nb")).to(torch.uint8),
    }
    write_weights(tmp_path / "w.safetensors", state, header={})
    with pytest.raises(WeightsError, match="2 words and 3 vectors"):
        read_word_vectors(tmp_path / "w.safetensors")


def test_an_unknown_table_is_refused_by_name():
    with pytest.raises(ConfigError, match="glove"):
        open_word_vectors("glove")


def test_texts_with_known_words_start_near_texts_that_mean_the_same():
    torch.manual_seed(0)
    encoder = WordText(width=32, heads=2, depth=1, embed_dim=64, vectors="mini").eval()
    sofa, couch, aeroplane = F.normalize(encoder(["a red sofa", "a red couch", "a red aeroplane"]), dim=1)
    assert sofa @ couch > sofa @ aeroplane


def test_weights_do_not_hold_the_table():
    encoder = WordText(width=16, heads=2, depth=1, buckets=8, embed_dim=8, vectors="mini")
    assert sum(tensor.numel() for tensor in encoder.state_dict().values()) < 20_000


def test_weights_of_another_table_are_refused():
    encoder = WordText(width=16, heads=2, depth=1, buckets=8, embed_dim=8, vectors="mini")
    state = encoder.state_dict()
    state["known.number"] = state["known.number"] + 1
    with pytest.raises(WeightsError, match="another table of word vectors"):
        encoder.load_state_dict(state)


def test_known_words_and_pieces_both_learn():
    encoder = WordText(width=16, heads=2, depth=1, buckets=64, embed_dim=8, vectors="mini")
    encoder(["a chair", "qqxzzt"]).sum().backward()
    assert encoder.known is not None
    assert encoder.known.map.weight.grad is not None
    assert encoder.pieces.weight.grad is not None
    assert encoder.pieces.weight.grad.abs().sum() > 0
