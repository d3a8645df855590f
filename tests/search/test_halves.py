import numpy as np

from anaglyph.search.halves import floats


def test_every_finite_half_becomes_the_same_float():
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    halves = halves[np.isfinite(halves)].reshape(-1, 2)
    converted = floats(halves)
    assert converted.dtype == np.float32
    assert converted.view(np.uint32).tolist() == halves.astype(np.float32).view(np.uint32).tolist()
