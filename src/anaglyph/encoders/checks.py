"""Checks that several encoders share."""

from torch import Tensor

from anaglyph.errors import DataError


def require_positive(**options: int) -> None:
    """ValueError for the first option below 1."""
    for name, value in options.items():
        if value < 1:
            raise ValueError(f"{name} must be >= 1, got {value}")


def require_channels(in_channels: int, *, colours: bool) -> None:
    """ValueError for fewer channels than xyz, and red, green and blue where there are colours, take."""
    if in_channels < (6 if colours else 3):
        advice = "; points without colours want colours=False" if colours and in_channels >= 3 else ""
        raise ValueError(f"in_channels must be >= {6 if colours else 3}, got {in_channels}{advice}")


def require_share(**options: float) -> None:
    """ValueError for the first option outside [0, 1)."""
    for name, value in options.items():
        if not 0.0 <= value < 1.0:
            raise ValueError(f"{name} must be in [0, 1), got {value}")


def require_pictures(images: Tensor, *, channels: int, smallest: int) -> None:
    """DataError unless `images` is (B, channels, H, W) with H and W at least `smallest` pixels."""
    if images.ndim != 4 or images.shape[1] != channels:
        raise DataError(
            f"pictures must be (B, {channels}, H, W), got {tuple(images.shape)}; "
            f"set in_channels of the encoder to what the data set provides"
        )
    if min(images.shape[2:]) < smallest:
        raise DataError(
            f"pictures must have at least {smallest} x {smallest} pixels, "
            f"got {images.shape[2]} x {images.shape[3]}; enlarge them before the encoder"
        )
