"""When runs began: texts, datetimes and numbers, in a named time zone, on both sides of a clock change."""

from __future__ import annotations

import datetime
import math
import re
from dataclasses import dataclass
from typing import Any

from ..errors import QueryError
from ..printable import shown
from .mappings import MappingQuery
from .plain import plain_value

Moment = str | float | datetime.date | None

_PARTIAL_DATE = re.compile(r"(\d{4})(?:-(\d\d))?", re.ASCII)
_SINGLE_DIGIT = re.compile(r"(?<![\d.,])\d(?!\d)", re.ASCII)
"""A month, a day or an hour as people write it, "2014-2-10 9:05"; not a fraction of a second."""
_AGO = re.compile(r"(?:last )?(\d+(?:\.\d*)?|\.\d+)? ?([a-z]+)( ago)?", re.ASCII)
_DAYS = {"yesterday": -1, "today": 0, "tomorrow": 1}
_SECONDS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3600),
    **dict.fromkeys(("d", "day", "days"), 86400),
    **dict.fromkeys(("w", "week", "weeks"), 7 * 86400),
}
_FORMS = "'2020', '2020-03', '2020-03-05', '2020-03-05 12:30', '2020-03-05T12:30:00+01:00', 'today' or 'last 2 h'"


@dataclass(frozen=True, init=False, repr=False, eq=False)
class TimeRange(MappingQuery):
    """The runs that began in a range of time: ``since <= time < until``.

    Parameters
    ----------
    since, until : str, datetime, date, datetime64 or float, optional
        A number counts seconds since 1970. A string is a date and time of any granularity (``"2020-03"`` is the
        beginning of that month), with or without an offset; ``"today"``, ``"yesterday"`` or ``"tomorrow"``, the
        beginning of that day; ``"now"``; or ``"last 2 h"`` (s, min, h, d, w; a day is 24 hours), counted back from now.
        Times without an offset are in `timezone`.
    timezone : str or tzinfo, optional
        A name like ``"America/New_York"``, an offset like ``"+01:00"``, or a tzinfo; the local zone by default.

    Attributes
    ----------
    since, until : float or None
        Seconds since 1970.
    timezone : str
        The zone that was used, by name.
    kwargs : dict
        The arguments as they were given, and the name of the zone; seconds for a string that is relative to now.

    Raises
    ------
    QueryError
        A string is not understood, a local time occurs twice or never that day, or `since` is after `until`.

    Examples
    --------
    >>> TimeRange(since="2020-03-05 12:00", until="2020-03-06", timezone="America/New_York")
    TimeRange(since='2020-03-05T12:00:00-05:00', until='2020-03-06T00:00:00-05:00', timezone='America/New_York')
    """

    since: float | None
    until: float | None
    timezone: str
    _given: tuple[Moment, Moment]

    def __init__(self, since: Moment = None, until: Moment = None, timezone: str | datetime.tzinfo | None = None):
        zone, name = _zone(timezone)
        now = datetime.datetime.now(datetime.UTC).timestamp()
        first, last = (_seconds(moment, zone, name, now) for moment in (since, until))
        object.__setattr__(self, "since", first)
        object.__setattr__(self, "until", last)
        object.__setattr__(self, "timezone", name)
        given = (_lasting(since, first), _lasting(until, last))
        object.__setattr__(self, "_given", given)
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

    @property
    def kwargs(self) -> dict[str, Any]:
        """The arguments that make the same query, by name."""
        return {**dict(zip(("since", "until"), self._given, strict=True)), "timezone": self.timezone}


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
    timezone = str.__str__(timezone) if isinstance(timezone, str) else timezone
    if not isinstance(timezone, str):
        raise QueryError(
            f"A time zone must be a name like 'Europe/Berlin', an offset or a tzinfo, not {shown(timezone)}."
        )
    offset = re.fullmatch(r"(?:UTC)?([+-])([01]\d|2[0-3]):?([0-5]\d)", timezone)
    if offset:
        minutes = int(offset[1] + "1") * (int(offset[2]) * 60 + int(offset[3]))
        return datetime.timezone(datetime.timedelta(minutes=minutes)), timezone
    import zoneinfo  # late, as tzlocal: only queries of time need it

    try:
        return zoneinfo.ZoneInfo(timezone), timezone
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        if timezone == _local_zone()[1]:
            return _local_zone()
        raise QueryError(
            f"There is no time zone {shown(timezone)}; use a name like 'Europe/Berlin' or 'UTC'."
        ) from error


