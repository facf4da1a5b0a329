"""Vietnam's days and hours, by which its law and its people count."""

from datetime import date, datetime, time, timedelta, timezone

from shared.languages import Language

# UTC+7 without summer time since 1975, so no zone database is needed, which slim images lack.
VIETNAM = timezone(timedelta(hours=7), "Asia/Ho_Chi_Minh")

_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def day_in_vietnam(at: datetime) -> date:
    """Return the day it is in Vietnam at an instant."""
    return at.astimezone(VIETNAM).date()


def start_of(on: date) -> datetime:
    """Return the instant at which a day begins in Vietnam."""
    return datetime.combine(on, time(), VIETNAM)


def day(value: date, language: Language = "vi") -> str:
    """Write a day as Vietnamese do, 01/07/2025, or 1 July 2025. An instant is the day it is in Vietnam."""
    there = day_in_vietnam(value) if isinstance(value, datetime) else value
    return there.strftime("%d/%m/%Y") if language == "vi" else f"{there.day} {_MONTHS[there.month - 1]} {there.year}"


def moment(value: datetime, language: Language = "vi", *, seconds: bool = False) -> str:
    """Write an instant in Vietnamese time: 14:05 ngày 01/07/2025, or 1 July 2025, 14:05."""
    hour = value.astimezone(VIETNAM).strftime("%H:%M:%S" if seconds else "%H:%M")
    return f"{hour} ngày {day(value)}" if language == "vi" else f"{day(value, 'en')}, {hour}"


def exactly(value: datetime, language: Language = "vi") -> str:
    """Write an instant to the second, rounded up: never earlier than the moment that was signed."""
    whole = value.replace(microsecond=0)
    return moment(whole if whole == value else whole + timedelta(seconds=1), language, seconds=True)
