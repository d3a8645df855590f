import json

import numpy as np
import pytest
import torch

from anaglyph.encoders.mobilenet_v2 import (
    CLASSES,
    MEAN,
    PIXELS,
    STD,
    MobileNetV2,
    convolution_plan,
    pad_same,
)
from anaglyph.encoders.mobilenet_v2_file import read_mobilenet_v2
from anaglyph.errors import WeightsError
from anaglyph.io.pictures import read_picture
from reference.mobilenet import slow_mobilenet, slow_same_convolution


def plan_of_the_paper(classes=7):
    """Table 2 of the paper as the JSON's entries, written out by hand rather than by the code under test."""
    entries, before = [], 32

    def add(kind, out, inp, kernel, stride, relu6):
        number = sum("i" in entry for entry in entries)
        entries.append(
            {
                "i": number,
                "kind": kind,
                "out": out,
                "inp": inp,
                "kernel": kernel,
                "stride": stride,
                "relu6": relu6,
            }
        )
        return number

    add("conv", 32, 3, 3, 2, True)
    table = [
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    ]
    for t, c, n, s in table:
        for block in range(n):
            if t > 1:
                add("conv", t * before, before, 1, 1, True)
            add("depthwise", t * before, 1, 3, s if block == 0 else 1, True)
            number = add("conv", c, t * before, 1, 1, False)
            if block > 0:
                entries.append({"add_after_conv": number})
            before = c
    add("conv", 1280, 320, 1, 1, True)
    add("conv", classes, 1280, 1, 1, False)
    return entries


def arrays_for(plan, seed=0):
    generator = np.random.default_rng(seed)
    arrays = {}
    for entry in plan:
        if "i" in entry:
            name, fan = f"conv{entry['i']:02}", entry["inp"] * entry["kernel"] ** 2
            shape = (entry["out"], entry["inp"], entry["kernel"], entry["kernel"])
            arrays[f"{name}.weight_int8"] = generator.integers(-127, 128, shape, dtype=np.int8)
            scale = generator.uniform(0.5, 1.5, entry["out"]) * (2 / fan) ** 0.5 / 73
            arrays[f"{name}.scale"] = scale.astype(np.float32)
            arrays[f"{name}.bias"] = generator.normal(0, 0.1, entry["out"]).astype(np.float32)
    return arrays


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """(npz, json, plan, arrays) of the whole network with random numbers and 7 classes."""
    folder = tmp_path_factory.mktemp("mobilenet")
    plan = plan_of_the_paper()
    arrays = arrays_for(plan)
    np.savez(folder / "weights.npz", **arrays)
    (folder / "plan.json").write_text(json.dumps(plan))
    return folder / "weights.npz", folder / "plan.json", plan, arrays


def test_scores_equal_the_loops_over_pixels(written):
    weights, plan_file, plan, arrays = written
    network = MobileNetV2(head_classes=7).eval()
    network.load_state_dict(read_mobilenet_v2(weights, plan_file))
    image = torch.rand(1, 3, 9, 14, generator=torch.Generator().manual_seed(0)) * 2 - 1
    expected = slow_mobilenet(image[0].double().numpy(), plan, arrays)
    torch.testing.assert_close(
        network.logits(image)[0].double(), torch.from_numpy(expected), rtol=1e-3, atol=1e-4
    )


def test_the_plan_is_the_table_of_the_paper():
    plan = convolution_plan()
    entries = plan_of_the_paper()
    layers = [entry for entry in entries if "i" in entry][:-1]
    assert len(plan) == 52
    for layer, entry in zip(plan, layers, strict=True):
        assert (layer.after, layer.kernel, layer.stride, layer.clamped) == tuple(
            entry[key] for key in ("out", "kernel", "stride", "relu6")
        )
        assert (1 if layer.depthwise else layer.before) == entry["inp"]
        assert layer.depthwise == (entry["kind"] == "depthwise")
    sums = [entry["add_after_conv"] for entry in entries if "i" not in entry]
    assert [number for number, layer in enumerate(plan) if layer.adds_from is not None] == sums


def test_parameter_counts_are_the_published_ones():
    with torch.device("meta"):
        network = MobileNetV2(head_classes=1000)
        thin = MobileNetV2(width=16)
    # torchvision's 3,504,872 with a weight and a bias per normalised channel; folded there is a bias alone
    channels = sum(layer.after for layer in network.plan)
    assert sum(parameter.numel() for parameter in network.parameters()) == 3_504_872 - channels
    assert network.embed_dim == thin.embed_dim == 1280
    assert [layer.after for layer in thin.plan if not layer.clamped][:6] == [8, 16, 16, 16, 16, 16]


