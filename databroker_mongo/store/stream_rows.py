"""How many rows of a run the stream datums tell the place of.

What does not belong here: which row is at which index of which file (``assets.stream_datums``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .protocol import Document, Store


def is_streamed(data_key: Mapping[str, Any]) -> bool:
    """Tell whether the values of a data key are in a file that stream documents name."""
    return str(data_key.get("external", "")).startswith("STREAM")


def rows_in_files(store: Store, run_uid: str, descriptors: Sequence[Document]) -> dict[tuple[str, str], int]:
    """Count the rows that stream datums name, by descriptor and by each data key that a stream resource serves.

    Parameters
    ----------
    store : Store
        Where the run is.
    run_uid : str
        The run.
    descriptors : sequence of dict
        Its descriptors.

    Returns
    -------
    dict
        From uid of descriptor and data key to a number of rows, 0 where there is a stream resource and nothing more.
    """
    streamed = [(each["uid"], key) for each in descriptors for key, it in each["data_keys"].items() if is_streamed(it)]
    if not streamed:
        return {}
    datums = store.stream_datums([each["uid"] for each in descriptors])
    keys = _keys_of_resources(store, run_uid, datums, {key for _, key in streamed})
    spans: dict[tuple[str, str], list[tuple[int, int]]] = {place: [] for place in streamed if place[1] in keys.values()}
    for datum in datums:
        place = datum["descriptor"], keys.get(datum.get("stream_resource", ""), "")
        seq_nums: Any = datum.get("seq_nums")
        if place in spans and _is_span(seq_nums):
            spans[place].append((seq_nums["start"], seq_nums["stop"]))
    return {place: _n_covered(each) for place, each in spans.items()}


def _keys_of_resources(store: Store, run_uid: str, datums: Sequence[Document], streamed: set[str]) -> dict[str, str]:
    """Return the data key that each stream resource serves, be it one that only stream datums tie to the run."""
    resources = store.run_resources(run_uid, name="stream_resource")
    named = {datum.get("stream_resource", "") for datum in datums} - {each.get("uid") for each in resources}
    resources += store.stream_resources(sorted(named)) if named else []
    resources = [each for each in resources if "uid" in each]
    keys = {each["uid"]: each["data_key"] for each in resources if "data_key" in each}
    # Before 2024 a stream resource named no data key; it is read as that of the one key that has no other.
    without = streamed - set(keys.values())
    if len(without) == 1:
        keys |= {each["uid"]: next(iter(without)) for each in resources if "data_key" not in each}
    return keys


def _is_span(seq_nums: Any) -> bool:
    return isinstance(seq_nums, Mapping) and all(isinstance(seq_nums.get(end), int) for end in ("start", "stop"))


def _n_covered(spans: Iterable[tuple[int, int]]) -> int:
    n_covered, end = 0, 0
    for start, stop in sorted(spans):
        n_covered += max(0, stop - max(start, end))
        end = max(end, stop)
    return n_covered
