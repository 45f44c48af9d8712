"""Which stream datums there are for which data key of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..documents import is_streamed
from ..store import Document, Store


def stream_datums_by_key(
    store: Store, run_uid: str, streams: Mapping[str, Sequence[Document]]
) -> dict[tuple[str, str], list[Document]]:
    """Return the stream datums of a run, by stream and by each external data key that a stream resource serves.

    Parameters
    ----------
    store : Store
        Where the run is.
    run_uid : str
        The run.
    streams : mapping of str to sequence of dict
        Its descriptors, by stream.

    Returns
    -------
    dict
        From stream and data key to stream datums in the order in which their rows were written; none where there is a
        stream resource and nothing more.
    """
    stream_of = {each["uid"]: stream for stream, descriptors in streams.items() for each in descriptors}
    external = {
        (stream, key): is_streamed(data_key)
        for stream, descriptors in streams.items()
        for each in descriptors
        for key, data_key in each["data_keys"].items()
        if "external" in data_key
    }
    if not external:
        return {}
    datums = store.stream_datums(list(stream_of))
    streamed = {key for (_, key), is_stream in external.items() if is_stream}
    keys = _keys_of_resources(store, run_uid, datums, streamed)
    found: dict[tuple[str, str], list[Document]] = {
        place: [] for place, is_stream in external.items() if is_stream and place[1] in keys.values()
    }
    for datum in datums:
        place = stream_of[datum["descriptor"]], keys.get(str(datum.get("stream_resource")), "")
        if place in external:
            found.setdefault(place, []).append(datum)
    return found


def _keys_of_resources(store: Store, run_uid: str, datums: Sequence[Document], streamed: set[str]) -> dict[str, str]:
    """Return the data key that each stream resource serves, be it one that only stream datums tie to the run."""
    resources = store.run_resources(run_uid, name="stream_resource")
    named = {str(datum.get("stream_resource", "")) for datum in datums} - {str(each.get("uid")) for each in resources}
    resources += store.stream_resources(sorted(named)) if named else []
    resources = [each for each in resources if "uid" in each]
    keys = {str(each["uid"]): str(each["data_key"]) for each in resources if "data_key" in each}
    # Before 2024 a stream resource named no data key; it is read as that of the one key that has no other.
    without = streamed - set(keys.values())
    if len(without) == 1:
        keys |= {str(each["uid"]): next(iter(without)) for each in resources if "data_key" not in each}
    return keys
