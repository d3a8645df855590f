import pytest

from anaglyph.encoders.catalog import check_encoder, create_encoder, encoder_options, list_encoders
from anaglyph.errors import ConfigError


def test_names_are_listed_by_modality_and_pattern():
    assert list_encoders("resnet*", modality="image") == ["resnet18", "resnet20_cifar", "resnet50"]
    assert list_encoders("pointnet*", modality="shape") == [
        "pointnet",
        "pointnet2",
        "pointnet_small",
    ]
    assert set(list_encoders()) >= {"dgcnn", "digit_cnn", "pointnet", "resnet18", "resnet50"}


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("dgcn", {}, "no encoder 'dgcn'; did you mean 'dgcnn'"),
        ("dgcnn", {"neighbors": 20}, "no option 'neighbors'; did you mean 'neighbours'"),
        ("dgcnn", {"embed_dim": "256"}, "embed_dim.* must be int, got str '256'"),
        ("dgcnn", {"edge_form": "litteral"}, "did you mean 'literal'"),
        ("dgcnn", {"neighbours": 0}, "neighbours must be >= 1, got 0"),
        ("dgcnn", {"widths": []}, "widths must be >= 1"),
        ("pointnet_small", {"pool": "mean"}, "no choice 'mean'"),
        ("resnet18", {"in_channels": 0}, "in_channels must be >= 1, got 0"),
        ("digit_cnn", {"width": -1}, "width must be >= 1, got -1"),
    ],
)
def test_what_cannot_be_built_is_a_config_error_that_names_it(name, options, message):
    with pytest.raises(ConfigError, match=message):
        create_encoder(name, **options)


def test_a_list_from_yaml_serves_as_a_tuple():
    assert len(create_encoder("dgcnn", widths=[4, 4, 4], embed_dim=8).edge_convs) == 3


def test_checking_names_the_place_and_builds_nothing():
    check_encoder("dgcnn", {"neighbours": 40, "widths": [8]}, where="stages.a.encoders.shape")
    with pytest.raises(ConfigError, match=r"stages\.a\.encoders\.shape\.options: no option 'k'"):
        check_encoder("dgcnn", {"k": 40}, where="stages.a.encoders.shape")
    with pytest.raises(ConfigError, match=r"stages\.a\.encoders\.shape\.name: no encoder 'vit'"):
        check_encoder("vit", {}, where="stages.a.encoders.shape")


def test_options_come_with_their_defaults():
    assert encoder_options("dgcnn")["neighbours"] == 20
