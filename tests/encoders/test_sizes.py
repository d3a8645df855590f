"""Parameter counts to the unit, the dossiers' (crossmost 3.5, act 4, mixcon3d 2.1) and our own."""

import pytest
import torch

from anaglyph.encoders.catalog import create_encoder, encoder_convention, list_encoders
from anaglyph.encoders.table import ENCODERS

DOSSIERS = {
    ("pointnet2", ()): 1_465_408,
    ("pointnet2", (("head_classes", 40),)): 1_475_688,
    ("pointmlp", ()): 13_228_224,
    ("pointmlp_elite", ()): 705_952,
    ("point_bert", ()): 21_858_816,
    ("point_bert", (("head_classes", 40), ("groups", 64))): 22_065_960,
    ("point_bert_colored", ()): 32_499_072,
    ("pointnext_s", ()): 1_363_264,
    ("pointnext_s", (("head_classes", 15),)): 1_367_119,
    ("point_mae", (("head_classes", 40),)): 22_099_752,
    ("act", (("head_classes", 40),)): 22_099_752,
    ("recon", (("head_classes", 15),)): 43_571_215,
    ("point_transformer_parts", ()): 27_063_730,
    ("point_transformer_scenes", ()): 27_020_301,
    ("dgcnn", (("head_classes", 40),)): 1_809_576,
    ("ppat", (("scaling", 1),)): 5_100_768,
    ("ppat", (("scaling", 2),)): 13_346_880,
    ("ppat", (("scaling", 3),)): 25_954_368,
    ("ppat", (("scaling", 4),)): 32_326_080,
    ("ppat", (("scaling", 5),)): 72_070_336,
    ("ppat", (("scaling", 6),)): 171_262_144,
}


def size(name, **options):
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in create_encoder(name, **options).parameters())


@pytest.mark.parametrize(("case", "count"), DOSSIERS.items(), ids=str)
def test_parameter_counts_equal_the_dossiers_to_the_unit(case, count):
    name, options = case
    assert size(name, **dict(options)) == count
    assert count in ENCODERS.entry(name).parameters.values()


@pytest.mark.parametrize(
    ("letter", "millions"), [("ti", 6.2), ("s", 22.5), ("b", 87.0), ("l", 304.7), ("g", 1012.9)]
)
def test_uni3d_has_the_sizes_of_the_dossier(letter, millions):
    assert size("uni3d", size=letter) / 1e6 == pytest.approx(millions, abs=0.05)
    assert ENCODERS.entry("uni3d").parameters[f"size {letter}"] == size("uni3d", size=letter)


@pytest.mark.parametrize("name", list_encoders())
def test_the_table_states_the_size_that_is_built(name):
    stated = ENCODERS.entry(name).parameters
    assert size(name) in stated.values()
    assert stated.get("default", size(name)) == size(name)


@pytest.mark.parametrize("name", [*list_encoders(modality="shape"), *list_encoders(modality="segmentation")])
def test_a_convention_counts_the_channels_that_the_encoder_takes(name):
    convention = encoder_convention(name)
    if convention is not None:
        with torch.device("meta"):
            assert getattr(create_encoder(name), "in_channels", 3) == convention.channels
