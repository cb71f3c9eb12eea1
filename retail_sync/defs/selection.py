"""From the words of the command line to a job and the tags that name its days."""

import calendar
from datetime import UTC, date, datetime

from retail_sync.core.errors import SettingsError
from retail_sync.defs.windows import BACKFILL_JOB, FIRST_DAY, FIRST_DAY_TAG, HOURLY_JOB, LAST_DAY_TAG, NIGHTLY_JOB

_EXAMPLE = "e.g. retail-sync run month-end --month 2026-10"


def job_and_tags(job: str, day: str, month: str, start: str, end: str) -> tuple[str, dict[str, str]]:
    """Return the job's name and its range tags. Raises SettingsError for words that do not go together."""
    match job:
        case "hourly" if not (day or month or start or end):
            return HOURLY_JOB, {}
        case "nightly" if not (month or start or end):
            closing = _day(day) if day else datetime.now(UTC).date()
            return NIGHTLY_JOB, _range(closing, closing)
        case "month-end" if month and not (day or start or end):
            first = _month(month)
            return BACKFILL_JOB, _range(first, first.replace(day=calendar.monthrange(first.year, first.month)[1]))
        case "month-end" if start and end and not (day or month):
            return BACKFILL_JOB, _range(_day(start), _day(end))
        case "hourly" | "nightly" | "month-end":
            raise SettingsError(
                f"run {job} does not take these days",
                f"hourly takes none, nightly --date, month-end --month or --from and --to; {_EXAMPLE}",
            )
    raise SettingsError(f"there is no job {job!r}", "use hourly, nightly or month-end")


def _range(first: date, last: date) -> dict[str, str]:
    if last < first:
        raise SettingsError(f"the range ends ({last}) before it begins ({first})", "turn the days round")
    if first < date.fromisoformat(FIRST_DAY):
        raise SettingsError(f"{first} is before {FIRST_DAY}, the first day that runs know", "give later days")
    return {FIRST_DAY_TAG: first.isoformat(), LAST_DAY_TAG: last.isoformat()}


def _month(text: str) -> date:
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError as error:
        raise SettingsError(f"{text!r} is not a month", "write months as 2026-10") from error


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise SettingsError(f"{text!r} is not a day", "write days as 2026-10-31 and months as 2026-10") from error
