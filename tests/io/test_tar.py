import io
import tarfile

import pytest

from anaglyph.io.tar import BLOCK, END, TarError, TruncatedError, header, members, padding


def archive(*entries, form=tarfile.USTAR_FORMAT):
    """A tar by Python's own writer from (name, content) or TarInfo with content."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=form) as made:
        for name, content in entries:
            about = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            about.size = about.size or len(content)
            made.addfile(about, io.BytesIO(content))
    return target.getvalue()


def listed(data):
    return [
        (member.name, data[member.offset : member.offset + member.size])
        for member in members(io.BytesIO(data))
    ]


def special(name, kind, target=""):
    about = tarfile.TarInfo(name)
    about.type, about.linkname = kind, target
    return about


FILES = [("a.txt", b"one"), ("folder/b.bin", bytes(range(256)) * 5), ("empty", b""), ("last", b"x" * 512)]


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_members_lie_where_python_put_them(form):
    long = (
        [("d" * 40 + "/" + "n" * 110, b"long"), ("ü" * 60, b"letters")]
        if form != tarfile.USTAR_FORMAT
        else []
    )
    data = archive(*FILES, *long, form=form)
    assert listed(data) == [*FILES, *long]


def test_times_with_fractions_make_extended_headers_as_webdataset_writes_them():
    about = tarfile.TarInfo("a.npy")
    about.mtime = 1700000000.25
    data = archive((about, b"content"), form=tarfile.PAX_FORMAT)
    assert b"mtime=1700000000.25" in data
    assert listed(data) == [("a.npy", b"content")]


def test_python_reads_what_is_written_here():
    data = b"".join(part for name, content in FILES for part in (header(name, len(content)), content,
                                                                 padding(len(content)))) + END  # fmt: skip
    with tarfile.open(fileobj=io.BytesIO(data)) as made:
        assert [(each.name, made.extractfile(each).read()) for each in made] == FILES
    assert listed(data) == FILES


def test_folders_are_passed_over():
    assert listed(archive((special("d", tarfile.DIRTYPE), b""), *FILES)) == FILES


def test_an_archive_cut_anywhere_is_truncated_and_gives_what_came_before():
    data = archive(*FILES)
    for cut in range(BLOCK, len(data), 333):
        found = []
        try:
            for member in members(io.BytesIO(data[:cut])):
                found.append(member.name)
        except TruncatedError:
            pass
        assert found == [name for name, _ in FILES][: len(found)]
    with pytest.raises(TruncatedError, match="closing blocks"):
        listed(data[: BLOCK * 2])
    with pytest.raises(TruncatedError, match=r"'folder/b\.bin' needs"):
        listed(data[: BLOCK * 4])


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (special("a", tarfile.SYMTYPE, "/etc/passwd"), "link or a device"),
        (special("a", tarfile.LNKTYPE, "b"), "link or a device"),
        (special("a", tarfile.CHRTYPE), "link or a device"),
        (special("a", tarfile.FIFOTYPE), "link or a device"),
        ("../a", "leads out"),
        ("x/../../a", "leads out"),
        ("/etc/a", "absolute"),
        ("c:\\a", "another system"),
        ("a\nb", "control characters"),
    ],
)
def test_what_leads_out_of_the_archive_is_refused(entry, message):
    with pytest.raises(TarError, match=message):
        listed(archive((entry, b"")))


def forged(name="a", *, size=b"", kind=b"0"):
    block = bytearray(header(name, 0))
    block[156:157] = kind
    if size:
        block[124:136] = size
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (forged(size=b"77777777777\0") + END, "truncated or lies"),
        (forged(size=b"\x80" + b"\xff" * 11) + END, "truncated or lies"),
        (forged(size=b"zz\0") + END, "letters where a number"),
        (forged(size=b"00000200001\0", kind=b"x") + END, "extended header of 65537 bytes"),
        (forged(size=b"\x80" + b"\xff" * 11, kind=b"L") + END, "at most 65536"),
        (
            forged(size=b"00000000005\0", kind=b"x") + b"9 a=b" + bytes(507) + END,
            "extended header is damaged",
        ),
        (forged(size=b"00000000014\0", kind=b"x") + b"12 size=abc\n" + bytes(500) + END, "letters where"),
        (b"x" * 1024, "no uncompressed tar"),
        (b"\x1f\x8b" + bytes(510) + END, "no uncompressed tar"),
        (forged() + b"x" * 512 + END, "header at byte 512 is damaged"),
        (b"", "empty"),
        (END, "empty"),
    ],
)
def test_lying_and_damaged_headers_are_refused(data, message):
    with pytest.raises(TarError, match=message):
        listed(data)


def test_an_extended_size_does_not_reach_beyond_the_file():
    extended = b"19 size=9999999999\n"
    data = (
        forged(size=b"%011o\0" % len(extended), kind=b"x")
        + extended
        + padding(len(extended))
        + forged()
        + END
    )
    with pytest.raises(TruncatedError, match="truncated or lies"):
        listed(data)


def test_members_are_counted():
    data = archive(*[(f"n{number}", b"") for number in range(5)])
    assert len(list(members(io.BytesIO(data), most=5))) == 5
    with pytest.raises(TarError, match="more than 4 members"):
        list(members(io.BytesIO(data), most=4))