def _local_zone() -> tuple[datetime.tzinfo, str]:
    import tzlocal

    zone = tzlocal.get_localzone()
    return zone, getattr(zone, "key", None) or "local"


def _seconds(moment: Moment, zone: datetime.tzinfo, name: str, now: float) -> float | None:
    """Return a moment as seconds since 1970."""
    if isinstance(moment, str):
        moment = _parsed(" ".join(moment.split()), zone, now)
    elif getattr(getattr(moment, "dtype", None), "kind", "") == "M":
        moment = _date_of_numpy(moment)
    if type(moment) is datetime.date:
        moment = datetime.datetime(moment.year, moment.month, moment.day)
    if isinstance(moment, datetime.datetime):
        return _timestamp(moment, zone, name)
    seconds = plain_value(moment)
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not math.isfinite(seconds):
        raise QueryError(f"{shown(moment)} is not a time; write seconds since 1970, a datetime, or {_FORMS}.")
    return float(seconds)


def _date_of_numpy(moment: Any) -> datetime.datetime:
    """Return one date of NumPy, which counts in any unit, and gives a datetime for microseconds alone."""
    date = moment.astype("datetime64[us]").tolist() if getattr(moment, "ndim", 1) == 0 else None
    if not isinstance(date, datetime.datetime):
        raise QueryError(f"{shown(moment)} is not a time; write {_FORMS}, or leave it out.")
    return date


def _lasting(given: Moment, seconds: float | None) -> Moment:
    """Return what stands for a moment at any later time: a text that counts from now does not."""
    return seconds if isinstance(given, str) and _from_now(given) is not None else given


def _parsed(text: str, zone: datetime.tzinfo, now: float) -> datetime.datetime | float:
    """Return what a text stands for: as ISO 8601 has it, or with single digits, or counted from now."""
    for form in (text, _SINGLE_DIGIT.sub(r"0\g<0>", text)):
        partial = _PARTIAL_DATE.fullmatch(form)
        try:
            if partial:
                return datetime.datetime(int(partial[1]), int(partial[2] or 1), 1)
            return datetime.datetime.fromisoformat(form)
        except ValueError:
            continue
    from_now = _from_now(text)
    if from_now is None:
        raise QueryError(f"{shown(text)} is not a time; write {_FORMS}.")
    if text.lower() not in _DAYS:
        return now + from_now
    day = datetime.datetime.fromtimestamp(now, zone).date() + datetime.timedelta(days=from_now)
    return datetime.datetime(day.year, day.month, day.day)


def _from_now(text: str) -> float | None:
    """Return how many seconds, or days for one of `_DAYS`, from now a text means; None for any other text."""
    words = " ".join(text.lower().split())
    if words in _DAYS:
        return _DAYS[words]
    ago = _AGO.fullmatch(words)
    unit = _SECONDS.get(ago[2]) if ago and words.startswith("last ") != bool(ago[3]) else None
    seconds = float(ago[1] or 1) * unit if ago and unit else 0.0 if words == "now" else None
    return -seconds if seconds is not None and math.isfinite(seconds) else None


def _timestamp(moment: datetime.datetime, zone: datetime.tzinfo, name: str) -> float:
    """Return the seconds since 1970 of a time on the clock, which must come exactly once."""
    try:
        return moment.timestamp() if moment.utcoffset() is not None else _of_clock(moment, zone, name)
    except (OverflowError, OSError, ValueError) as error:
        if isinstance(error, QueryError):
            raise
        raise QueryError(f"{shown(moment)} is not a valid time: {error}.") from error


def _of_clock(moment: datetime.datetime, zone: datetime.tzinfo, name: str) -> float:
    first, second = (moment.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if first.utcoffset() == second.utcoffset():
        return first.timestamp()
    if _shown_clock(first.timestamp(), zone) != moment.replace(fold=0):
        raise QueryError(f"{moment} does not exist in {name}, because the clock is put forward over it.", timezone=name)
    raise QueryError(
        f"{moment} occurs twice in {name}, because the clock is put back over it. Write one of the two: "
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
