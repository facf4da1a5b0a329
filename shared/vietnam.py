"""Vietnam's days and hours, by which its law and its people count."""

from datetime import date, datetime, timedelta, timezone

# UTC+7 without summer time since 1975, so no zone database is needed, which slim images lack.
VIETNAM = timezone(timedelta(hours=7), "Asia/Ho_Chi_Minh")


def day_in_vietnam(at: datetime) -> date:
    """Return the day it is in Vietnam at an instant."""
    return at.astimezone(VIETNAM).date()


def day(value: date) -> str:
    """Write a day as Vietnamese do: 01/07/2025. An instant is the day it is in Vietnam."""
    return (day_in_vietnam(value) if isinstance(value, datetime) else value).strftime("%d/%m/%Y")


def moment(value: datetime) -> str:
    """Write an instant in Vietnamese time: 14:05 ngày 01/07/2025."""
    return value.astimezone(VIETNAM).strftime("%H:%M ngày %d/%m/%Y")
