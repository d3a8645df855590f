import json
from pathlib import Path

import pytest
import torch
from torch import nn

from anaglyph.errors import WeightsError
from anaglyph.io.containers import take_off_wrappers
from anaglyph.io.safe_header import MAX_HEADER_BYTES, MAX_TENSORS
from anaglyph.io.weights import (
    check_layout,
    load_into,
    load_trunk,
    read_header,
    read_pth,
    read_weights,
    write_weights,
)


def net(head=3):
    return nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Linear(5, head))


def test_weights_and_header_come_back(tmp_path):
    path = tmp_path / "w.safetensors"
    source = net().state_dict()
    header = {"config": {"width": 3, "rate": 0.5}, "licence": "CC0", "points": None}
    write_weights(path, source, header=header)
    assert read_header(path) == header
    again = read_weights(path)
    assert again.keys() == source.keys()
    assert all(torch.equal(again[key], source[key]) for key in source)


def test_a_header_of_another_program_is_read_as_text(tmp_path):
    from safetensors.torch import save_file

    save_file({"a": torch.ones(1)}, tmp_path / "w.safetensors", metadata={"format": "pt"})
    assert read_header(tmp_path / "w.safetensors") == {"format": "pt"}


def hostile(path, header, body=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + body)


def test_hostile_and_damaged_files_are_refused(tmp_path):
    path = tmp_path / "w.safetensors"
    tensor = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    cases = {
        "truncated": b"123",
        "no safetensors": (1 << 60).to_bytes(8, "little") + b"{}",
        "not JSON": (2).to_bytes(8, "little") + b"{x",
    }
    for reason, data in cases.items():
        path.write_bytes(data)
        with pytest.raises(WeightsError, match=reason):
            read_weights(path)
    hostile(path, {"a": {**tensor, "data_offsets": [0, 400]}}, b"1234")
    with pytest.raises(WeightsError, match="cannot be loaded"):
        read_weights(path)
    hostile(path, {"a": tensor, "b": tensor}, b"1234")
    with pytest.raises(WeightsError, match="cannot be loaded"):
        read_weights(path)
    hostile(path, {str(i): tensor for i in range(MAX_TENSORS + 2)}, b"1234")
    with pytest.raises(WeightsError, match="at most 20000"):
        read_weights(path)
    hostile(path, b" " * (MAX_HEADER_BYTES + 1))
    with pytest.raises(WeightsError, match="header of"):
        read_weights(path)
    with pytest.raises(WeightsError, match="No such file"):
        read_weights(tmp_path / "none.safetensors")


def test_a_header_at_the_limit_is_read(tmp_path):
    path = tmp_path / "w.safetensors"
    hostile(path, b"{}" + b" " * (MAX_HEADER_BYTES - 2))
    assert read_weights(path) == {}


def test_loading_names_every_key_that_does_not_fit_and_copies_nothing():
    module = net()
    before = {key: value.clone() for key, value in module.state_dict().items()}
    given = {key: value + 1 for key, value in module.state_dict().items()}
    del given["0.bias"]
    given["2.weight"] = torch.ones(9, 5)
    given["other"] = torch.ones(1)
    with pytest.raises(WeightsError) as caught:
        load_into(module, given, what="'w.safetensors'")
    for part in (
        "'w.safetensors'",
        "missing: 0.bias",
        "not known: other",
        "2.weight is (9, 5) instead of (3, 5)",
    ):
        assert part in str(caught.value)
    assert all(torch.equal(value, before[key]) for key, value in module.state_dict().items())


def test_loading_what_fits_loads_all_of_it():
    source, target = net(), net()
    load_into(target, source.state_dict(), what="w")
    assert all(torch.equal(value, source.state_dict()[key]) for key, value in target.state_dict().items())


