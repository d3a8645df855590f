"""Official files of every kind imported end to end, and read back."""

import argparse
import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from anaglyph.encoders.checkpoints.importer import import_checkpoint
from anaglyph.encoders.checkpoints.load import load_encoder
from anaglyph.errors import ConfigError, WeightsError
from anaglyph.io.weights import read_header, read_weights
from reference import official_backbones as backbones
from reference import official_keys as official


@pytest.fixture
def ulip_file(tmp_path, tensors_of):
    """A ULIP checkpoint as its trainer writes it: DDP prefix, command line, NumPy accuracy."""
    state = tensors_of({f"module.{key}": shape for key, shape in backbones.ulip("pointnet2").items()})
    state["module.logit_scale"] = torch.tensor(4.5)
    path = tmp_path / "checkpoint best.pt"
    torch.save(
        {
            "epoch": 7,
            "state_dict": state,
            "optimizer": {"state": {}, "param_groups": [{"lr": 1e-3}]},
            "best_acc1": np.float64(57.7),
            "args": argparse.Namespace(model="ULIP_PN_SSG", betas=(0.9, 0.98), inner=argparse.Namespace(x=1)),
        },
        path,
    )
    return path


def test_a_ulip_file_becomes_a_projected_encoder_with_all_that_is_known(ulip_file, tmp_path):
    output = tmp_path / "out.safetensors"
    header = import_checkpoint(ulip_file, output)
    assert read_header(output)["kind"] == "encoder"
    assert (header.family, header.licence) == ("ulip", "BSD-3-Clause")
    assert header.encoder.name == "projected"
    assert header.parameters == 1_596_480
    assert header.left_out["picture and text towers"].parameters == 149_619_969
    assert header.logit_scale == 4.5
    assert header.training == {"epoch": 7, "best_acc1": 57.7}
    assert (header.source.place, header.source.wrappers) == (("state_dict",), ("module.",))
    assert header.source.bytes == ulip_file.stat().st_size
    loaded = load_encoder(output)
    assert not loaded.module.training
    assert loaded.convention.points == 8192
    assert loaded.module.projection.shape == (256, 512)
    assert all((value == 0.25).all() for value in loaded.module.parameters())


def test_the_feature_is_multiplied_by_the_projection_from_the_right(tmp_path, tensors_of):
    shapes = backbones.ulip("pointnet2")
    state = dict(tensors_of(shapes))
    state["pc_projection"] = torch.arange(256 * 512.0).view(256, 512)
    torch.save(state, tmp_path / "w.pt")
    import_checkpoint(tmp_path / "w.pt", tmp_path / "w.safetensors")
    module = load_encoder(tmp_path / "w.safetensors").module
    points = torch.rand(1, 600, 3)
    torch.testing.assert_close(module(points), module.encoder(points) @ state["pc_projection"])


@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.module."])
@pytest.mark.parametrize("containers", [(), ("model_state_dict",), ("base_model",), ("module", "state_dict")])
def test_containers_and_wrapper_prefixes_are_taken_off(tmp_path, tensors_of, prefix, containers):
    content = dict(tensors_of({prefix + key: shape for key, shape in backbones.pointnet(40).items()}))
    for name in reversed(containers):
        content = {name: content, "epoch": 3}
    torch.save(content, tmp_path / "w.pth")
    header = import_checkpoint(tmp_path / "w.pth", tmp_path / "w.safetensors")
    assert header.source.place == containers
    assert "".join(header.source.wrappers) == prefix
    assert header.training == ({"epoch": 3} if containers else {})


@pytest.mark.parametrize("zipped", [True, False])
def test_both_forms_of_pytorch_files_are_read(tmp_path, tensors_of, zipped):
    torch.save(tensors_of(backbones.pointnet(40)), tmp_path / "w.t7", _use_new_zipfile_serialization=zipped)
    assert import_checkpoint(tmp_path / "w.t7", tmp_path / "w.safetensors").family == "pointnet"


