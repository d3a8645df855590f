import os
import socket
import stat
import subprocess
import sys

import numpy as np
import pytest

from anaglyph.errors import DataError
from anaglyph.io.pictures import read_mask, read_masked_picture, read_picture
from hostile import exotic_pictures, picture_files

MAKERS = (
    picture_files.bombs, picture_files.truncated, picture_files.lying_pngs, picture_files.lying_others,
    picture_files.other_formats, picture_files.random_bytes, exotic_pictures.depths,
    exotic_pictures.transparencies, exotic_pictures.jpegs, exotic_pictures.turned,
    exotic_pictures.animated, exotic_pictures.odd_shapes,
)  # fmt: skip


@pytest.fixture(scope="module")
def cases():
    return [case for make in MAKERS for case in make()]


def written(case, folder):
    path = folder / f"picture{case.suffix}"
    path.write_bytes(case.data)
    return path


def refused(case, path):
    """What is wrong with how `case` is refused; empty where nothing is."""
    for read in (read_masked_picture, read_mask, lambda place: read_picture(place, size=8)):
        try:
            read(path)
        except DataError as error:
            message = str(error)
            if str(path) not in message or case.reason not in message or len(message) < len(str(path)) + 12:
                return f"{case.name}: the message is {message!r}, without {case.reason!r}"
        else:
            return f"{case.name}: was read"
    return ""


def test_every_hostile_picture_is_one_error_with_its_file_and_a_reason(cases, tmp_path):
    hostile = [case for case in cases if case.rgb is None]
    assert len(hostile) >= 150
    wrong = [message for case in hostile if (message := refused(case, written(case, tmp_path)))]
    assert not wrong, "\n".join(wrong)


def test_every_exotic_picture_has_the_pixels_and_the_mask_it_shows(cases, tmp_path):
    exotic = [case for case in cases if case.rgb is not None]
    assert len(exotic) >= 60
    for case in exotic:
        rgb, mask = read_masked_picture(written(case, tmp_path))
        assert (rgb.dtype, mask.dtype, rgb.shape) == (np.uint8, np.uint8, case.rgb.shape), case.name
        worst = np.abs(rgb.astype(float) - case.rgb).max()
        assert worst <= case.tolerance, f"{case.name}: off by {worst}"
        np.testing.assert_array_equal(mask, 255 if case.mask is None else case.mask, err_msg=case.name)


def test_names_of_cases_are_unique(cases):
    assert len({case.name for case in cases}) == len(cases)


_CHILD = """
import resource, sys
from pathlib import Path
from anaglyph.errors import DataError
from anaglyph.io.pictures import read_masked_picture
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for place in sorted(Path(sys.argv[1]).iterdir()):
    try:
        read_masked_picture(place)
    except DataError:
        continue
    raise SystemExit(f"{place} was read")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_bombs_are_refused_without_taking_memory(tmp_path):
    for number, case in enumerate(picture_files.bombs()):
        (tmp_path / f"{number}{case.suffix}").write_bytes(case.data)
    child = subprocess.run(
        [sys.executable, "-c", _CHILD, str(tmp_path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert child.returncode == 0, child.stderr
    assert int(child.stdout) << 10 < 150 << 20


def test_things_that_are_no_files_are_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    (tmp_path / "nowhere.png").symlink_to(tmp_path / "absent")
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    (tmp_path / "null.png").symlink_to("/dev/null")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket.png"))
        found = sorted(tmp_path.iterdir())
        assert len(found) == 7
        for path in (*found, tmp_path / "absent.png"):
            for read in (read_masked_picture, read_mask, lambda place: read_picture(place, size=8)):
                with pytest.raises(DataError) as caught:
                    read(path)
                assert str(path) in str(caught.value)


def test_a_file_without_permission_is_named(tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root may read every file")
    path = tmp_path / "secret.png"
    path.write_bytes(b"x")
    path.chmod(stat.S_IWUSR)
    with pytest.raises(DataError, match=r"secret\.png"):
        read_masked_picture(path)


def test_flipped_bytes_give_an_error_or_a_picture_of_the_right_size(tmp_path):
    """A checksum guards every part of a PNG; JPEG has none, so there some flips only change pixels."""
    generator = np.random.default_rng(5)
    base = picture_files.smooth()
    path = tmp_path / "flipped.png"
    for kind in ("PNG", "JPEG", "WEBP"):
        data = picture_files.saved(picture_files.Image.fromarray(base), kind)
        refusals = 0
        for place in generator.integers(0, len(data), 60):
            changed = bytearray(data)
            changed[place] ^= 1 << int(generator.integers(8))
            path.write_bytes(bytes(changed))
            try:
                rgb, _ = read_masked_picture(path)
            except DataError:
                refusals += 1
            else:
                assert rgb.ndim == 3
                assert rgb.size <= 3 * 50_000_000
                if kind == "PNG":
                    np.testing.assert_array_equal(rgb, base)
        assert refusals > (50 if kind == "PNG" else 0)
