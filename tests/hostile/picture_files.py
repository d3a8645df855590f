"""Hostile and exotic picture files, each made in code: what it is, and what reading it must give."""

import io
import struct
import zlib
from dataclasses import dataclass

import numpy as np
from PIL import Image

from hostile.png_writer import GREY, PALETTE, SIGNATURE, chunk, header, png

WHITE = 255


@dataclass(frozen=True, eq=False)
class Case:
    """One file. `rgb` None: it must be refused with `reason` in the message; else these are its pixels."""

    name: str
    data: bytes
    reason: str = ""
    rgb: np.ndarray | None = None
    mask: np.ndarray | None = None
    tolerance: int = 0
    suffix: str = ".png"


def noise(height=13, width=17, channels=3, *, seed=0, below=256):
    shape = (height, width, channels)
    return np.random.default_rng(seed).integers(0, below, shape)


def smooth(height=32, width=40):
    """A picture that JPEG keeps well."""
    y, x = np.mgrid[0:height, 0:width]
    parts = (x * 255 / width, y * 255 / height, np.full_like(x, 90.0, dtype=float))
    return np.stack(parts, axis=-1).astype(np.uint8)


def saved(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def on_white(rgb, alpha):
    """The definition of compositing, in whole numbers within one of any rounding."""
    share = alpha[..., None].astype(float) / 255.0
    return np.round(rgb * share + WHITE * (1.0 - share))


def bombs():
    """Small files that announce or unfold into very much."""
    lies = {"100 000 squared": 100_000, "2^31 - 1 squared": 2**31 - 1}
    for name, side in lies.items():
        data = SIGNATURE + header(side, side) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND")
        yield Case(f"a PNG of {name}", data, "pixels")
    row = SIGNATURE + header(50_000_001, 1, 1, GREY) + chunk(b"IDAT", zlib.compress(b"\0" * 9))
    yield Case("a PNG of 50 million and one pixels", row + chunk(b"IEND"), "at most 50000000 pixels")
    yield Case("a one-bit PNG of 14000 squared", saved(Image.new("1", (14_000, 14_000)), "PNG"), "50000000")
    jpeg = bytearray(saved(Image.fromarray(smooth()), "JPEG"))
    frame = jpeg.index(b"\xff\xc0")
    jpeg[frame + 5 : frame + 9] = struct.pack(">HH", 65_500, 65_500)
    yield Case("a JPEG of 65500 squared", bytes(jpeg), "50000000", suffix=".jpg")
    canvas = struct.pack("<I", 0)[:4] + b"\xff\xff\xff" * 2
    webp = b"WEBPVP8X" + struct.pack("<I", 10) + canvas
    yield Case("a WebP of 2^24 squared", b"RIFF" + struct.pack("<I", len(webp)) + webp, "", suffix=".webp")
    text = zlib.compress(b"a" * (80 << 20), 9)
    base = noise()
    yield Case("80 MiB of compressed text", png(base, before=chunk(b"zTXt", b"a\0\0" + text)), "ecompress")
    yield Case("80 MiB of colour profile", png(base, before=chunk(b"iCCP", b"a\0\0" + text)), "ecompress")
    yield Case("a million chunks", png(base, before=chunk(b"teSt") * 1_000_000), "20000 parts")
    plain = saved(Image.fromarray(smooth()), "JPEG")
    filler = plain[:2] + b"\xff" * (10 << 20) + plain[2:]
    yield Case("ten MiB of JPEG filling", filler, "20000 parts", suffix=".jpg")
    comments = plain[:2] + b"\xff\xfe\0\2" * 2_000_000 + plain[2:]
    yield Case("two million JPEG comments", comments, "20000 parts", suffix=".jpg")
    large = saved(Image.new("RGB", (7000, 7000)), "JPEG", progressive=True)
    scan, end = large[large.rindex(b"\xff\xda") : -2], large[-2:]
    yield Case("a JPEG with ten thousand scans", large[:-2] + scan * 10_000 + end, "goes over", suffix=".jpg")
    yield Case("21 MiB", png(base, after=b"\0" * (21 << 20)), "at most 20971520")


def truncated():
    """Nine kinds of whole files, cut off after each tenth."""
    picture = Image.fromarray(noise(48, 64).astype(np.uint8))
    palette = noise(16, 1)[:, 0]
    whole = {
        "png": saved(picture, "PNG"),
        "interlaced png": png(noise(48, 64), interlace=True),
        "palette png": png(noise(48, 64, 1, below=16), depth=4, colour=PALETTE, palette=palette),
        "16-bit png": png(noise(48, 64, 1, below=65_536), depth=16, colour=GREY),
        "animated png": saved(picture, "PNG", save_all=True, append_images=[picture.rotate(90)] * 2),
        "jpeg": saved(picture, "JPEG"),
        "progressive jpeg": saved(picture, "JPEG", progressive=True),
        "webp": saved(picture, "WEBP"),
        "lossless webp": saved(picture, "WEBP", lossless=True),
        "animated webp": saved(picture, "WEBP", save_all=True, append_images=[picture.rotate(90)] * 2),
    }
    for name, data in whole.items():
        for tenth in range(10):
            yield Case(f"{tenth} tenths of a {name}", data[: len(data) * tenth // 10])


def lying_pngs():
    """PNG files whose parts contradict one another."""
    base = noise()
    good = png(base)
    body = good[8 + 25 :]
    lies = {
        "width 0": SIGNATURE + header(0, 13) + body,
        "height 0": SIGNATURE + header(17, 0) + body,
        "more rows than there are": SIGNATURE + header(17, 99) + body,
        "rows longer than they are": SIGNATURE + header(34, 13) + body,
        "depth 7": SIGNATURE + header(17, 13, 7) + body,
        "colour type 5": SIGNATURE + header(17, 13, 8, 5) + body,
        "palette without one bit of data": SIGNATURE + header(17, 13, 8, PALETTE) + chunk(b"IEND"),
        "a wrong checksum of the header": good[:29] + b"\0\0\0\0" + good[33:],
        "a wrong checksum of the pixels": SIGNATURE + header(17, 13)
        + chunk(b"IDAT", zlib.compress(b"\0" * 13 * 52), checksum=1) + chunk(b"IEND"),
        "no header": SIGNATURE + body,
        "no pixels": SIGNATURE + header(17, 13) + chunk(b"IEND"),
        "an end that is cut off": good[:-3],
        "a chunk of 2^31 bytes": SIGNATURE + header(17, 13) + chunk(b"IDAT", b"x", length=2**31 - 1),
        "pixels that are not compressed": SIGNATURE + header(17, 13) + chunk(b"IDAT", b"\0" * 700)
        + chunk(b"IEND"),
        "a filter that does not exist": SIGNATURE + header(17, 13)
        + chunk(b"IDAT", zlib.compress((b"\x09" + b"\1" * 51) * 13)) + chunk(b"IEND"),
        "a header of one byte": SIGNATURE + chunk(b"IHDR", b"\1") + body,
        "text characters in the signature": b"\x89PNG\n\n\x1a\n" + good[8:],
        "chunk names that are none": SIGNATURE + header(17, 13) + chunk(b"\0\1\2\3", b"zz") + body,
    }  # fmt: skip
    for name, data in lies.items():
        yield Case(f"a PNG with {name}", data)
    yield Case("a header hidden behind 4 GiB", SIGNATURE + struct.pack(">I", 2**32 - 1) + good[12:])


def lying_others():
    """JPEG and WebP files whose parts contradict one another."""
    jpeg = saved(Image.fromarray(smooth()), "JPEG")
    frame = jpeg.index(b"\xff\xc0")

    def patched(offset, value):
        return jpeg[: frame + offset] + value + jpeg[frame + offset + len(value) :]

    tables = jpeg.index(b"\xff\xdb")
    lies = {
        "height 0": patched(5, b"\0\0"),
        "width 0": patched(7, b"\0\0"),
        "precision 12": patched(4, b"\x0c"),
        "no components": patched(9, b"\0"),
        "nine components": patched(9, b"\x09"),
        "a frame of length 0": patched(2, b"\0\0"),
        "a table that points beyond the end": jpeg[: tables + 2] + b"\xff\xff" + jpeg[tables + 4 :],
        "only markers": b"\xff\xd8\xff\xd9",
        "no frame": jpeg[:frame] + jpeg[jpeg.index(b"\xff\xda") :],
        "no scan": jpeg[: jpeg.index(b"\xff\xda")] + b"\xff\xd9",
    }
    for name, data in lies.items():
        yield Case(f"a JPEG with {name}", data, suffix=".jpg")
    webp = saved(Image.fromarray(smooth()), "WEBP", lossless=True)
    lies = {
        "a RIFF that ends before it begins": webp[:4] + struct.pack("<I", 4) + webp[8:],
        "a chunk longer than the file": webp[:16] + struct.pack("<I", 2**31) + webp[20:],
        "a chunk of no bytes": webp[:16] + struct.pack("<I", 0) + webp[20:],
        "only a signature": b"RIFF\x24\0\0\0WEBPVP8 ",
        "another signature": webp[:20] + b"\x2e" + webp[21:],
        "an unknown codec": webp[:12] + b"VP9X" + webp[16:],
    }
    for name, data in lies.items():
        yield Case(f"a WebP with {name}", data, suffix=".webp")


def other_formats():
    """Formats that Pillow knows and Anaglyph does not read, under names that it does."""
    picture = Image.fromarray(smooth())
    for kind in ("BMP", "GIF", "TIFF", "ICO", "PPM", "TGA", "PCX", "SGI", "EPS", "PDF", "JPEG2000",
                 "ICNS", "DDS", "AVIF", "QOI", "MSP", "XBM"):  # fmt: skip
        mode = "1" if kind in ("MSP", "XBM") else "RGB"
        yield Case(f"a {kind} file", saved(picture.convert(mode), kind), "is not a readable PNG, JPEG, WEBP")
    texts = {
        "PostScript that runs": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(x) (w) file closefile\n",
        "an SVG picture": b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>",
        "a web page": b"<!doctype html><script>alert(1)</script>",
        "a zip archive": b"PK\x03\x04" + b"\0" * 60,
        "an executable": b"\x7fELF" + b"\0" * 60,
        "a FITS header": b"SIMPLE  =                    T".ljust(2880),
        "nothing": b"",
        "one byte": b"\x89",
        "only the PNG signature": SIGNATURE,
        "only the JPEG signature": b"\xff\xd8\xff",
    }
    for name, data in texts.items():
        yield Case(name, data, "is not a readable PNG, JPEG, WEBP")


def random_bytes():
    """Noise, bare and behind the first bytes of a format."""
    fronts = {
        "": b"",
        " behind a PNG's start": SIGNATURE,
        " behind a PNG's header": SIGNATURE + header(17, 13),
        " behind a JPEG's start": b"\xff\xd8\xff\xe0\0\x10JFIF\0",
        " behind a WebP's": b"RIFF\0\1\0\0WEBP",
    }
    for name, front in fronts.items():
        for seed in range(4):
            tail = np.random.default_rng(seed).bytes(4000)
            yield Case(f"noise {seed}{name}", front + tail)