def test_safetensors_of_the_official_layout_are_read(tmp_path):
    save_file(
        {key: torch.zeros(shape) for key, shape in backbones.pointnet(40).items()}, tmp_path / "w.safetensors"
    )
    header = import_checkpoint(tmp_path / "w.safetensors", tmp_path / "out.safetensors")
    assert header.encoder.options["head_classes"] == 40


def test_the_same_file_gives_the_same_bytes(ulip_file, tmp_path):
    for name in ("a.safetensors", "b.safetensors"):
        import_checkpoint(ulip_file, tmp_path / name)
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


def test_the_moving_average_is_taken_when_asked_for(tmp_path, tensors_of):
    shapes = backbones.ppat(1)
    raw = tensors_of({f"module.{key}": shape for key, shape in shapes.items()}, 1.0)
    content = {"state_dict": raw, "state_dict_ema": tensors_of(shapes, 2.0), "pc_img_proj": {}}
    torch.save(content, tmp_path / "w.pt")
    for averaged, value in ((False, 1.0), (True, 2.0)):
        header = import_checkpoint(
            tmp_path / "w.pt", tmp_path / "o.safetensors", averaged=averaged, force=True
        )
        assert header.source.averaged is averaged
        assert header.family == "mixcon3d"
        assert (read_weights(tmp_path / "o.safetensors")["proj.bias"] == value).all()
    torch.save(raw, tmp_path / "plain.pt")
    with pytest.raises(WeightsError, match="holds no moving average"):
        import_checkpoint(
            tmp_path / "plain.pt", tmp_path / "p.safetensors", family="openshape", averaged=True
        )


def test_openshapes_temperature_outside_the_state_dict_is_found(tmp_path, tensors_of):
    content = {
        "state_dict": tensors_of({f"module.{key}": shape for key, shape in backbones.ppat(1).items()}),
        "logit_scale": {"module.logit_scale": torch.tensor(2.5)},
        "text_proj": None,
        "image_proj": None,
        "best_modelnet40_overall_acc": 84.4,
    }
    torch.save(content, tmp_path / "model.pt")
    header = import_checkpoint(tmp_path / "model.pt", tmp_path / "o.safetensors")
    assert (header.family, header.logit_scale) == ("openshape", 2.5)
    assert header.convention.axes == ("x", "z", "y")


def test_a_class_token_that_was_never_saved_is_drawn_and_named(tmp_path, tensors_of):
    torch.save({"base_model": tensors_of(official.point_mae_pretrained())}, tmp_path / "w.pth")
    header = import_checkpoint(tmp_path / "w.pth", tmp_path / "o.safetensors")
    assert header.fresh == ("cls_token", "cls_pos")
    drawn = read_weights(tmp_path / "o.safetensors")["cls_token"]
    assert 0.01 < float(drawn.std()) < 0.03
    import_checkpoint(tmp_path / "w.pth", tmp_path / "again.safetensors")
    assert torch.equal(read_weights(tmp_path / "again.safetensors")["cls_token"], drawn)


def test_missing_batch_counters_are_filled_with_zero(tmp_path, tensors_of):
    shapes = {key: shape for key, shape in backbones.pointnet(40).items() if "num_batches" not in key}
    torch.save(tensors_of(shapes), tmp_path / "w.pth")
    import_checkpoint(tmp_path / "w.pth", tmp_path / "o.safetensors")
    assert read_weights(tmp_path / "o.safetensors")["bn1.num_batches_tracked"] == 0
    load_encoder(tmp_path / "o.safetensors")


def test_half_precision_becomes_float32(tmp_path, tensors_of):
    state = {
        key: tensor.half() if tensor.is_floating_point() else tensor
        for key, tensor in tensors_of(backbones.pointnet(40)).items()
    }
    torch.save(state, tmp_path / "w.pth")
    import_checkpoint(tmp_path / "w.pth", tmp_path / "o.safetensors")
    assert read_weights(tmp_path / "o.safetensors")["linear1.weight"].dtype == torch.float32


