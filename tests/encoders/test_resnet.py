import pytest
import torch

from anaglyph.encoders.resnet import resnet18, resnet50


def parameters(module):
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize(("build", "count"), [(resnet18, 11_689_512), (resnet50, 25_557_032)])
def test_parameter_counts_are_those_of_torchvision(build, count):
    with torch.device("meta"):
        assert parameters(build(head_classes=1000)) == count
        embed_dim = build().embed_dim
        assert parameters(build()) == count - 1000 * (embed_dim + 1)


def test_key_names_and_shapes_are_those_of_torchvision():
    with torch.device("meta"):
        shapes = {
            name: tuple(value.shape) for name, value in resnet50(head_classes=1000).state_dict().items()
        }
    assert len(shapes) == 320  # 53 convolutions, 53 x 5 normalisation entries, 2 of fc
    assert shapes["conv1.weight"] == (64, 3, 7, 7)
    assert shapes["bn1.num_batches_tracked"] == ()
    assert shapes["layer1.0.downsample.0.weight"] == (256, 64, 1, 1)
    assert shapes["layer1.0.downsample.1.running_var"] == (256,)
    assert shapes["layer2.0.conv2.weight"] == (128, 128, 3, 3)
    assert shapes["layer4.2.bn3.bias"] == (2048,)
    assert shapes["fc.weight"] == (1000, 2048)
    with torch.device("meta"):
        small = resnet18(head_classes=1000).state_dict()
    assert len(small) == 122
    assert "layer1.0.downsample.0.weight" not in small
    assert tuple(small["layer2.0.downsample.0.weight"].shape) == (128, 64, 1, 1)


@pytest.mark.parametrize(("small_stem", "side"), [(False, 2), (True, 8)])
def test_the_stem_sets_how_much_of_a_small_picture_is_left(small_stem, side):
    network = resnet18(width=8, small_stem=small_stem)
    seen = []
    network.layer4.register_forward_hook(lambda module, inputs, output: seen.append(output.shape[-1]))
    network(torch.zeros(2, 3, 64, 64))
    assert seen == [side]


def test_logits_need_a_classifier_and_read_the_embedding():
    network = resnet18(width=8, head_classes=5).eval()
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(network.logits(images), network.fc(network(images)))
    with pytest.raises(ValueError, match="build it with head_classes"):
        resnet18(width=8).logits(images)
