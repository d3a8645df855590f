"""Archives: honest ones come out as they went in, every lie is refused by name, nothing is believed."""

import io
import struct
import zipfile
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anaglyph.errors import DataError
from anaglyph.io.archive import ArchiveLimits, read_archive, safe_name


def zipped(members, method=zipfile.ZIP_DEFLATED):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return stream.getvalue()


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_members_come_out_as_they_went_in(tmp_path, method):
    members = [
        ("a.txt", b"hello"),
        ("folder/", b""),
        ("folder/b.bin", bytes(range(256)) * 50),
        ("empty", b""),
    ]
    (tmp_path / "a.zip").write_bytes(zipped(members, method))
    expected = {name: data for name, data in members if not name.endswith("/")}
    assert read_archive(tmp_path / "a.zip") == expected
    assert read_archive((tmp_path / "a.zip").read_bytes()) == expected


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(st.text("abc/. -ü", min_size=1, max_size=12), st.binary(max_size=50), max_size=5))
def test_whatever_comes_out_has_a_safe_name_and_its_bytes(members):
    try:
        found = read_archive(zipped(members.items()))
    except DataError:
        return
    for name, data in found.items():
        assert not name.startswith("/")
        assert ".." not in name.split("/")
        assert data in members.values()


@pytest.mark.parametrize(
    "name",
    [
        "../a",
        "a/../../b",
        "/a",
        "\\a",
        "a\\b",
        "C:a",
        "C:/a",
        "~/a",
        "a\nb",
        "\x1b[2Ja",
        "..",
        "x" * 256,
        "/".join("a" * 17),
    ],
)
def test_names_that_no_honest_archive_needs_are_refused(name):
    with pytest.raises(DataError, match=r"name|member|deep"):
        read_archive(zipped([("good", b"x"), (name, b"x")]))
    with pytest.raises(ValueError, match=r"name|member|deep"):
        safe_name(name)


def test_a_name_that_hides_its_end_behind_a_nul_is_refused():
    data = zipped([("a.txt\x01.exe", b"x")]).replace(b"a.txt\x01", b"a.txt\x00")
    with pytest.raises(DataError, match="control"):
        read_archive(data)


def test_names_just_inside_the_limits_are_read():
    assert safe_name("x" * 255) == "x" * 255
    assert safe_name("/".join("a" * 16)) == "/".join("a" * 16)
    assert safe_name("./a//b") == "a/b"


@pytest.mark.parametrize("second", ["a", "A", "./a"])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_stands_twice_is_refused(second):
    with pytest.raises(DataError, match="twice"):
        read_archive(zipped([("a", b"1"), (second, b"2")]))


@pytest.mark.parametrize(
    ("name", "fits", "passed"),
    [
        ("members", 3, 2),
        ("total_bytes", 3000, 2999),
        ("name_length", 5, 4),
        ("depth", 2, 1),
    ],
)
def test_each_limit_from_both_sides(name, fits, passed):
    data = zipped([("a", bytes(1000)), ("b", bytes(1000)), ("c/ddd", bytes(1000))], zipfile.ZIP_STORED)
    assert len(read_archive(data, ArchiveLimits(**{name: fits}))) == 3
    with pytest.raises(DataError, match=r"at most|more than"):
        read_archive(data, ArchiveLimits(**{name: passed}))


def test_a_bomb_is_stopped_by_what_it_produces():
    data = zipped([("zeros", bytes(4 << 20))])
    with pytest.raises(DataError, match="200 times its size"):
        read_archive(data)
    assert len(read_archive(data, ArchiveLimits(ratio=2000.0))["zeros"]) == 4 << 20


def test_a_short_run_of_zeros_is_no_bomb():
    assert len(read_archive(zipped([("zeros", bytes(1 << 20))]))["zeros"]) == 1 << 20


def by_hand(packed, announced, crc, *, copies=1):
    """An archive whose sizes are whatever one says; several entries may share their bytes."""
    local = (
        b"PK\x03\x04"
        + struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 0, crc, len(packed), announced, 1, 0)
        + b"a"
        + packed
    )
    central = b""
    for number in range(copies):
        head = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 0, crc, len(packed), announced, 1, 0)
        central += b"PK\x01\x02" + struct.pack("<H", 20) + head + struct.pack("<HHHII", 0, 0, 0, 0, 0)
        central += bytes([ord("a") + number])
    return (
        local
        + central
        + b"PK\x05\x06"
        + struct.pack("<HHHHIIH", 0, 0, copies, copies, len(central), len(local), 0)
    )


def deflated(data):
    stream = zlib.compressobj(9, zlib.DEFLATED, -15)
    return stream.compress(data) + stream.flush()


@pytest.mark.parametrize("announced", [0, 1, 4999, 5001, 2**31])
def test_sizes_that_lie_are_refused(announced):
    data = bytes(range(250)) * 20
    assert read_archive(by_hand(deflated(data), 5000, zlib.crc32(data))) == {"a": data}
    with pytest.raises(DataError):
        read_archive(by_hand(deflated(data), announced, zlib.crc32(data)))


def test_entries_that_share_their_bytes_are_counted_as_often_as_they_come_out():
    data = bytes(900_000)
    packed = deflated(data)
    assert read_archive(by_hand(packed, len(data), zlib.crc32(data)))
    shared = by_hand(packed, len(data), zlib.crc32(data), copies=20).replace(b"PK\x03\x04", b"PK\x03\x04", 1)
    with pytest.raises(DataError):
        read_archive(shared)


@pytest.mark.parametrize(
    "inner", [zipped([("a", b"x")]), b"\x1f\x8b\x08\x00", b"BZh91", b"Rar!\x1a", b"7z\xbc\xaf\x27\x1c"]
)
def test_archives_in_archives_are_refused_unless_allowed(inner):
    with pytest.raises(DataError, match="archive itself"):
        read_archive(zipped([("inner", inner)]))
    assert read_archive(zipped([("inner", inner)]), ArchiveLimits(nesting=2)) == {"inner": inner}


@pytest.mark.parametrize("kind", [0o120777, 0o020666, 0o060666, 0o010644, 0o140777])
def test_links_and_devices_are_refused(kind):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        info = zipfile.ZipInfo("link")
        info.external_attr = kind << 16
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(DataError, match="link or a device"):
        read_archive(stream.getvalue())


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_ways_to_pack_are_refused(method):
    with pytest.raises(DataError, match="method"):
        read_archive(zipped([("a", b"x" * 100)], method))


def test_an_encrypted_member_is_refused():
    data = bytearray(zipped([("a", b"x")]))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(DataError, match="encrypted"):
        read_archive(bytes(data))


def test_every_truncation_is_a_data_error_that_names_the_file(tmp_path):
    data = zipped([("a", b"hello" * 20), ("b", bytes(range(200)))])
    path = tmp_path / "cut.zip"
    for size in range(len(data)):
        path.write_bytes(data[:size])
        with pytest.raises(DataError, match=r"cut\.zip"):
            read_archive(path)


def test_an_absent_file_is_a_data_error(tmp_path):
    with pytest.raises(DataError, match=r"none\.zip"):
        read_archive(tmp_path / "none.zip")


def test_a_changed_byte_is_noticed_by_the_checksum():
    data = bytearray(zipped([("a", b"hello" * 20)], zipfile.ZIP_STORED))
    data[data.index(b"hello")] ^= 1
    with pytest.raises(DataError, match="CRC"):
        read_archive(bytes(data))
