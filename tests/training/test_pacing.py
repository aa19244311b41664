"""Slices of work: against a worker whose speed is known."""

import pytest

from bigram_tui.training.pacing import SliceSize


def lengths(slices: SliceSize, units_per_second: float, count: int) -> list[float]:
    """The seconds that each of `count` slices takes a worker of a constant speed."""
    seconds = []
    for _ in range(count):
        seconds.append(slices.size / units_per_second)
        slices.after(seconds[-1], slices.size)
    return seconds


@pytest.mark.parametrize("units_per_second", [30, 1_000, 77_777, 500_000])
def test_slices_settle_between_half_and_twice_the_wanted_length(units_per_second: float) -> None:
    settled = lengths(SliceSize(0.02), units_per_second, 30)[-1]
    assert 0.02 / 2 <= settled <= 2 * 0.02


def test_a_slice_is_never_less_than_one_unit_however_slow() -> None:
    slices = SliceSize(0.02)
    lengths(slices, 0.1, 10)
    assert slices.size == 1


def test_a_slice_has_a_largest_size_however_fast() -> None:
    slices = SliceSize(0.02, largest=100)
    lengths(slices, 1e12, 30)
    assert slices.size == 100


def test_a_worker_that_becomes_slow_gets_small_slices_again() -> None:
    slices = SliceSize(0.02)
    lengths(slices, 1_000_000, 30)
    assert lengths(slices, 1_000, 20)[-1] <= 2 * 0.02


def test_slices_that_were_cut_short_do_not_grow() -> None:
    slices = SliceSize(0.02)
    slices.after(1e-6, 1)
    assert slices.size == 2
    for _ in range(20):
        slices.after(1e-6, 1)
    assert slices.size == 2


def test_a_slow_slice_that_was_cut_short_shrinks_to_what_was_done() -> None:
    slices = SliceSize(0.02)
    lengths(slices, 1e12, 8)
    slices.after(1.0, 3)
    assert slices.size == 3
    slices.after(1.0, 0)
    assert slices.size == 1


def test_reset_starts_small_again() -> None:
    slices = SliceSize(0.02)
    lengths(slices, 1e12, 8)
    slices.reset()
    assert slices.size == 1
