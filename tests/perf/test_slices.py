"""What is made of the slices of a measurement, and of those that cannot be counted."""

import pytest

from tests.perf.load import Done
from tests.perf.slices import Slice, Spread, Void, quantile, ratio, read


def make_round(**rates: float) -> dict[str, Slice]:
    return {name: Slice(rate, 1.0, 2.0) for name, rate in rates.items()}


def test_a_ratio_is_the_median_of_the_rounds_own_ratios_and_not_that_of_the_medians() -> None:
    rounds = [make_round(ours=10, theirs=10), make_round(ours=40, theirs=100), make_round(ours=20, theirs=80)]
    assert ratio(rounds, "ours", "theirs") == Spread(median=0.4, low=0.25, high=1.0)


def test_a_slow_moment_of_the_machine_that_hits_both_sides_of_a_round_changes_no_ratio() -> None:
    rounds = [make_round(ours=10, theirs=20), make_round(ours=1, theirs=2)]
    assert ratio(rounds, "ours", "theirs") == Spread(0.5, 0.5, 0.5)


def test_a_slice_with_one_answer_that_is_not_200_is_void_and_says_which() -> None:
    with pytest.raises(Void, match="503"):
        read(Done(seconds=1.0, latencies=[0.001] * 999, bad=1, first_bad="HTTP/1.1 503"))


def test_a_slice_without_any_answer_is_void() -> None:
    with pytest.raises(Void):
        read(Done(seconds=1.0))


def test_a_slice_counts_answers_by_the_time_they_took_together() -> None:
    assert read(Done(seconds=2.0, latencies=[0.001] * 100)) == Slice(rate=50.0, p50=1.0, p99=1.0)


def test_one_slow_answer_in_a_hundred_is_the_99th_percentile() -> None:
    assert quantile([1.0] * 99 + [9.0], 0.99) == 9.0
    assert quantile([1.0] * 99 + [9.0], 0.50) == 1.0
