"""Hostile checkpoints: nothing they ask for happens, and what they ask for is known by name."""

import argparse
import builtins
import collections
import contextlib
import io
import os
import pickle
import struct
import subprocess
import tarfile
import zipfile

import numpy as np
import pytest
import torch

from anaglyph.errors import WeightsError
from anaglyph.io.containers import unwrap
from anaglyph.io.pickle_globals import UNCLEAR, scan
from anaglyph.io.torch_file import examine
from anaglyph.io.weights import read_pth_content


class Call:
    """Calls a function when it is unpickled."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


def traps(victim):
    code = f"open({str(victim)!r}, 'w').close()"
    return {
        "os.system": Call(os.system, f"touch {victim}"),
        "eval": Call(builtins.eval, code),
        "exec": Call(builtins.exec, code),
        "subprocess": Call(subprocess.call, ["touch", str(victim)]),
        "open": Call(builtins.open, str(victim), "w"),
        "getattr": Call(getattr, "x", "upper"),
        "inside args": argparse.Namespace(inner=[Call(os.system, f"touch {victim}")]),
        "torch.load": Call(torch.load, str(victim)),
        "numpy array": np.array([Call(os.system, f"touch {victim}")], dtype=object),
    }


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("trap", sorted(traps("x")))
def test_a_pickle_that_would_create_a_file_creates_none(tmp_path, trap, zipped):
    victim = tmp_path / "ran"
    content = {"state_dict": {"a": torch.ones(1)}, "extra": traps(victim)[trap]}
    torch.save(content, tmp_path / "w.pth", _use_new_zipfile_serialization=zipped)
    file = examine(tmp_path / "w.pth")
    assert file.facts.refused
    with pytest.raises(WeightsError, match="list of harmless types") as caught:
        read_pth_content(tmp_path / "w.pth")
    assert file.facts.refused[0] in str(caught.value)
    assert not victim.exists()


@pytest.mark.parametrize("protocol", range(6))
def test_plain_pickles_of_any_protocol_do_nothing(tmp_path, protocol):
    victim = tmp_path / "ran"
    (tmp_path / "w.pth").write_bytes(pickle.dumps(traps(victim)["os.system"], protocol=protocol))
    with pytest.raises(WeightsError):
        read_pth_content(tmp_path / "w.pth")
    assert not victim.exists()


@pytest.mark.parametrize(
    ("program", "asked"),
    [
        (b"\x80\x02cos\nsystem\n.", ["os.system"]),
        (b"\x80\x02c__builtin__\neval\n.", ["builtins.eval"]),
        (b"\x80\x04\x8c\x02os\x8c\x06system\x93.", ["os.system"]),
        (b"\x80\x04\x8c\x02os\x94\x8c\x06system\x94\x93h\x00h\x01\x93.", ["os.system"]),
        (b"\x80\x02(ios\nsystem\n.", ["os.system"]),
        (b"\x80\x04]\x8c\x06system\x93.", [UNCLEAR]),
        (b"\x80\x02\x82\x01.", ["extension registry.1"]),
    ],
)
def test_the_scan_finds_every_way_to_name_a_function(program, asked):
    assert scan(program).globals == asked
    assert scan(program).refused == asked


@pytest.mark.parametrize(
    "program", [b"", b"\x80", b"\x80\x02", b"\x80\x020.", b"\x80\x02t.", b"\x80\x02X\xff\xff\xff\x7f."]
)
def test_a_program_that_is_none_is_a_value_error(program):
    with pytest.raises(ValueError):
        scan(program)


def test_arguments_and_numpy_numbers_are_plain_values(tmp_path):
    numbers = [np.float64(0.5), np.float32(2.0), np.int64(-7), np.uint8(200), np.bool_(True), np.float16(1.5)]
    arguments = argparse.Namespace(lr=0.1, deep=[argparse.Namespace(x=1)])
    torch.save({"numbers": numbers, "args": arguments, "set": {1, 2}}, tmp_path / "w.pth")
    content = read_pth_content(tmp_path / "w.pth")
    assert content["numbers"] == [0.5, 2.0, -7, 200, True, 1.5]
    assert type(content["numbers"][0]) is float
    assert not isinstance(content["args"], argparse.Namespace)  # an inert look-alike
    assert (content["args"].lr, content["args"].deep[0].x) == (0.1, 1)


def test_numpy_numbers_of_older_numpy_are_read(tmp_path):
    torch.save({"best": np.float64(0.5)}, tmp_path / "w.pth")
    edit_program(
        tmp_path / "w.pth", lambda text: text.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    )
    assert "numpy.core.multiarray.scalar" in examine(tmp_path / "w.pth").facts.globals
    assert read_pth_content(tmp_path / "w.pth") == {"best": 0.5}


def edit_program(path, edit):
    """Rewrite data.pkl inside a checkpoint."""
    with zipfile.ZipFile(path) as archive:
        members = [(member.filename, archive.read(member)) for member in archive.infolist()]
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members:
            archive.writestr(name, edit(data) if name.endswith("data.pkl") else data)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_that_claims_more_numbers_than_it_holds_is_refused_before_it_is_read(tmp_path, zipped):
    path = tmp_path / "w.pth"
    torch.save({"a": torch.ones(70_000)}, path, _use_new_zipfile_serialization=zipped)
    old, new = b"J" + struct.pack("<i", 70_000), b"J" + struct.pack("<i", 2**31 - 1)
    if zipped:
        edit_program(path, lambda text: text.replace(old, new))
    else:
        path.write_bytes(path.read_bytes().replace(old, new))
    assert "claims 8589934588 bytes" in examine(path).fault
    with pytest.raises(WeightsError, match="claims"):
        read_pth_content(path)


def test_compressed_and_lying_archives_are_refused(tmp_path):
    torch.save({"a": torch.zeros(1000)}, tmp_path / "w.pth")
    with zipfile.ZipFile(tmp_path / "w.pth") as archive:
        members = [(member.filename, archive.read(member)) for member in archive.infolist()]
    with zipfile.ZipFile(tmp_path / "bomb.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    assert "compressed" in examine(tmp_path / "bomb.pth").fault
    with zipfile.ZipFile(tmp_path / "two.pth", "w") as archive:
        for folder in ("a", "b"):
            archive.writestr(f"{folder}/data.pkl", members[0][1])
    assert "2 members named data.pkl" in examine(tmp_path / "two.pth").fault


def test_torchscript_is_named_and_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "s.pt", "w") as archive:
        archive.writestr("s/constants.pkl", b"")
        archive.writestr("s/data.pkl", b"")
    assert examine(tmp_path / "s.pt").kind == "torchscript"
    with pytest.raises(WeightsError, match="holds code"):
        read_pth_content(tmp_path / "s.pt")


def test_every_truncation_of_both_forms_is_an_error_or_whole(tmp_path):
    for zipped in (True, False):
        buffer = io.BytesIO()
        torch.save({"a": torch.arange(9.0)}, buffer, _use_new_zipfile_serialization=zipped)
        whole = buffer.getvalue()
        for length in range(0, len(whole), max(1, len(whole) // 60)):
            (tmp_path / "cut.pth").write_bytes(whole[:length])
            with pytest.raises(WeightsError):
                read_pth_content(tmp_path / "cut.pth")


def test_flipped_bytes_never_end_in_anything_but_weights_errors(tmp_path):
    generator = np.random.default_rng(0)
    for zipped in (True, False):
        buffer = io.BytesIO()
        torch.save(
            {"a": torch.arange(3.0), "best": np.float64(1.0)}, buffer, _use_new_zipfile_serialization=zipped
        )
        for _ in range(150):
            data = bytearray(buffer.getvalue())
            for place in generator.integers(0, len(data), 3):
                data[place] = generator.integers(0, 256)
            (tmp_path / "w.pth").write_bytes(bytes(data))
            with contextlib.suppress(WeightsError):
                read_pth_content(tmp_path / "w.pth")


def checkpoint(path, program):
    """A file as torch.save writes it, with a pickle of one's own."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/data.pkl", program)
        archive.writestr("a/version", "3\n")
        archive.writestr("a/byteorder", "little")
    return path


