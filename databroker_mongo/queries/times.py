"""When runs began: texts, datetimes and numbers, in a named time zone, on both sides of a clock change.

What does not belong here: questions about anything but the time of the start document.
"""

from __future__ import annotations

import datetime
import math
import re
import zoneinfo
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..errors import QueryError
from .plain import plain_value
from .tree import Query

Moment = str | float | datetime.date | None

_PARTIAL_DATE = re.compile(r"(\d{4})(?:-(\d\d))?")
_AGO = re.compile(r"(?:last\s+)?(\d+(?:\.\d*)?|\.\d+)?\s*([a-z]+)(\s+ago)?", re.IGNORECASE)
_SECONDS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3600),
    **dict.fromkeys(("d", "day", "days"), 86400),
    **dict.fromkeys(("w", "week", "weeks"), 7 * 86400),
}
_FORMS = "'2020', '2020-03', '2020-03-05', '2020-03-05 12:30', '2020-03-05T12:30:00+01:00' or 'last 2 h'"


@dataclass(frozen=True, init=False, repr=False)
class TimeRange(Query):
    """The runs that began in a range of time: ``since <= time < until``.

    Parameters
    ----------
    since, until : str, datetime, date, datetime64 or float, optional
        A number counts seconds since 1970. A text is an ISO date and time of any granularity (``"2020-03"`` is the
        moment in which that month begins), with or without an offset, or ``"last 2 h"`` (s, min, h, d, w; a day is
        24 hours), counted back from now. What has no offset is read in `timezone`.
    timezone : str or tzinfo, optional
        A name like ``"America/New_York"``, an offset like ``"+01:00"``, or a tzinfo; the local zone when left out.

    Attributes
    ----------
    since, until : float or None
        Seconds since 1970.
    timezone : str
        The zone that was used, by name.

    Raises
    ------
    QueryError
        When a text is not understood, a local time comes twice or never that day, or `since` is after `until`.

    Examples
    --------
    >>> TimeRange(since="2020-03-05 12:00", until="2020-03-06", timezone="America/New_York")
    TimeRange(since='2020-03-05T12:00:00-05:00', until='2020-03-06T00:00:00-05:00', timezone='America/New_York')
    """

    since: float | None
    until: float | None
    timezone: str

    def __init__(self, since: Moment = None, until: Moment = None, timezone: str | datetime.tzinfo | None = None):
        zone, name = _zone(timezone)
        now = datetime.datetime.now(datetime.UTC).timestamp()
        first, last = (_seconds(moment, zone, name, now) for moment in (since, until))
        object.__setattr__(self, "since", first)
        object.__setattr__(self, "until", last)
        object.__setattr__(self, "timezone", name)
        if first is not None and last is not None and first > last:
            raise QueryError(f"since must not be after until: {self!r}.")

    def __repr__(self) -> str:
        zone, _ = _zone(self.timezone)
        shown = [
            f"{name}={_shown(seconds, zone)!r}, "
            for name, seconds in (("since", self.since), ("until", self.until))
            if seconds is not None
        ]
        return f"TimeRange({''.join(shown)}timezone={self.timezone!r})"

    @property
    def query(self) -> dict[str, Any]:
        """The same as a MongoDB filter."""
        bounds = {"$gte": self.since, "$lt": self.until}
        known = {operator: seconds for operator, seconds in bounds.items() if seconds is not None}
        return {"time": known} if known else {}

    def keys(self) -> Iterator[str]:
        """Yield the keys of :attr:`query`, so that ``{**TimeRange(...), "plan_name": "count"}`` is a raw filter."""
        return iter(self.query)

    def __getitem__(self, key: str) -> Any:
        return self.query[key]

    def replace(self, **changes: Any) -> TimeRange:
        """Return a copy with `since`, `until` or `timezone` changed; the other moments stay what they are."""
        return TimeRange(**{"since": self.since, "until": self.until, "timezone": self.timezone, **changes})


def zone_of(timezone: str | None) -> datetime.tzinfo:
    """Return the time zone of a name like ``"Europe/Berlin"`` or ``"+01:00"``; the local one for None.

    Raises
    ------
    QueryError
        There is none of this name.
    """
    return _zone(timezone)[0]


