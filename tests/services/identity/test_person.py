"""What a person is known by, and what her age lets her answer for."""

from datetime import date

import pytest

from services.identity.domain.person import (
    BirthDate,
    Capacity,
    IdentificationMismatch,
    InvalidKeys,
    MatchKeys,
    Precision,
    capacity_on,
    written_name,
)

TODAY = date(2026, 11, 24)


def make_keys(**changes: str) -> MatchKeys:
    """Make somebody's keys."""
    given = {"pin": "032194004217", "full_name": "Phạm Thu Hòa", "birth_date": "1994-03-12"} | changes
    return MatchKeys(given["pin"], given["full_name"], BirthDate(given["birth_date"]))


@pytest.mark.parametrize(
    ("born", "capacity"),
    [
        ("2012-11-24", Capacity.SELF),  # fourteen today
        ("2012-11-25", Capacity.BOTH),  # tomorrow
        ("2019-11-24", Capacity.BOTH),  # seven today
        ("2019-11-25", Capacity.REPRESENTATIVE),
        ("2026-11-02", Capacity.REPRESENTATIVE),
        ("2011", Capacity.SELF),  # fourteen at the latest day the year leaves
        ("2012", Capacity.BOTH),  # may be fourteen, is not known to be
        ("2019", Capacity.REPRESENTATIVE),
        ("1958", Capacity.SELF),
    ],
)
def test_a_person_answers_alone_from_fourteen_and_together_from_seven(born: str, capacity: Capacity) -> None:
    """R12: of a year only its last day counts, so that nobody is taken to be older than is known."""
    assert capacity_on(BirthDate(born), TODAY) is capacity


def test_somebody_born_on_a_leap_day_is_a_year_older_on_the_first_of_march() -> None:
    assert capacity_on(BirthDate("2012-02-29"), date(2026, 2, 28)) is Capacity.BOTH
    assert capacity_on(BirthDate("2012-02-29"), date(2026, 3, 1)) is Capacity.SELF


@pytest.mark.parametrize(
    "other",
    [
        {},
        {"full_name": "PHẠM THU HÒA"},
        {"full_name": "Phạm Thu Hoà"},
        {"birth_date": "1994"},
    ],
)
def test_the_same_person_is_recognised_in_another_spelling(other: dict[str, str]) -> None:
    make_keys().check_same_person(make_keys(**other))
    make_keys(**other).check_same_person(make_keys())


@pytest.mark.parametrize(
    "other",
    [
        {"full_name": "Phạm Thu Hoa"},
        {"full_name": "Phạm Thu Hóa"},
        {"full_name": "Pham Thu Hoa"},
        {"full_name": "Hòa Thu Phạm"},
        {"birth_date": "1994-03-13"},
        {"birth_date": "1995"},
    ],
)
def test_another_name_or_date_is_another_person(other: dict[str, str]) -> None:
    with pytest.raises(IdentificationMismatch):
        make_keys().check_same_person(make_keys(**other))


@pytest.mark.parametrize("text", ["1994-02-30", "1994-3-1", "94", "", "1994-13-01", "0000", "١٩٩٤", "1994-03-12T00"])
def test_a_birth_date_is_a_day_or_a_year(text: str) -> None:
    with pytest.raises(InvalidKeys):
        BirthDate(text)
    assert BirthDate("1958").precision is Precision.YEAR
    assert BirthDate("1994-03-12").precision is Precision.DAY


@pytest.mark.parametrize("pin", ["", "03219400421", "0321940042170", "03219400421a", "٠٣٢١٩٤٠٠٤٢١٧"])
def test_a_number_has_twelve_digits(pin: str) -> None:
    with pytest.raises(InvalidKeys):
        make_keys(pin=pin)


NOW = date(2026, 11, 25)


@pytest.mark.parametrize(("changes", "pointer", "reason"), [
    ({"pin": "000194004217"}, "/pin", "place"),
    ({"pin": "032294004217"}, "/pin", "year"),  # 2094
    ({"pin": "032227004217"}, "/pin", "year"),
    ({"pin": "032999004217"}, "/pin", "year"),  # 2399
    ({"birth_date": "2026-11-26"}, "/birth_date", "future"),
    ({"birth_date": "2027"}, "/birth_date", "future"),
])  # fmt: skip
def test_a_number_or_date_that_nobody_can_have_yet_is_pointed_at(
    changes: dict[str, str], pointer: str, reason: str
) -> None:
    with pytest.raises(InvalidKeys) as refused:
        make_keys(**changes).check_plausible(NOW)
    assert [(each.pointer, each.reason) for each in refused.value.errors] == [(pointer, reason)]


@pytest.mark.parametrize("changes", [
    {"pin": "032194004217"}, {"pin": "032326004217", "birth_date": "2026-11-25"}, {"birth_date": "2026"},
    {"pin": "101158004217", "birth_date": "1958"}, {"pin": "032094004217", "birth_date": "1958"},
])  # fmt: skip
def test_a_number_somebody_can_have_is_taken_wherever_she_was_registered(changes: dict[str, str]) -> None:
    make_keys(**changes).check_plausible(NOW)


def test_only_configured_places_are_taken_where_any_are_configured() -> None:
    make_keys().check_plausible(NOW, {"031", "032"})
    with pytest.raises(InvalidKeys):
        make_keys().check_plausible(NOW, {"031"})


def test_names_are_kept_composed_and_without_stray_spaces() -> None:
    assert written_name("  Pha\u0323m   Thu Ho\u0300a ") == "Phạm Thu Hòa"
    for name in ("A\u0000B", "A\u202eB"):
        with pytest.raises(InvalidKeys):
            written_name(name)
    with pytest.raises(InvalidKeys):
        make_keys(full_name="Pha\u0323m")


def test_keys_do_not_show_themselves() -> None:
    assert "032194004217" not in repr(make_keys())
    assert "Phạm" not in repr(make_keys())