def doubled(start, join, times):
    """Something held twice in something that is held twice ...: `times` opcodes, 2**times leaves."""
    steps = (b"h" + bytes([i]) + join.replace(b"?", b"h" + bytes([i])) for i in range(times))
    return start + b"q\x00" + b"".join(step + b"q" + bytes([i + 1]) for i, step in enumerate(steps))


LAUGHS = doubled(b")", b"?\x86", 40)
"""Tuples in tuples; 2**40 steps to hash or print."""
LISTS = b"]" + b"".join(b"q" + bytes([i]) + b"](h" + bytes([i]) + b"h" + bytes([i]) + b"e" for i in range(40))
"""Lists in lists; no key can hold them, a message could print them."""
WIDE = b")" + b"".join(b"q" + bytes([i]) + b"(" + (b"h" + bytes([i])) * 100 + b"t" for i in range(4))
SET = b"c__builtin__\nset\n"
COUNTER = b"ccollections\nCounter\n"


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        (b"}" + LAUGHS + b"K\x01s", "nests tuples more than 8 deep"),
        (b"}(" + LAUGHS + b"K\x01u", "nests tuples more than 8 deep"),
        (SET + b"](" + LAUGHS + b"e\x85R", "nests tuples more than 8 deep"),
        (b"}" + WIDE + b"K\x01s", "a key of more than 10000 values"),
        (COUNTER + b"](" + WIDE + b"e\x85R" + b"0" + COUNTER + b"](" + WIDE + b"e\x85R", "to hash or copy"),
        (LISTS + b")R", "calls something that is no name"),
        (LISTS + b")\x81", "calls something that is no name"),
        (b"](" + b"K\x01" * 9999 + b"eq\x00" + (SET + b"h\x00\x85R0") * 7000, "to hash or copy"),
        (b"c_codecs\nencode\nq\x00X" + struct.pack("<I", 1 << 20) + b"a" * (1 << 20)
         + b"q\x01X\x06\0\0\0latin1q\x02](" + b"h\x00h\x01h\x02\x86R" * 100 + b"e", "to hash or copy"),
    ],
    ids=[
        "key", "keys", "set", "wide key", "wide counter", "callee", "class", "many sets", "many copies"
    ],
)  # fmt: skip
def test_a_small_file_that_would_work_for_ages_is_refused_at_once(tmp_path, program, reason):
    path = checkpoint(tmp_path / "w.pth", b"\x80\x02" + program + b".")
    assert reason in examine(path).fault
    with pytest.raises(WeightsError, match="no weights need"):
        read_pth_content(path)


