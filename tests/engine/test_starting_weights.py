"""Encoders that start from official files, imported ones, or files that do not fit."""

from dataclasses import replace

import pytest
import torch

from anaglyph.encoders.catalog import create_encoder
from anaglyph.encoders.checkpoints.importer import import_checkpoint
from anaglyph.engine.models import build_method, load_method
from anaglyph.engine.recipe import EncoderSpec, StageSpec, resolve
from anaglyph.engine.starting_weights import starting_weights
from anaglyph.errors import CheckpointError, ConfigError, WeightsError
from anaglyph.io.atomic import sha256
from reference.official_backbones import resnet20, resnet_torchvision, ulip
from tiny_runs import CrashError, crashing, tiny_plain, train

CLASSES = 10


def state_of(shapes, seed=0):
    """Random numbers of these shapes; variances are positive, counters are counters."""
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for key, shape in shapes.items():
        drawn = torch.randn(shape, generator=generator) / 8
        state[key] = drawn.abs() + 0.5 if key.endswith("running_var") else drawn
        if key.endswith("num_batches_tracked"):
            state[key] = torch.tensor(7)
    return state


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A data root with official files of ResNet-18 and of ResNet-20, and one of them imported."""
    root = tmp_path_factory.mktemp("data")
    torch.save(state_of(resnet_torchvision(18, CLASSES)), root / "resnet18.pth")
    torch.save(state_of(resnet20(CLASSES)), root / "resnet20.pth")
    torch.save(state_of(resnet20(CLASSES), seed=1), root / "other20.pth")
    import_checkpoint(root / "resnet18.pth", root / "resnet18.safetensors")
    return root


def stage(**encoders):
    return StageSpec(method="cmic", encoders=encoders, epochs=1, batch=4)


def encoder(channels, weights, name="resnet18", **options):
    return EncoderSpec(name=name, options={"in_channels": channels, **options}, weights=weights)


def starts_of(root, spec):
    return starting_weights(spec, root=root)


@pytest.mark.parametrize("file", ["resnet18.pth", "resnet18.safetensors"])
def test_an_official_or_imported_file_starts_networks_of_four_channels_and_of_one(root, file):
    given = state_of(resnet_torchvision(18, CLASSES))
    spec = stage(image=encoder(4, file), shape=encoder(1, file))
    starts = starts_of(root, spec)
    assert set(starts) == {"image", "shape"}
    assert {(start.name, start.path) for start in starts.values()} == {("resnet18", root / file)}
    method = build_method(spec, objects=4, seed=0, name="contrast", starts=starts)
    filters = given.pop("conv1.weight")
    trunk = {key: value for key, value in given.items() if not key.startswith("fc.")}
    expected = {
        "image": torch.cat([filters, torch.zeros(64, 1, 7, 7)], dim=1),
        "shape": filters[:, :1] + filters[:, 1:2] + filters[:, 2:],
    }
    for modality, first in expected.items():
        own = method.encoders[modality].state_dict()
        assert set(own) == {"conv1.weight", *trunk}
        torch.testing.assert_close(own["conv1.weight"], first)
        for key, value in trunk.items():
            assert torch.equal(own[key], value), key


def test_only_encoders_that_name_weights_start_from_them(root):
    spec = stage(image=encoder(3, "resnet20.pth", name="resnet20_cifar"), shape=encoder(1, None, width=2))
    starts = starts_of(root, spec)
    assert set(starts) == {"image"}
    assert starts["image"].sha256 == sha256(root / "resnet20.pth")
    fresh = create_encoder("resnet20_cifar", in_channels=3)
    starts["image"].put_into(fresh, where="here")
    given = state_of(resnet20(CLASSES))
    for key, value in fresh.state_dict().items():
        official = key if key in given else f"module.{key}"
        assert torch.equal(value, given[official]), key


def test_a_file_of_another_network_is_refused_with_what_differs(root):
    start = starts_of(root, stage(image=encoder(3, "resnet20.pth", name="resnet20_cifar")))["image"]
    with pytest.raises(ConfigError) as error:
        start.put_into(create_encoder("resnet18", width=2), where="stages.contrast.encoders.image")
    said = str(error.value)
    assert said.startswith("stages.contrast.encoders.image.weights: ")
    assert "holds 'resnet20_cifar' and does not fit here" in said
    assert "different: layer1.2.bn1.bias" in said  # ResNet-18 has two blocks there
    assert "\n" not in said


def test_a_network_of_another_width_is_refused_with_its_keys_and_keeps_its_weights(root):
    start = starts_of(root, stage(image=encoder(4, "resnet18.safetensors")))["image"]
    narrow = create_encoder("resnet18", width=2, in_channels=4)
    before = {key: value.clone() for key, value in narrow.state_dict().items()}
    with pytest.raises(ConfigError, match=r"different: conv1\.weight, bn1\.weight"):
        start.put_into(narrow, where="here")
    assert all(torch.equal(value, before[key]) for key, value in narrow.state_dict().items())


def test_an_absent_file_is_named_with_its_place_and_the_way_out(root):
    with pytest.raises(
        WeightsError, match=r"encoders\.image\.weights: there is no file '.*absent\.pth'.*null"
    ):
        starts_of(root, stage(image=encoder(3, "absent.pth")))


def test_a_file_that_is_no_checkpoint_is_refused_by_name(root, tmp_path):
    (tmp_path / "words.pth").write_text("no weights at all")
    with pytest.raises(WeightsError, match=r"words\.pth"):
        starts_of(tmp_path, stage(image=encoder(3, "words.pth")))
    torch.save({"layer.weight": torch.ones(3, 3)}, tmp_path / "unknown.pth")
    with pytest.raises(WeightsError, match=r"unknown\.pth"):
        starts_of(tmp_path, stage(image=encoder(3, "unknown.pth")))


def recipe_from(root, kind, *assignments):
    """A tiny recipe whose encoder of pictures starts from weights/start.pth."""
    plain = tiny_plain(kind)
    channels = {"cmic": 4, "multi_view_zero": 3}[kind]
    plain["encoders"]["image"] = {
        "name": "resnet20_cifar",
        "options": {"in_channels": channels},
        "weights": str(root / "start.pth"),
    }
    return resolve(plain, assignments=assignments)


def exchange(root, folder, name):
    """Put another file where the recipe looks for its weights."""
    (folder / "start.pth").write_bytes((root / name).read_bytes())


def test_a_finished_stage_that_started_from_other_weights_is_refused_and_kept(root, tmp_path, tiny_cache):
    exchange(root, tmp_path, "resnet20.pth")
    recipe = recipe_from(tmp_path, "multi_view_zero")
    artefact = train(recipe, tmp_path / "run", cache=tiny_cache)
    saved = load_method(artefact).method.encoders["image"].state_dict()
    given = {key.removeprefix("module."): value for key, value in state_of(resnet20(CLASSES)).items()}
    assert all(torch.equal(value, given[key]) for key, value in saved.items())
    assert train(recipe, tmp_path / "run", cache=tiny_cache, resume=True) == artefact
    exchange(root, tmp_path, "other20.pth")
    now, then = sha256(root / "other20.pth"), sha256(root / "resnet20.pth")
    with pytest.raises(CheckpointError, match=rf"weights\.image: '{now}' now, '{then}' then"):
        train(recipe, tmp_path / "run", cache=tiny_cache, resume=True)
    assert all(
        torch.equal(value, saved[key])
        for key, value in load_method(artefact).method.encoders["image"].state_dict().items()
    )


def test_an_unfinished_stage_goes_on_with_the_same_weights_alone(root, tmp_path, tiny_cache):
    exchange(root, tmp_path, "resnet20.pth")
    recipe = recipe_from(tmp_path, "cmic", "stages.contrast.epochs=2")
    with pytest.raises(CrashError):
        train(recipe, tmp_path / "run", cache=tiny_cache, listen=crashing("contrast", 4))
    exchange(root, tmp_path, "other20.pth")
    with pytest.raises(CheckpointError, match=r"weights\.image: '[0-9a-f]{64}' now, '[0-9a-f]{64}' then"):
        train(recipe, tmp_path / "run", cache=tiny_cache, resume=True)
    exchange(root, tmp_path, "resnet20.pth")
    assert train(recipe, tmp_path / "run", cache=tiny_cache, resume=True).is_dir()


def test_first_filters_may_be_drawn_anew_or_give_the_mask_the_mean_of_the_colours(root):
    given = state_of(resnet_torchvision(18, CLASSES))
    for first_layer in ("random", "copied_mean"):
        spec = replace(encoder(4, "resnet18.pth"), first_layer=first_layer)
        start = starts_of(root, stage(image=spec))["image"]
        network = create_encoder("resnet18", in_channels=4)
        before = network.state_dict()["conv1.weight"].clone()
        start.put_into(network, where="here")
        after = network.state_dict()
        if first_layer == "random":
            assert torch.equal(after["conv1.weight"], before)
        else:
            assert torch.equal(after["conv1.weight"][:, :3], given["conv1.weight"])
            torch.testing.assert_close(after["conv1.weight"][:, 3], given["conv1.weight"].mean(dim=1))
        assert torch.equal(after["layer4.1.conv2.weight"], given["layer4.1.conv2.weight"])


@pytest.mark.parametrize(
    ("shapes", "inner", "width"),
    [
        (lambda: ulip("pointnet2"), "pointnet2", 512),
        (lambda: ulip("pointnext"), "pointnext_s", 512),
        (lambda: {**ulip("pointnext"), "pc_projection": (256, 1280), "logit_scale": ()}, "pointnext_s", 1280),
    ],
)
def test_official_files_of_ulip_and_ulip2_start_a_point_encoder_with_its_projection(
    tmp_path, shapes, inner, width
):
    wanted = ("point_encoder.", "pc_projection", "logit_scale") if width == 1280 else (
        "point_encoder.", "pc_projection",
    )  # fmt: skip
    given = state_of({key: shape for key, shape in shapes().items() if key.startswith(wanted)})
    torch.save({"state_dict": {f"module.{key}": value for key, value in given.items()}}, tmp_path / "u.pt")
    spec = StageSpec(
        method="ulip",
        config={"embed_dim": width, "image_dim": width, "text_dim": width},
        encoders={
            "shape": EncoderSpec(
                name="projected", options={"encoder": inner, "embed_dim": width}, weights="u.pt"
            )
        },
        epochs=1,
        batch=4,
    )
    method = build_method(spec, objects=4, seed=0, name="align", starts=starts_of(tmp_path, spec))
    encoder = method.student.encoders["shape"]
    torch.testing.assert_close(encoder.projection.detach(), given["pc_projection"])
    first = next(key for key in given if key.startswith("point_encoder.") and key.endswith(".weight"))
    torch.testing.assert_close(
        encoder.encoder.state_dict()[first.removeprefix("point_encoder.")], given[first]
    )
