import pytest
import torch

from anaglyph.encoders.catalog import create_encoder
from anaglyph.encoders.first_layer import filters_for, fit_first_layer, start_from_rgb
from anaglyph.encoders.mobilenet_v2 import CLASSES
from anaglyph.encoders.mobilenet_v2_file import read_mobilenet_v2
from anaglyph.errors import WeightsError

SMALL = {
    "resnet18": {"width": 8},
    "resnet50": {"width": 8},
    "mobilenet_v2": {"width": 8, "embed_dim": 16},
    "resnet20_cifar": {},
}
FIRST = {
    "resnet18": "conv1.weight",
    "resnet50": "conv1.weight",
    "mobilenet_v2": "conv00.weight",
    "resnet20_cifar": "conv1.weight",
}


def encoder(name, channels, seed=0, **more):
    torch.manual_seed(seed)
    return create_encoder(name, in_channels=channels, **SMALL[name], **more).eval()


def pictures(channels=3):
    return torch.rand(2, channels, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize("name", SMALL)
def test_a_grey_network_sees_grey_pictures_as_the_rgb_network_does(name):
    rgb, grey = encoder(name, 3), encoder(name, 1, seed=1)
    start_from_rgb(grey, rgb.state_dict())
    picture = pictures(1)
    expected = rgb(picture.expand(-1, 3, -1, -1))
    torch.testing.assert_close(grey(picture), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", SMALL)
def test_with_a_mask_filter_of_zero_the_mask_changes_nothing_yet(name):
    rgb, masked = encoder(name, 3), encoder(name, 4, seed=1)
    start_from_rgb(masked, rgb.state_dict())
    picture, mask = pictures(3), torch.rand(2, 1, 32, 32)
    torch.testing.assert_close(masked(torch.cat([picture, mask], dim=1)), rgb(picture), rtol=1e-4, atol=1e-5)
    masked(torch.cat([picture, mask], dim=1)).sum().backward()
    assert masked.get_parameter(FIRST[name]).grad[:, 3].abs().max() > 0  # and it learns


def test_a_mask_filter_may_start_at_the_mean_of_the_colours():
    filters = torch.randn(5, 3, 7, 7, generator=torch.Generator().manual_seed(0))
    made = filters_for(filters, 4, mask_filter="mean")
    assert torch.equal(made[:, :3], filters)
    torch.testing.assert_close(made[:, 3], (filters[:, 0] + filters[:, 1] + filters[:, 2]) / 3)
    assert filters_for(filters, 4)[:, 3].abs().max() == 0
    torch.testing.assert_close(filters_for(filters, 1)[:, 0], filters[:, 0] + filters[:, 1] + filters[:, 2])
    assert filters_for(filters, 3) is filters


@pytest.mark.parametrize("name", SMALL)
def test_only_the_first_layer_is_changed(name):
    rgb, grey = encoder(name, 3).state_dict(), encoder(name, 1, seed=1).state_dict()
    fitted = fit_first_layer(rgb, grey)
    assert [key for key in rgb if not torch.equal(rgb[key], fitted[key])] == [FIRST[name]]
    assert {key: value.shape for key, value in fitted.items()} == {k: v.shape for k, v in grey.items()}


def test_weights_that_fit_already_stay_as_they_are():
    grey = encoder("resnet18", 1).state_dict()
    fitted = fit_first_layer(grey, encoder("resnet18", 1, seed=1).state_dict())
    assert all(fitted[key] is value for key, value in grey.items())


def test_point_networks_stay_as_they_are():
    own = {"layer.weight": torch.zeros(8, 4, 1, 1)}
    given = {"layer.weight": torch.zeros(8, 3, 1, 1)}
    assert fit_first_layer(given, own)["layer.weight"] is given["layer.weight"]


def test_the_classifier_of_the_weights_can_be_left_out():
    rgb = encoder("resnet18", 3, head_classes=5)
    grey = encoder("resnet18", 1, seed=1)
    start_from_rgb(grey, rgb.state_dict(), ignore=("fc.",))
    assert torch.equal(grey.layer4[1].conv2.weight, rgb.layer4[1].conv2.weight)


def test_weights_of_another_network_are_refused_and_nothing_is_copied():
    grey = encoder("resnet18", 1)
    before = {key: value.clone() for key, value in grey.state_dict().items()}
    with pytest.raises(WeightsError, match=r"'w\.pth' matches .* of ResNet"):
        start_from_rgb(grey, encoder("resnet50", 3).state_dict(), what="'w.pth'")
    with pytest.raises(WeightsError, match=r"conv1\.weight is \(8, 4, 7, 7\) instead of \(8, 1, 7, 7\)"):
        start_from_rgb(grey, encoder("resnet18", 4).state_dict())
    assert all(torch.equal(value, before[key]) for key, value in grey.state_dict().items())


@pytest.mark.parametrize("channels", [0, 2, 5])
def test_other_numbers_of_channels_are_refused(channels):
    with pytest.raises(ValueError, match=rf"for 1, 3 or 4 channels, got {channels}"):
        filters_for(torch.zeros(5, 3, 7, 7), channels)
    with pytest.raises(ValueError, match=r"must be \(filters, 3, height, width\), got \(5, 2, 7, 7\)"):
        filters_for(torch.zeros(5, 2, 7, 7), 1)


def test_the_public_weights_start_both_branches(shared_data):
    folder = shared_data / "weights"
    state = read_mobilenet_v2(
        folder / "mobilenet_v2_imagenet_int8.npz", folder / "mobilenet_v2_imagenet_spec.json"
    )
    rgb = create_encoder("mobilenet_v2", head_classes=CLASSES).eval()
    rgb.load_state_dict(state)
    query, shape = (
        create_encoder("mobilenet_v2", in_channels=4),
        create_encoder("mobilenet_v2", in_channels=1),
    )
    for network in (query, shape):
        start_from_rgb(network.eval(), state, ignore=("conv52.",), what="the public weights")
    picture = pictures(3)
    grey = picture[:, :1]
    with torch.no_grad():
        torch.testing.assert_close(
            query(torch.cat([picture, torch.ones(2, 1, 32, 32)], dim=1)), rgb(picture), rtol=1e-4, atol=1e-4
        )
        torch.testing.assert_close(shape(grey), rgb(grey.expand(-1, 3, -1, -1)), rtol=1e-4, atol=1e-4)