def test_ordinary_keys_and_tuples_are_read(tmp_path):
    content = {("a", 1): [((1, 2), (3, (4,)))], np.int64(3): {1: "x"}, 2.5: torch.Size([1, 2]), "s": {1, 2}}
    torch.save(content, tmp_path / "w.pth")
    assert read_pth_content(tmp_path / "w.pth") == content


def test_types_of_numbers_text_of_numpy_and_default_dictionaries_are_read(tmp_path):
    filled = collections.defaultdict(list, a=[1])
    content = {"x": torch.int64, "y": torch.float16, "text": np.str_("abä"), "d": filled}
    content |= {"e": collections.defaultdict(int, b=2), "f": collections.defaultdict(None)}
    torch.save(content, tmp_path / "w.pth")
    read = read_pth_content(tmp_path / "w.pth")
    assert read == {**content, "text": "abä"}
    assert type(read["d"]) is dict
    assert type(read["text"]) is str


def test_a_default_dictionary_of_anything_else_is_refused_by_name(tmp_path):
    torch.save({"d": collections.defaultdict(os.getcwd)}, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match=r"asks for (posix|nt)\.getcwd, which is not on the list"):
        read_pth_content(tmp_path / "w.pth")
    checkpoint(tmp_path / "w.pth", b"\x80\x02c__builtin__\nint\nX\x01\0\0\x005\x85R.")
    with pytest.raises(WeightsError, match="int is only known as what a defaultdict makes"):
        read_pth_content(tmp_path / "w.pth")


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_another_pickle_protocol_is_refused_for_what_it_is(tmp_path, protocol):
    torch.save({"a": torch.ones(1)}, tmp_path / "w.pth", pickle_protocol=protocol)
    with pytest.raises(WeightsError, match=f"protocol {protocol}, and PyTorch's weights-only reader knows"):
        read_pth_content(tmp_path / "w.pth")


def test_no_message_advises_to_read_without_checks(tmp_path):
    checkpoint(tmp_path / "w.pth", b"\x80\x02(l.")  # an opcode that PyTorch's reader does not know
    with pytest.raises(WeightsError, match="does not accept") as caught:
        read_pth_content(tmp_path / "w.pth")
    assert "weights_only" not in str(caught.value)


def test_a_tar_archive_is_named(tmp_path):
    with tarfile.open(tmp_path / "w.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo("sys_info"))
    with pytest.raises(WeightsError, match="a tar archive; unpack it"):
        read_pth_content(tmp_path / "w.tar")


@pytest.mark.parametrize("attribute", ["get", "items", "keys", "__class__", "values"])
@pytest.mark.parametrize("inside", [False, True])
def test_a_mapping_whose_methods_are_laid_over_is_read_as_what_it_holds(tmp_path, attribute, inside):
    mapping = (
        b"ccollections\nOrderedDict\n)RX\x01\0\0\0aK\x02s}X"
        + struct.pack("<I", len(attribute)) + attribute.encode() + b"K\x05sb"
    )  # fmt: skip
    program = b"}X\x0a\0\0\0state_dict" + mapping + b"s" if inside else mapping
    content = read_pth_content(checkpoint(tmp_path / "w.pth", b"\x80\x02" + program + b"."))
    unwrapped = unwrap(content)
    assert (unwrapped.place, unwrapped.beside) == (("state_dict",) if inside else (), {"a": 2})
