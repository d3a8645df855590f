"""Unusual but legal picture files with the pixels that every viewer shows."""

import numpy as np
from PIL import Image

from hostile.picture_files import WHITE, Case, noise, on_white, saved, smooth
from hostile.png_writer import COLOUR, COLOUR_ALPHA, GREY, GREY_ALPHA, PALETTE, chunk, png


def grey(samples, most):
    """(H, W, 1) of 0..most -> (H, W, 3) of 0..255."""
    return np.repeat(np.round(samples * 255.0 / most), 3, axis=2)


def depths():
    """Every bit depth of grey and palette, plain and interlaced."""
    for interlace in (False, True):
        how = " interlaced" if interlace else ""
        for depth in (1, 2, 4, 8, 16):
            samples = noise(channels=1, below=2**depth)
            data = png(samples, depth=depth, colour=GREY, interlace=interlace)
            # 16-bit grey is rounded by us; Pillow itself keeps the high byte of deep colours.
            yield Case(f"{depth}-bit grey{how}", data, rgb=grey(samples, 2**depth - 1))
        for depth in (1, 2, 4, 8):
            samples = noise(channels=1, below=2**depth)
            palette = noise(2**depth, 1, seed=1)[:, 0]
            data = png(samples, depth=depth, colour=PALETTE, palette=palette, interlace=interlace)
            yield Case(f"{depth}-bit palette{how}", data, rgb=palette[samples[..., 0]])
        samples = noise(below=65_536)
        data = png(samples, depth=16, interlace=interlace)
        yield Case(f"16-bit colour{how}", data, rgb=samples / 257.0, tolerance=1)
        samples = noise()
        yield Case(f"8-bit colour{how}", png(samples, interlace=interlace), rgb=samples)


def transparencies():
    """Every way a PNG or a WebP can be transparent: the picture on white, the mask from it."""
    colour, alpha = noise(), noise(channels=1, seed=2)
    pixels = on_white(colour, alpha[..., 0])
    data = png(np.concatenate([colour, alpha], axis=2), colour=COLOUR_ALPHA)
    yield Case("colour and alpha", data, rgb=pixels, mask=alpha[..., 0], tolerance=1)
    data = png(np.concatenate([colour, alpha], axis=2) * 257, depth=16, colour=COLOUR_ALPHA)
    yield Case("16-bit colour and alpha", data, rgb=pixels, mask=alpha[..., 0], tolerance=1)
    level = noise(channels=1, seed=3)
    pixels = on_white(np.repeat(level, 3, axis=2), alpha[..., 0])
    for depth, factor in ((8, 1), (16, 257)):
        data = png(np.concatenate([level, alpha], axis=2) * factor, depth=depth, colour=GREY_ALPHA)
        yield Case(f"{depth}-bit grey and alpha", data, rgb=pixels, mask=alpha[..., 0], tolerance=1)
    index, palette = noise(channels=1, below=8), noise(8, 1, seed=1)[:, 0]
    clear = np.array([0, 255, 128, 40], dtype=np.uint8)  # the rest is opaque
    shown = np.append(clear, [255] * 4)[index[..., 0]]
    data = png(index, colour=PALETTE, palette=palette, clear=clear.tobytes())
    pixels = on_white(palette[index[..., 0]], shown)
    yield Case("a palette with transparencies", data, rgb=pixels, mask=shown, tolerance=1)
    data = png(index, colour=PALETTE, palette=palette, clear=b"\xff\0")
    shown = np.where(index[..., 0] == 1, 0, 255)
    pixels = on_white(palette[index[..., 0]], shown)
    yield Case("a palette with one clear colour", data, rgb=pixels, mask=shown)
    for depth in (8, 16):
        level = noise(channels=1, below=4) * (17 if depth == 8 else 4369)
        shown = np.where(level[..., 0] == level.max(), 0, 255)
        data = png(level, depth=depth, colour=GREY, clear=int(level.max()).to_bytes(2, "big"))
        pixels = on_white(grey(level, 2**depth - 1), shown)
        yield Case(f"{depth}-bit grey with one clear level", data, rgb=pixels, mask=shown)
    colour = noise(below=2) * 200
    shown = np.where((colour == (200, 0, 200)).all(axis=2), 0, 255)
    data = png(colour, colour=COLOUR, clear=np.array([200, 0, 200], dtype=">u2").tobytes())
    yield Case("colour with one clear colour", data, rgb=on_white(colour, shown), mask=shown)
    both = np.concatenate([noise(), alpha], axis=2).astype(np.uint8)
    data = saved(Image.fromarray(both, "RGBA"), "WEBP", lossless=True, exact=True)
    pixels = on_white(both[..., :3], alpha[..., 0])
    yield Case(
        "a lossless WebP with alpha", data, rgb=pixels, mask=alpha[..., 0], tolerance=1, suffix=".webp"
    )


