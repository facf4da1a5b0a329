"""What a person is known by: number, name and birth date; and what her age lets her answer for."""

import re
import unicodedata
from collections.abc import Container
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from shared.errors import Conflict, FieldError, Invalid

_PIN = re.compile(r"[0-9]{12}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_YEAR = re.compile(r"[0-9]{4}")
_TONES = "\u0300\u0301\u0303\u0309\u0323"  # grave, acute, tilde, hook above, dot below

ADULT_ENOUGH = 14
"""From this age she answers alone, below it together with a representative, below `CHILD` not at all (R12)."""
CHILD = 7


class InvalidKeys(Invalid):
    """A number of twelve digits, a name, or a birth date (a day, or only its year) is not one."""

    code = "invalid_match_keys"

    @classmethod
    def at(cls, member: str, reason: str) -> "InvalidKeys":
        """Say which of the three."""
        return cls(errors=[FieldError(f"/{member}", reason)])


class IdentificationMismatch(Conflict):
    """The number is known, but with another name or birth date. Who is mistaken is not for us to guess."""

    code = "identification_mismatch"


class Precision(StrEnum):
    """How much is known of a birth date: the population database has people of whom only the year is."""

    DAY = "day"
    YEAR = "year"


class Capacity(StrEnum):
    """Who answers for a person."""

    SELF = "self"
    BOTH = "both"
    REPRESENTATIVE = "representative"


@dataclass(frozen=True, slots=True)
class BirthDate:
    """A day as `YYYY-MM-DD`, or a year as `YYYY`."""

    text: str

    def __post_init__(self) -> None:
        if self.precision is Precision.DAY:
            _day(self.text)
        elif not _YEAR.fullmatch(self.text) or self.text < "1800":
            raise InvalidKeys.at("birth_date", "date")

    @property
    def precision(self) -> Precision:
        """Say whether the day is known."""
        return Precision.DAY if _DAY.fullmatch(self.text) else Precision.YEAR

    @property
    def latest(self) -> date:
        """Return the last day it can have been: nobody is taken to be older than is known."""
        return _day(self.text if self.precision is Precision.DAY else f"{self.text}-12-31")

    def agrees_with(self, other: "BirthDate") -> bool:
        """Say whether both can be the same day."""
        if self.precision is other.precision:
            return self.text == other.text
        return self.text[:4] == other.text[:4]


@dataclass(frozen=True, slots=True)
class MatchKeys:
    """The three things a look-up matches on. Made only of well-formed parts; raises InvalidKeys."""

    pin: str = field(repr=False)
    full_name: str = field(repr=False)
    birth_date: BirthDate = field(repr=False)

    def __post_init__(self) -> None:
        name = self.full_name
        if not _PIN.fullmatch(self.pin):
            raise InvalidKeys.at("pin", "twelve_digits")
        if name != written_name(name) or not 1 <= len(name) <= 100:
            raise InvalidKeys.at("full_name", "name")

    def check_plausible(self, on: date, places: Container[str] = ()) -> None:
        """Raise InvalidKeys for what cannot be anybody's on a day: a number has no check digit, but a structure.

        Three digits of the place where a birth was registered, which must be among `places` where any are configured,
        one of century and sex, two of the year, six by chance. That year and sex agree is not asked: who was corrected
        and keeps an old card is still who she is.
        """
        if self.pin[:3] == "000" or (places and self.pin[:3] not in places):
            raise InvalidKeys.at("pin", "place")
        if 1900 + 100 * (int(self.pin[3]) // 2) + int(self.pin[4:6]) > on.year:
            raise InvalidKeys.at("pin", "year")
        born = self.birth_date
        if (born.latest > on) if born.precision is Precision.DAY else (int(born.text) > on.year):
            raise InvalidKeys.at("birth_date", "future")

    def check_same_person(self, known: "MatchKeys") -> None:
        """Raise IdentificationMismatch unless name and birth date agree with what is known of the number."""
        if spelling(self.full_name) != spelling(known.full_name) or not self.birth_date.agrees_with(known.birth_date):
            raise IdentificationMismatch

    def attributes(self) -> dict[str, str]:
        """Return the keys under our attribute ids, values as `contracts/attributes` shapes them."""
        return {
            "person.pin": self.pin,
            "person.full_name": self.full_name,
            "person.birth_date": self.birth_date.text,
        }


def written_name(name: str) -> str:
    """Return a name as we keep it: composed (NFC), single spaces; raises InvalidKeys for what cannot be a name."""
    if any(unicodedata.category(sign)[0] == "C" for sign in name):
        raise InvalidKeys.at("full_name", "name")
    return " ".join(unicodedata.normalize("NFC", name).split())


def spelling(name: str) -> str:
    """Return what two spellings of one name have in common: case, and where a word's tone sits (Hoà, Hòa)."""
    return " ".join(_toneless_then_tone(word) for word in unicodedata.normalize("NFD", name).casefold().split())


def _toneless_then_tone(word: str) -> str:
    letters = "".join(sign for sign in word if sign not in _TONES)
    return unicodedata.normalize("NFC", letters) + "".join(sign for sign in word if sign in _TONES)


def capacity_on(born: BirthDate, today: date) -> Capacity:
    """Return who answers for a person on a day in Vietnam (7 years: Law 91/2025/QH15 Art 24; 14: our proposal)."""
    latest = born.latest
    age = today.year - latest.year - ((today.month, today.day) < (latest.month, latest.day))
    if age >= ADULT_ENOUGH:
        return Capacity.SELF
    return Capacity.BOTH if age >= CHILD else Capacity.REPRESENTATIVE


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidKeys.at("birth_date", "date") from None