def test_a_trunk_loads_beside_another_head():
    source, target = net(head=7), net(head=3)
    head = target.state_dict()["2.weight"].clone()
    old = {key: value for key, value in source.state_dict().items() if "num_batches" not in key}
    load_trunk(target, old, ignore=("2.",))
    assert torch.equal(target.state_dict()["0.weight"], source.state_dict()["0.weight"])
    assert torch.equal(target.state_dict()["2.weight"], head)


def test_a_trunk_that_matches_in_part_is_refused_with_the_ratio():
    target = net()
    before = target.state_dict()["0.weight"].clone()
    given = {"module." + key: value + 1 for key, value in net().state_dict().items()}
    with pytest.raises(
        WeightsError, match=r"matches 0 of 6 trunk keys \(0%\) of Sequential: missing: 0\.weight"
    ):
        load_trunk(target, given, ignore=("2.",))
    stripped = take_off_wrappers(given)[0]
    del stripped["1.weight"]
    with pytest.raises(WeightsError, match=r"5 of 6 trunk keys \(83%\).*missing: 1\.weight"):
        load_trunk(target, stripped, ignore=("2.",))
    with pytest.raises(WeightsError, match=r"not known: extra"):
        load_trunk(target, {**take_off_wrappers(given)[0], "extra": torch.ones(1)}, ignore=("2.",))
    assert torch.equal(target.state_dict()["0.weight"], before)


def test_pth_files_lose_their_containers_and_wrapper_prefixes(tmp_path):
    source = net().state_dict()
    torch.save(
        {"epoch": 3, "state_dict": {f"module.model.{key}": v for key, v in source.items()}},
        tmp_path / "w.pth",
    )
    read = read_pth(tmp_path / "w.pth")
    assert list(read) == list(source)
    load_into(net(), read, what="w")


class Trap:
    """Creates a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_a_pickle_that_would_run_code_is_refused_and_does_not_run(tmp_path):
    victim = tmp_path / "ran"
    torch.save({"state_dict": {"a": torch.ones(1)}, "extra": Trap(victim)}, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match="list of harmless types"):
        read_pth(tmp_path / "w.pth")
    assert not victim.exists()
    torch.load(tmp_path / "w.pth", weights_only=False)  # the trap is a real one
    assert victim.exists()


def test_damaged_and_empty_pth_files_are_errors(tmp_path):
    torch.save(net().state_dict(), tmp_path / "w.pth")
    whole = (tmp_path / "w.pth").read_bytes()
    for length in (0, 1, 50, len(whole) // 2, len(whole) - 10):
        (tmp_path / "cut.pth").write_bytes(whole[:length])
        with pytest.raises(WeightsError, match=r"cut\.pth"):
            read_pth(tmp_path / "cut.pth")
    torch.save({"epoch": 1}, tmp_path / "none.pth")
    with pytest.raises(WeightsError, match="holds no state dict"):
        read_pth(tmp_path / "none.pth")


@pytest.mark.parametrize("depth", [60, 900, 200_000])
def test_headers_that_nest_too_deep_to_walk_are_refused(tmp_path, depth):
    path, deep = tmp_path / "w.safetensors", "[" * depth + "]" * depth
    hostile(path, {"__metadata__": {"licence": deep}})
    with pytest.raises(WeightsError, match=r"header\.licence nests more than 50 deep"):
        read_header(path)
    hostile(path, f'{{"a": {deep}}}'.encode())
    with pytest.raises(WeightsError, match="nests more than 50 deep"):
        read_header(path)


def test_a_layout_is_checked_without_its_numbers(tmp_path):
    path = tmp_path / "w.safetensors"
    tensor = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    hostile(path, {"a": tensor}, b"1234")
    check_layout(path)
    for wrong in ({"data_offsets": [0, 40]}, {"dtype": "F4096"}, {"dtype": "F64"}, {"shape": [2]}):
        hostile(path, {"a": {**tensor, **wrong}}, b"1234")
        with pytest.raises(WeightsError, match="cannot be loaded"):
            check_layout(path)