def jpegs():
    """CMYK, grey, progressive, several pictures in one file, and a wrong suffix."""
    base = smooth()
    picture = Image.fromarray(base)
    damaged = b"Exif\0\0II*\0\xff\xff\xff\xff"
    ways = {
        "a CMYK JPEG": saved(picture.convert("CMYK"), "JPEG", quality=98),
        "a progressive JPEG": saved(picture, "JPEG", quality=98, progressive=True),
        "a JPEG without subsampling": saved(picture, "JPEG", quality=98, subsampling=0),
        "a JPEG with rubbish behind": saved(picture, "JPEG", quality=98) + b"rubbish" * 99,
        "a JPEG with a damaged EXIF": saved(picture, "JPEG", quality=98, exif=damaged),
        "a JPEG of two pictures": saved(picture, "MPO", quality=98, save_all=True,
                                        append_images=[picture.rotate(180)]),
    }  # fmt: skip
    for name, data in ways.items():
        yield Case(name, data, rgb=base, tolerance=8, suffix=".jpg")
    level = base[..., :1]
    data = saved(Image.fromarray(level[..., 0]), "JPEG", quality=98)
    yield Case("a grey JPEG", data, rgb=grey(level, 255), tolerance=8, suffix=".jpg")
    yield Case("a JPEG named .png", saved(picture, "JPEG", quality=98), rgb=base, tolerance=8)


def turned():
    """The eight ways a camera is held, in all three formats; the numbers are EXIF's."""
    base = smooth()
    stored = {
        1: base, 2: base[:, ::-1], 3: base[::-1, ::-1], 4: base[::-1], 5: base.transpose(1, 0, 2),
        6: np.rot90(base), 7: np.rot90(base, 2).transpose(1, 0, 2), 8: np.rot90(base, -1),
    }  # fmt: skip
    for orientation, pixels in stored.items():
        picture = Image.fromarray(np.ascontiguousarray(pixels))
        exif = Image.Exif()
        exif[0x0112] = orientation
        for kind, options in (("JPEG", {"quality": 98}), ("PNG", {}), ("WEBP", {"lossless": True})):
            data = saved(picture, kind, exif=exif.tobytes(), **options)
            name = f"a {kind} with EXIF orientation {orientation}"
            yield Case(name, data, rgb=base, tolerance=8 if kind == "JPEG" else 0)


def animated():
    """Several frames: the first is the picture."""
    base = smooth()
    first, second = Image.fromarray(base), Image.fromarray(255 - base)
    options = {"save_all": True, "append_images": [second]}
    yield Case("an animated PNG", saved(first, "PNG", **options), rgb=base)
    yield Case("an animated WebP", saved(first, "WEBP", lossless=True, **options), rgb=base, suffix=".webp")


def odd_shapes():
    """One pixel, one row, one column, and chunks that mean nothing here."""
    for height, width in ((1, 1), (1, 300), (300, 1)):
        samples = noise(height, width)
        yield Case(f"{width} x {height}", png(samples), rgb=samples)
    samples = noise()
    yield Case("gamma and a comment", png(samples, before=chunk(b"gAMA", b"\0\0\x27\x10")
               + chunk(b"tEXt", b"Comment\0hello")), rgb=samples)  # fmt: skip
    yield Case("rubbish behind the end", png(samples, after=b"<script>" * 99), rgb=samples)
    yield Case("all pixels but no end", png(samples)[:-12], rgb=samples)
    yield Case("all white", png(np.full((9, 9, 3), WHITE)), rgb=np.full((9, 9, 3), WHITE))
