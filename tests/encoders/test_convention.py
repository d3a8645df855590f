import pytest

from anaglyph.encoders.convention import PointConvention
from anaglyph.errors import ConfigError


@pytest.mark.parametrize(
    ("axes", "up"),
    [
        (("x", "y", "z"), "y"),
        (("x", "z", "y"), "z"),
        (("x", "-z", "y"), "z"),
        (("z", "x", "-y"), "-z"),
        (("-y", "x", "z"), "-x"),
    ],
)
def test_up_is_the_axis_that_y_goes_to(axes, up):
    assert PointConvention(axes=axes).up == up


def test_channels_count_colours_and_height():
    assert PointConvention().channels == 3
    assert PointConvention(colours=True).channels == 6
    assert PointConvention(colours=True, height=True).channels == 7


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"axes": ("x", "-x", "y")}, "once each"),
        ({"points": 0}, "points must be >= 1"),
        ({"missing_colour": 100.0}, r"missing_colour in \[0, 1\], got 1024, 100"),
    ],
)
def test_a_convention_that_cannot_be_meant_is_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        PointConvention(**options)