def test_dgcnns_norms_that_stand_twice_must_be_equal(tmp_path, tensors_of):
    state = dict(tensors_of(backbones.dgcnn_classifier(40)))
    torch.save(state, tmp_path / "w.pth")
    import_checkpoint(tmp_path / "w.pth", tmp_path / "o.safetensors")
    edge = read_weights(tmp_path / "o.safetensors")["edge_convs.2.linear.weight"]
    assert edge.shape == (128, 128)
    state["bn3.bias"] = torch.ones(128)
    torch.save(state, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match=r"bn3\.bias must repeat conv3\.1\.bias"):
        import_checkpoint(tmp_path / "w.pth", tmp_path / "o2.safetensors")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"linear1.bias": None}, "missing: linear1.bias"),
        ({"stray": (3,)}, "not known: stray"),
        ({"linear1.bias": (511,)}, "linear1.bias is (511,) instead of (512,)"),
    ],
)
def test_one_wrong_key_in_a_file_is_refused_by_name_and_nothing_is_written(
    tmp_path, tensors_of, change, named
):
    shapes = {**backbones.pointnet(40), **change}
    torch.save(
        tensors_of({key: shape for key, shape in shapes.items() if shape is not None}), tmp_path / "w.pth"
    )
    with pytest.raises(WeightsError) as caught:
        import_checkpoint(tmp_path / "w.pth", tmp_path / "o.safetensors")
    assert named in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["w.pth"]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_numbers_are_refused_by_name(tmp_path, tensors_of, value):
    state = {**tensors_of(backbones.pointnet(40)), "linear2.bias": torch.full((256,), value)}
    torch.save(state, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match=r"linear2\.bias holds NaN or infinite"):
        import_checkpoint(tmp_path / "w.pth", tmp_path / "o.safetensors")
    torch.save({**state, "linear2.bias": torch.ones(256, dtype=torch.int32)}, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match=r"linear2\.bias holds torch\.int32"):
        import_checkpoint(tmp_path / "w.pth", tmp_path / "o.safetensors")


def test_what_no_file_holds_can_be_set(tmp_path, tensors_of):
    torch.save(tensors_of(official.point_mae_tuned(40)), tmp_path / "w.pth")
    arguments = {"family": "act", "assignments": ("options.groups=512", "convention.points=8192")}
    header = import_checkpoint(tmp_path / "w.pth", tmp_path / "o.safetensors", **arguments)
    assert header.encoder.options["groups"] == 512
    assert header.convention.points == 8192
    for wrong in ("options.gruops=5", "convention.points=x", "other.x=1", "options.groups"):
        with pytest.raises(ConfigError):
            import_checkpoint(
                tmp_path / "w.pth", tmp_path / "p.safetensors", family="act", assignments=(wrong,)
            )


def test_a_file_of_several_families_needs_the_name_of_one(tmp_path, tensors_of):
    torch.save(tensors_of(official.point_mae_tuned(40)), tmp_path / "w.pth")
    with pytest.raises(WeightsError, match=r"several families: point_mae, act\. Say which with --as"):
        import_checkpoint(tmp_path / "w.pth", tmp_path / "o.safetensors")
    torch.save({"a.weight": torch.ones(2)}, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match=r"looks like no family.*begin with a"):
        import_checkpoint(tmp_path / "w.pth", tmp_path / "o.safetensors")
    with pytest.raises(ConfigError, match="did you mean 'ulip'"):
        import_checkpoint(tmp_path / "w.pth", tmp_path / "o.safetensors", family="ulp")


def test_an_output_that_exists_stays_without_force(ulip_file, tmp_path):
    output = tmp_path / "o.safetensors"
    output.write_text("mine")
    with pytest.raises(ConfigError, match="--force"):
        import_checkpoint(ulip_file, output)
    assert output.read_text() == "mine"
    import_checkpoint(ulip_file, output, force=True)
    assert load_encoder(output)
    with pytest.raises(ConfigError, match="no folder"):
        import_checkpoint(ulip_file, tmp_path / "none" / "o.safetensors")


