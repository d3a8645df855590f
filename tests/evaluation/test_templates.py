"""Sentences around class names, and the vectors that are averaged from them."""

import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from anaglyph.errors import ConfigError
from anaglyph.evaluation.templates import (
    average_text_features,
    clean_class_name,
    expand,
    list_templates,
    templates,
)
from reference.templates import slow_class_vector


def test_the_grammar_expands_to_sixty_four_distinct_sentences_one_without_a_full_stop():
    sentences = templates()
    assert len(set(sentences)) == len(sentences) == 64
    assert [each for each in sentences if not each.endswith(".")] == ["a black and white photo of a {}"]
    assert all(each.count("{}") == 1 and "X" not in each and "," not in each for each in sentences)


@pytest.mark.parametrize("family", ["modelnet40_64", "shapenet_64"])
def test_the_sentences_are_those_of_the_official_file(shared_data, family):
    file = shared_data / "metadata" / "ulip_templates.json"
    if not file.is_file():
        pytest.skip(f"no official templates at '{file}'")
    official = json.loads(file.read_text(encoding="utf-8"))[family]
    assert set(templates("official64")) == set(official)


def test_a_name_stands_where_the_grammar_says_even_if_it_looks_like_grammar():
    assert expand("chair", "photo") == ("a photo of a chair.",)
    assert expand("X {a,b} {}", "article") == ("a X {a,b} {}",)
    assert expand("chair", "plain") == ("chair",)
    assert "There is the night stand in the scene." in expand("night stand")


def test_every_family_has_sentences_of_its_own():
    said = [templates(family) for family in list_templates()]
    assert len(set(said)) == len(said)
    assert all(len(set(each)) == len(each) >= 1 for each in said)


def test_families_have_as_many_sentences_as_the_dossier_counts():
    counts = {"official64": 64, "shape_and_photo": 2, "depth": 3}
    assert {family: len(templates(family)) for family in counts} == counts


def test_an_unknown_family_is_told_what_there_is():
    with pytest.raises(ConfigError, match=r"oficial64.*did you mean 'official64'"):
        templates("oficial64")


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("arctic_(type_of_shoe)", "arctic (type of shoe)"),
        ("Band_Aid", "Band Aid"),
        ("night_stand", "night stand"),
        ("chair", "chair"),
        ("_tv__stand_", "tv stand"),
    ],
)
def test_official_names_are_cleaned_to_what_a_person_would_write(name, clean):
    assert clean_class_name(name) == clean == clean_class_name(clean)


@settings(deadline=None, max_examples=40)
@given(classes=st.integers(1, 4), texts=st.integers(1, 6), seed=st.integers(0, 2**16))
def test_class_vectors_equal_the_definition(classes, texts, seed):
    rng = torch.Generator().manual_seed(seed)
    vectors = torch.randn(classes, texts, 5, generator=rng, dtype=torch.float64)
    vectors *= torch.rand(classes, texts, 1, generator=rng, dtype=torch.float64).add(0.1) * 30
    found = average_text_features(vectors)
    for row, each in enumerate(vectors.tolist()):
        assert found[row].tolist() == pytest.approx(slow_class_vector(each))


def test_long_sentences_weigh_no_more_than_short_ones():
    loud = torch.tensor([[[100.0, 0.0], [0.0, 1.0]]])
    torch.testing.assert_close(average_text_features(loud), torch.full((1, 2), 0.5**0.5))


def test_classes_may_have_different_numbers_of_sentences_and_half_precision():
    vectors = [torch.eye(3)[:1].half(), torch.eye(3)[1:].half()]
    found = average_text_features(vectors)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, torch.tensor([[1.0, 0, 0], [0, 0.5**0.5, 0.5**0.5]]))


@pytest.mark.parametrize(
    "broken", [torch.zeros(1, 4), torch.tensor([[1.0, 0], [-1.0, 0]]), torch.full((1, 4), float("nan"))]
)
def test_sentences_without_a_direction_are_refused_with_their_class(broken):
    with pytest.raises(ValueError, match="class 1 has texts without a direction"):
        average_text_features([torch.ones(1, broken.shape[1]), broken])


def test_a_class_without_sentences_is_refused():
    with pytest.raises(ValueError, match=r"class 0 has text vectors of shape \(0, 4\)"):
        average_text_features(torch.zeros(1, 0, 4))