@pytest.mark.parametrize(("size", "stride"), [(8, 2), (9, 2), (5, 1), (1, 2), (4, 3)])
def test_padding_is_that_of_tensorflow(size, stride):
    x = torch.rand(1, 2, size, size + 1, generator=torch.Generator().manual_seed(0))
    weight = torch.randn(3, 2, 3, 3, generator=torch.Generator().manual_seed(1))
    found = torch.nn.functional.conv2d(pad_same(x, kernel=3, stride=stride), weight, stride=stride)
    expected = slow_same_convolution(
        x[0].double().numpy(), weight.double().numpy(), np.zeros(3), stride, "conv"
    )
    torch.testing.assert_close(found[0].double(), torch.from_numpy(expected), rtol=1e-4, atol=1e-5)


def test_a_stride_of_2_pads_even_sides_at_the_end_alone():
    padded = pad_same(torch.ones(1, 1, 4, 4), kernel=3, stride=2)
    assert padded.shape == (1, 1, 5, 5)
    assert padded[0, 0, -1].sum() == 0
    assert padded[0, 0, 0].sum() == 4


def test_logits_need_a_classifier_and_read_the_embedding():
    network = MobileNetV2(width=8, embed_dim=6, head_classes=3)
    images = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    classifier = network.get_submodule("conv52")
    expected = network(images) @ classifier.weight[:, :, 0, 0].T + classifier.bias
    torch.testing.assert_close(network.logits(images), expected)
    with pytest.raises(ValueError, match="build it with head_classes"):
        MobileNetV2(width=8).logits(images)


def without(arrays, name):
    return {key: value for key, value in arrays.items() if key != name}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda arrays: without(arrays, "conv07.bias"), r"missing \['conv07.bias'\]"),
        (lambda arrays: arrays | {"conv53.bias": np.zeros(1)}, r"extra \['conv53.bias'\]"),
        (lambda arrays: arrays | {"conv00.bias": np.zeros(31, np.float32)}, r"'conv00.bias' .* \(31,\)"),
        (lambda arrays: arrays | {"conv00.scale": np.full(32, np.nan)}, "'conv00.scale' .* finite"),
        (lambda arrays: arrays | {"conv00.bias": np.zeros(32, np.int64)}, "'conv00.bias' .* int64"),
        (lambda arrays: arrays | {"conv00.bias": np.array([print] * 32, dtype=object)}, "'conv00.bias'"),
    ],
)
def test_arrays_that_do_not_fit_are_refused_by_name(written, tmp_path, change, message):
    np.savez(tmp_path / "weights.npz", **change(written[3]))
    with pytest.raises(WeightsError, match=message):
        read_mobilenet_v2(tmp_path / "weights.npz", written[1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda plan: plan[:-1], "52 convolutions instead of"),
        (lambda plan: [*plan[:3], plan[3] | {"stride": 2}, *plan[4:]], r"different ones \[3\]"),
        (lambda plan: [entry for entry in plan if entry.get("add_after_conv") != 8], r"sums after \[14,"),
        (lambda plan: {"layers": plan}, "must hold a list of convolutions, got dict"),
        (lambda plan: [], "does not end with a classifier"),
    ],
)
def test_plans_of_other_networks_are_refused(written, tmp_path, change, message):
    (tmp_path / "plan.json").write_text(json.dumps(change(written[2])))
    with pytest.raises(WeightsError, match=message):
        read_mobilenet_v2(written[0], tmp_path / "plan.json")


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("content", [None, b"", b"\x80\x04nonsense"])
def test_files_that_cannot_be_read_are_refused_by_name(written, tmp_path, which, content):
    files = list(written[:2])
    files[which] = tmp_path / "broken"
    if content is not None:
        files[which].write_bytes(content)
    with pytest.raises(WeightsError, match="broken"):
        read_mobilenet_v2(*files)


def test_the_public_weights_recognise_photographs(shared_data):
    folder = shared_data / "weights"
    files = folder / "mobilenet_v2_imagenet_int8.npz", folder / "mobilenet_v2_imagenet_spec.json"
    network = MobileNetV2(head_classes=CLASSES).eval()
    network.load_state_dict(read_mobilenet_v2(*files))
    labels = (folder / "imagenet_labels_1001.txt").read_text().splitlines()
    names = {"grand_piano": "grand piano, grand", "revolver": "revolver, six-gun, six-shooter"}
    hits = []
    for category, label in names.items():
        pictures = sorted((shared_data / "photos" / "caltech101" / category).glob("*.jpg"))[:10]
        pixels = np.stack([read_picture(picture, size=PIXELS) for picture in pictures])
        images = (torch.from_numpy(pixels).float() / 255 - column(MEAN)) / column(STD)
        with torch.no_grad():
            hits.append(network.logits(images).argmax(dim=1) == labels.index(label))
    assert torch.cat(hits).float().mean() >= 0.8


def column(values):
    return torch.tensor(values)[:, None, None]
