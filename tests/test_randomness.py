"""Random numbers that depend on seed, purpose and row alone."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from anaglyph.randomness import (
    normal,
    numpy_generator,
    row_keys,
    seed_for,
    seeded,
    torch_generator,
    uniform,
)

KEYS = tuple(f"object {number}" for number in range(4000))


def slow_splitmix(key, purpose, count):
    """SplitMix64 with Python's own integers, one number at a time."""
    mask = 2**64 - 1

    def mix(state):
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & mask
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & mask
        return state ^ (state >> 31)

    start = mix(int(key) ^ seed_for(purpose))
    return [(mix((start + (place + 1) * 0x9E3779B97F4A7C15) & mask) >> 40) / 2**24 for place in range(count)]


def test_numbers_are_those_of_splitmix64():
    rows = row_keys(KEYS[:5], 3)
    expected = [slow_splitmix(row, "crop", 6) for row in rows]
    assert uniform(rows, "crop", 2, 3).reshape(5, 6).tolist() == expected


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0, len(KEYS) - 1), min_size=1, max_size=20), st.integers(0, 2**31))
def test_a_row_is_the_same_alone_in_any_batch_and_in_any_order(chosen, seed):
    together = row_keys([KEYS[row] for row in chosen], seed)
    numbers, bells = uniform(together, "crop", 3, 2), normal(together, "jitter", 3, 2)
    for place, row in enumerate(chosen):
        alone = row_keys([KEYS[row]], seed)
        assert np.array_equal(uniform(alone, "crop", 3, 2)[0], numbers[place])
        assert np.array_equal(normal(alone, "jitter", 3, 2)[0], bells[place])


def test_uniform_numbers_fill_the_half_open_unit_interval_evenly():
    numbers = uniform(row_keys(KEYS, 0), "test", 50)
    assert numbers.dtype == np.float32
    assert 0 <= numbers.min() < 1e-4
    assert 1 - 1e-4 < numbers.max() < 1
    assert numbers.mean() == pytest.approx(1 / 2, abs=0.003)
    assert numbers.var() == pytest.approx(1 / 12, abs=0.001)
    counts = np.histogram(numbers, bins=20, range=(0, 1))[0] / numbers.size
    assert np.abs(counts - 0.05).max() < 0.002


def test_normal_numbers_have_the_moments_of_a_bell_and_stay_finite():
    numbers = normal(row_keys(KEYS, 0), "test", 50).astype(np.float64)
    assert np.isfinite(numbers).all()
    assert numbers.mean() == pytest.approx(0, abs=0.01)
    assert numbers.var() == pytest.approx(1, abs=0.02)
    assert (numbers**3).mean() == pytest.approx(0, abs=0.04)
    assert (numbers**4).mean() == pytest.approx(3, abs=0.12)
    assert normal(row_keys(KEYS[:3], 0), "test", 2).dtype == np.float32


def test_purposes_rows_places_and_seeds_do_not_correlate():
    rows = row_keys(KEYS, 0)
    columns = [
        uniform(rows, "a", 2)[:, 0],
        uniform(rows, "a", 2)[:, 1],
        uniform(rows, "b", 1)[:, 0],
        uniform(row_keys(KEYS, 1), "a", 1)[:, 0],
        uniform(row_keys(KEYS, 0, "crop 1"), "a", 1)[:, 0],
        np.roll(uniform(rows, "a", 1)[:, 0], 1),
    ]
    correlation = np.corrcoef(columns) - np.eye(len(columns))
    assert np.abs(correlation).max() < 0.06


def test_row_keys_differ_for_every_object_and_every_part():
    keys = {int(key) for seed in range(3) for key in row_keys(KEYS[:500], seed, "x")}
    assert len(keys) == 1500


def test_seeds_are_stable_positive_and_separate_their_parts():
    assert seed_for(0, "weights") == seed_for(0, "weights") < 2**63
    assert len({seed_for(1, 23), seed_for(12, 3), seed_for("1", "2", "3"), seed_for(123)}) == 4


def test_generators_of_one_purpose_agree_and_of_two_differ():
    assert (
        numpy_generator(0, "a").random()
        == numpy_generator(0, "a").random()
        != numpy_generator(0, "b").random()
    )
    first, again, other = (torch.rand(4, generator=torch_generator(0, what)) for what in ("a", "a", "b"))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_seeded_block_repeats_itself_and_nothing_outside_notices(untouched_generators):
    with seeded(0, "dropout"):
        first = torch.rand(3)
    with seeded(0, "dropout"):
        assert torch.equal(torch.rand(3), first)


def test_the_outer_state_comes_back_even_when_the_block_fails(untouched_generators):
    def failing():
        with seeded(0):
            torch.rand(3)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()


def test_drawing_rows_touches_no_global_generator(untouched_generators):
    normal(row_keys(KEYS[:3], 0), "a", 2)
    numpy_generator(0).random()
