"""Words, pieces and rows of the small text encoder."""

import hashlib

import pytest
import torch
import torch.nn.functional as F

from anaglyph.encoders.catalog import create_encoder
from anaglyph.encoders.word_text import WordText, piece_rows, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A red Chair.", ["a", "red", "chair"]),
        ("arm_chair, 3-legged", ["arm", "chair", "3", "legged"]),
        ("Straße ＦＵＬＬ ﬁne", ["strasse", "full", "fine"]),
        ("", []),
        ("...", []),
    ],
)
def test_words_are_runs_of_letters_and_digits_without_case_and_compatibility_forms(text, words):
    assert words_of(text) == words


def test_rows_are_blake2_of_the_word_and_its_runs_of_three_to_five_letters():
    pieces = ["=<cup>", "<cu", "cup", "up>", "<cup", "cup>", "<cup>"]
    rows = [
        int.from_bytes(hashlib.blake2b(each.encode(), digest_size=8).digest(), "little") % 97
        for each in pieces
    ]
    assert list(piece_rows("cup", 97)) == rows


def test_a_word_is_the_mean_of_its_pieces():
    encoder = WordText(width=8, heads=2, buckets=50, depth=1)
    tokens, present = encoder._tokens([["cup"], []])
    table = encoder.pieces.weight
    mean = sum(table[row] for row in piece_rows("cup", 50)) / len(piece_rows("cup", 50))
    torch.testing.assert_close(tokens[0, 1], mean + encoder.positions[1])
    torch.testing.assert_close(tokens[0, 0], encoder.start + encoder.positions[0])
    assert present.tolist() == [[True, True], [True, False]]
    assert not tokens[1, 1].any()


def test_words_beyond_the_limit_do_not_count():
    encoder = WordText(width=8, heads=2, buckets=50, words=3).eval()
    assert torch.equal(encoder(["one two three four"]), encoder(["one two three five six"]))


def test_a_plural_begins_nearer_to_its_word_than_another_word_does():
    torch.manual_seed(0)
    encoder = WordText(buckets=100_000).eval()
    tokens, _ = encoder._tokens([["chair"], ["chairs"], ["lamp"]])
    chair, chairs, lamp = F.normalize(tokens[:, 1].detach() - encoder.positions[1].detach(), dim=1)
    assert float(chair @ chairs) > 0.5 > 0.3 > float(chair @ lamp)


def test_a_hostile_word_of_a_million_letters_costs_nothing():
    encoder = create_encoder("word_text").eval()
    assert torch.isfinite(encoder(["x" * 1_000_000, "a " * 1_000_000])).all()
