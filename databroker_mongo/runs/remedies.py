"""What to type here for what other libraries have on a catalog, a run or a stream; their errors say it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

ORDER: Final = (
    "the newest run is catalog[-1], the five newest are catalog[-5:]; the oldest is catalog.search(sort='time')[-1]"
)
OF_CATALOG: Final = {
    **dict.fromkeys(("first", "last", "head", "tail"), ORDER),
    "get_distinct": "catalog.distinct('plan_name', counts=True) counts the runs with each value",
    "get_serializer": "Writer(catalog) stores documents",
    "post_document": "Writer(catalog) stores documents",
    "scan_id": "catalog[23463] is the newest run of that scan id",
    "sort": "catalog.search(sort='-time') gives the runs in another order",
    "stats": "catalog.v1.stats() gives the size of the database",
    "uid": "catalog['777b44a'] is the run whose uid begins with that",
}
OF_RUN: Final = {
    "reload": "run.refresh() returns it as it is now",
    "get_file_list": "run.files() lists the files of all resources",
    "data": "the columns of a stream are run[NAME].data",
}


def for_reading_a_run(streams: Iterable[str], method: str) -> str:
    """Return what to type for `method` on a run, which has a table for each of its streams."""
    calls = ", ".join(f"run[{name!r}].{method}()" for name in streams) or "it has no stream yet"
    return f"a run is read stream by stream: {calls}"


def for_an_attribute(name: str, data_keys: Collection[str]) -> str:
    """Return what to type for an attribute of a stream, which may be one of its columns."""
    if name in data_keys:
        return f"stream[{name!r}] is this column, stream.read([{name!r}])[{name!r}] reads it with its times"
    return f"stream.read() reads its columns, which are {', '.join(map(repr, data_keys)) or 'none'}"


def for_a_key(key: object, data_keys: Collection[str]) -> str:
    """Return what to type between the brackets of a stream, for what is no name of a column."""
    several = f"stream.read({key!r}) reads several" if isinstance(key, list) else "stream[NAME][rows] reads rows"
    columns = ", ".join(map(repr, data_keys)) or "none"
    return f"the brackets of a stream take the name of a column, not {key!r}; {several}. It has: {columns}"