def _zone(timezone: str | datetime.tzinfo | None) -> tuple[datetime.tzinfo, str]:
    """Return a time zone and its name."""
    if timezone is None:
        return _local_zone()
    if isinstance(timezone, datetime.timezone):
        return timezone, str(timezone)
    if isinstance(timezone, datetime.tzinfo):
        # ZoneInfo says `key`, pytz says `zone`; a pytz zone itself is wrong as the tzinfo of a datetime.
        timezone = getattr(timezone, "key", None) or getattr(timezone, "zone", None) or str(timezone)
    if not isinstance(timezone, str):
        raise QueryError(f"A time zone is a name like 'Europe/Berlin', an offset or a tzinfo, not {timezone!r}.")
    offset = re.fullmatch(r"(?:UTC)?([+-])([01]\d|2[0-3]):?([0-5]\d)", timezone)
    if offset:
        minutes = int(offset[1] + "1") * (int(offset[2]) * 60 + int(offset[3]))
        return datetime.timezone(datetime.timedelta(minutes=minutes)), timezone
    try:
        return zoneinfo.ZoneInfo(timezone), timezone
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        if timezone == _local_zone()[1]:
            return _local_zone()
        raise QueryError(f"There is no time zone {timezone!r}; use a name like 'Europe/Berlin' or 'UTC'.") from error


def _local_zone() -> tuple[datetime.tzinfo, str]:
    import tzlocal  # only questions of time need it

    zone = tzlocal.get_localzone()
    return zone, getattr(zone, "key", None) or "local"


def _seconds(moment: Moment, zone: datetime.tzinfo, name: str, now: float) -> float | None:
    """Return a moment as seconds since 1970."""
    if str(moment) == "NaT":
        raise QueryError(f"{moment!r} is no moment; write {_FORMS}, or leave it out.")
    if isinstance(moment, str):
        moment = _parsed(moment.strip(), now)
    elif getattr(getattr(moment, "dtype", None), "kind", "") == "M":
        # NumPy counts in any unit, and gives a datetime for microseconds alone.
        moment = moment.astype("datetime64[us]").tolist()  # type: ignore[union-attr]
    if isinstance(moment, datetime.datetime):
        return _timestamp(moment, zone, name)
    if isinstance(moment, datetime.date):
        return _timestamp(datetime.datetime(moment.year, moment.month, moment.day), zone, name)
    seconds = plain_value(moment)
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not math.isfinite(seconds):
        raise QueryError(f"{moment!r} is no moment; write seconds since 1970, a datetime, or {_FORMS}.")
    return float(seconds)


def _parsed(text: str, now: float) -> datetime.datetime | float:
    partial = _PARTIAL_DATE.fullmatch(text)
    try:
        if partial:
            return datetime.datetime(int(partial[1]), int(partial[2] or 1), 1)
        return datetime.datetime.fromisoformat(text)
    except ValueError as error:
        ago = _AGO.fullmatch(text)
        unit = _SECONDS.get(ago[2].lower()) if ago and text.lower().startswith("last ") != bool(ago[3]) else None
        if ago is None or unit is None:
            raise QueryError(f"{text!r} is no moment; write {_FORMS}.") from error
        return now - float(ago[1] or 1) * unit


def _timestamp(moment: datetime.datetime, zone: datetime.tzinfo, name: str) -> float:
    """Return the seconds since 1970 of a time on the clock, which must come exactly once."""
    if moment.tzinfo is not None:
        return moment.timestamp()
    first, second = (moment.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if first.utcoffset() == second.utcoffset():
        return first.timestamp()
    if _shown_clock(first.timestamp(), zone) != moment.replace(fold=0):
        raise QueryError(f"{moment} does not exist in {name}: the clock is put forward over it.", timezone=name)
    raise QueryError(
        f"{moment} comes twice in {name}: the clock is put back over it. Say which: "
        f"{first.isoformat()!r} or {second.isoformat()!r}.",
        timezone=name,
    )


def _shown_clock(seconds: float, zone: datetime.tzinfo) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(seconds, zone).replace(tzinfo=None, fold=0)


def _shown(seconds: float, zone: datetime.tzinfo) -> str | float:
    """Return a moment as text, or the number where no date can say it."""
    try:
        return datetime.datetime.fromtimestamp(seconds, zone).isoformat()
    except (ValueError, OverflowError, OSError):
        return seconds