def test_the_official_file_is_never_the_output(tmp_path, tensors_of):
    source = tmp_path / "w.safetensors"
    save_file({key: torch.zeros(shape) for key, shape in backbones.pointnet(40).items()}, source)
    whole = source.read_bytes()
    (tmp_path / "link.safetensors").symlink_to(source)
    for output in (source, tmp_path / "link.safetensors", tmp_path / "." / "w.safetensors"):
        with pytest.raises(ConfigError, match="is the official file itself"):
            import_checkpoint(source, output, force=True)
    with pytest.raises(ConfigError, match=r"must end in \.safetensors"):
        import_checkpoint(source, tmp_path / "same.pth", force=True)
    assert source.read_bytes() == whole


def test_an_imported_file_is_not_imported_again(tmp_path, tensors_of):
    torch.save(tensors_of(backbones.pointnet(3)), tmp_path / "w.pth")
    import_checkpoint(tmp_path / "w.pth", tmp_path / "w.safetensors")
    with pytest.raises(WeightsError, match="is imported already; use it as it is"):
        import_checkpoint(tmp_path / "w.safetensors", tmp_path / "again.safetensors", family="pointnet")


def test_heads_beside_the_encoder_are_taken_in_or_named_as_left_out(tmp_path, tensors_of):
    content = {
        "state_dict": tensors_of(backbones.ppat(1)),
        "text_proj": tensors_of({"weight": (1280, 1280), "bias": (1280,)}),
        "image_proj": tensors_of({"module.weight": (4, 2)}),
        "logit_scale": {"logit_scale": torch.tensor(2.5)},
        "best_metrics": {"acc": torch.tensor(93.0)},
        "optimizer": {"state": {0: {"exp_avg": torch.ones(2)}}, "param_groups": []},
    }
    torch.save(content, tmp_path / "w.pt")
    header = import_checkpoint(tmp_path / "w.pt", tmp_path / "o.safetensors", family="openshape")
    left = {name: (part.tensors, part.parameters) for name, part in header.left_out.items()}
    assert left == {"image_proj": (1, 8)}, "its form is not known"
    assert header.heads == ("text",)
    assert load_encoder(tmp_path / "o.safetensors").heads["heads.text.layers.0.weight"].shape == (1280, 1280)


REAL = {
    "pointnet_modelnet40_cls.t7": ("pointnet", "pointnet", 40),
    "resnet20_cifar10.th": ("resnet20_cifar", "resnet20_cifar", 10),
    "mobilenet_v2_imagenet_int8.npz": ("mobilenet_v2", "mobilenet_v2", 1001),
}


@pytest.mark.parametrize("name", REAL)
def test_real_weights_import_and_load(shared_data, tmp_path, name):
    family, encoder, classes = REAL[name]
    header = import_checkpoint(shared_data / "weights" / name, tmp_path / "o.safetensors")
    assert (header.family, header.encoder.name) == (family, encoder)
    loaded = load_encoder(tmp_path / "o.safetensors")
    assert loaded.about.encoder.options["head_classes"] == classes
    assert json.dumps(loaded.header)
    if family == "pointnet":
        assert loaded.module.logits(torch.rand(2, 50, 3)).shape == (2, classes)
    else:
        pixels = loaded.about.pictures["pixels"]
        assert loaded.module.logits(torch.rand(2, 3, pixels, pixels)).shape == (2, classes)
        with pytest.raises(WeightsError, match="encoder of pictures"):
            _ = loaded.convention


def test_an_npz_of_anything_else_is_refused(tmp_path):
    np.savez(tmp_path / "w.npz", a=np.ones(3))
    with pytest.raises(WeightsError, match="only one known here is MobileNet-V2's"):
        import_checkpoint(tmp_path / "w.npz", tmp_path / "o.safetensors")
