"""Headers that lie: an error in time, no large allocation, no network that is not in the file."""

import pytest
import torch

from anaglyph.encoders.checkpoints.importer import import_checkpoint
from anaglyph.encoders.checkpoints.load import check_encoder_file, load_encoder
from anaglyph.errors import WeightsError
from anaglyph.io.weights import read_header, read_weights, write_weights
from reference import official_backbones as backbones


@pytest.fixture(scope="module")
def imported(tmp_path_factory, tensors_of):
    folder = tmp_path_factory.mktemp("imported")
    torch.save(tensors_of(backbones.pointnet(3)), folder / "w.pth")
    import_checkpoint(folder / "w.pth", folder / "w.safetensors")
    path = folder / "w.safetensors"
    return path, read_header(path), read_weights(path)


def refused(tmp_path, imported, header=None, tensors=None, match=""):
    path = tmp_path / "w.safetensors"
    write_weights(
        path, imported[2] if tensors is None else tensors, header=imported[1] if header is None else header
    )
    for refuses in (check_encoder_file, load_encoder):
        with pytest.raises(WeightsError, match=match):
            refuses(path)


def test_what_was_imported_is_loaded_and_global_randomness_stays(imported, untouched_generators):
    loaded = load_encoder(imported[0])
    state = loaded.module.state_dict()
    assert all(torch.equal(state[key], value) for key, value in imported[2].items())


def spec(name="pointnet", **options):
    return {"encoder": {"name": name, "options": options}}


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        (spec("pointnot"), "did you mean 'pointnet'"),
        (spec(head_classes=4), "different: linear3"),
        (spec(head_classes=3, wdths=3), "widths"),
        (spec(head_classes=10**12), "at most 65536"),
        (spec(head_classes=3, embed_dim=-5), "embed_dim"),
        (spec(widths=[[[[[[1]]]]]]), "nested"),
        (spec(widths=[1] * 300), "nested or long"),
        (spec("point_mae", depth=60_000), "more than 51 parameters"),
        (spec("projected", encoder="projected"), "another one"),
        (spec("uni3d", size="g"), "more than 51 parameters"),
        (spec("pointnet", dropout=float("nan")), "nan|NaN"),
        ({"format": 2}, "format 2"),
        ({"format": True}, "format True"),
        ({"kind": "method"}, "kind 'method'"),
        ({"convention": {"points": 0}}, "points must be >= 1"),
        ({"convention": {"axes": ["x", "x", "y"]}}, "axes"),
        ({"parameters": "many"}, "parameters must be int"),
        ({"surprise": 1}, "surprise"),
        ({"source": None}, "source"),
        ({"encoder": []}, "encoder"),
        ({"convention": {"points": 10**30}}, "<= 20000000"),
        ({"convention": None}, "neither how 'pointnet' wants its clouds"),
        ({"format": "1" * 5000}, r"format '1{39};"),
        (spec("point_mae", groups=60_000, group_size=1000), "60000 x 1000; at most 1048576"),
        (spec("projected", options={"groups": 60_000, "group_size": 1000}), "60000 x 1000"),
    ],
)
def test_a_header_that_cannot_be_meant_is_refused(tmp_path, imported, changes, match):
    refused(tmp_path, imported, {**imported[1], **changes}, match=match)


def test_a_trained_method_and_a_foreign_file_are_not_encoders(tmp_path, imported):
    refused(tmp_path, imported, {"format": 1, "stage": {}}, match="a trained method")
    refused(tmp_path, imported, {}, match="no kind")


def test_tensors_other_than_the_headers_encoder_are_refused_by_name(tmp_path, imported):
    tensors = dict(imported[2])
    refused(tmp_path, imported, tensors={**tensors, "extra": torch.ones(1)}, match="different: extra")
    refused(tmp_path, imported, tensors={**tensors, "linear1.bias": torch.ones(2)}, match=r"linear1\.bias")
    del tensors["linear1.bias"]
    refused(tmp_path, imported, tensors=tensors, match=r"linear1\.bias")


@pytest.mark.parametrize("kind", [torch.float16, torch.int32, torch.float64])
def test_numbers_of_another_type_than_the_import_writes_are_refused(tmp_path, imported, kind):
    tensors = {**imported[2], "linear1.bias": imported[2]["linear1.bias"].to(kind)}
    refused(tmp_path, imported, tensors=tensors, match=r"linear1\.bias holds \w+ instead of F32")


def test_truncated_files_are_refused(tmp_path, imported):
    whole = imported[0].read_bytes()
    for length in (0, 5, 100, len(whole) // 2, len(whole) - 1):
        (tmp_path / "cut.safetensors").write_bytes(whole[:length])
        with pytest.raises(WeightsError):
            load_encoder(tmp_path / "cut.safetensors")
    with pytest.raises(WeightsError, match="No such file"):
        load_encoder(tmp_path / "none.safetensors")
