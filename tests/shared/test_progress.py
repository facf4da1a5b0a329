"""One that is stuck is told from one that waits, or is slow."""

from collections.abc import Mapping

from shared.progress import Place, Progress

P, Q = ("consent.events", 0), ("consent.events", 1)
Look = Mapping[Place, tuple[int, int]] | None


def looked(*looks: Look) -> list[bool]:
    """Look every ten seconds and see this; return what was thought of each."""
    progress = Progress(0.0)
    return [progress.is_stuck(look, 10.0 * number) for number, look in enumerate(looks, 1)]


def test_a_partition_that_gives_nothing_for_half_a_minute_though_there_is_more_is_stuck() -> None:
    assert looked(*[{P: (5, 9), Q: (n, 100)} for n in range(4)]) == [False, False, False, True]


def test_a_reader_that_moves_be_it_slowly_is_not() -> None:
    assert not any(looked(*[{P: (n, 1000)} for n in range(50)]))


def test_a_reader_that_has_read_everything_is_not() -> None:
    assert not any(looked(*[{P: (9, 9)} for _ in range(50)]))


def test_a_reader_that_moved_in_between_is_given_its_time_anew() -> None:
    assert not any(looked(*[{P: (5, 9)}] * 3, *[{P: (6, 9)}] * 3))


def test_a_reader_that_is_given_the_same_again_and_again_while_its_database_is_away_is_not() -> None:
    progress = Progress(0.0)
    for number in range(1, 20):
        progress.delivered([P])
        assert not progress.is_stuck({P: (5, 9)}, 10.0 * number)


def test_a_reader_that_cannot_find_out_where_it_stands_is() -> None:
    assert looked(None, None, None, None)[-1]


def test_a_reader_that_has_no_partition_is() -> None:
    assert looked({}, {}, {}, {})[-1]


def test_the_lag_is_what_is_left_to_read() -> None:
    progress = Progress(0.0)
    progress.is_stuck({P: (5, 9), Q: (3, 3)}, 10.0)
    assert progress.lag == {P: 4, Q: 0}
