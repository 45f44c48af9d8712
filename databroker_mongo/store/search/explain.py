"""How a server finds the runs that answer to a question: by which index, looking at how many documents, how long."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...queries import And, Duration, Not, Or, Query
from ..connection.collections import Collections
from ..connection.retries import run_read_command
from ..reports import Explanation, Step
from . import starts
from .filters import Filter, Some
from .joins import RUN_OF
from .search import SMALL_PAGE

_MANY_EXAMINED = 100
_WASTEFUL_RATIO = 10  # documents that are looked at for each that is found


def explain(collections: Collections, query: Query) -> Explanation:
    """Let the server find all documents that each part of a question asks for, and tell what that took.

    Parameters
    ----------
    collections : Collections
        Where.
    query : Query
        What is asked.
    """
    found = starts.resolve_search(collections, query, ("uid",))
    questions = [Some("start", found.filter), *_leaves(found.joined)]
    return Explanation(tuple(_step(collections, each) for each in questions), joins=found.joined is not None)


def _leaves(tree: Query | None) -> Iterator[Some]:
    """Yield what is asked of the other documents."""
    if isinstance(tree, And | Or):
        for part in tree.queries:
            yield from _leaves(part)
    elif isinstance(tree, Not):
        yield from _leaves(tree.query)
    elif isinstance(tree, Duration):
        yield Some("stop", {})
    elif isinstance(tree, Some):
        yield tree


def _step(collections: Collections, some: Some) -> Step:
    """Let the server answer one part whole, for as long as the time limit allows."""
    import pymongo

    name, _ = RUN_OF[some.document]
    find: dict[str, Any] = {"find": collections.named(name).name, "filter": some.filter}
    if not some.filter:
        find |= {"sort": {"time": -1, "_id": -1}, "limit": SMALL_PAGE}  # as the first page is asked for
    with pymongo.timeout(collections.max_time_ms / 1000):
        answer = run_read_command(collections.metadata, {"explain": find, "verbosity": "executionStats"})
    stats = answer["executionStats"]
    stages = list(_stages(answer["queryPlanner"]["winningPlan"]))
    scans = any(stage["stage"] == "COLLSCAN" for stage in stages)
    indexes = [stage["indexName"] for stage in stages if "indexName" in stage]
    indexed = {field for stage in stages for field in stage.get("keyPattern", ())}
    n_examined, n_found = int(stats["totalDocsExamined"]), int(stats["nReturned"])
    is_wasteful = some.filter and n_examined > max(_MANY_EXAMINED, _WASTEFUL_RATIO * n_found)
    return Step(
        collection=name,
        access="no index: each document is examined" if scans else f"index {', '.join(dict.fromkeys(indexes))}",
        n_examined=n_examined,
        n_found=n_found,
        milliseconds=float(stats["executionTimeMillis"]),
        helpful=tuple(field for field in dict.fromkeys(_fields(some.filter)) if is_wasteful and field not in indexed),
        is_scan=scans,
    )


def _stages(plan: Any) -> Iterator[dict[str, Any]]:
    """Yield the stages of a plan, of either execution engine."""
    if isinstance(plan, Mapping):
        if "stage" in plan:
            yield dict(plan)
        for key in ("queryPlan", "inputStage", "inputStages", "shards", "winningPlan"):
            yield from _stages(plan.get(key))
    elif isinstance(plan, list):
        for part in plan:
            yield from _stages(part)


def _fields(filter: Filter) -> Iterator[str]:
    """Yield the fields that an index could find, those compared with a value before those in a range."""
    parts = [filter, *filter.get("$and", ())]
    named = [(name, value) for part in parts for name, value in part.items() if not name.startswith("$")]
    for exact in (True, False):
        for name, value in named:
            if exact is (not isinstance(value, Mapping) or bool({"$eq", "$in"} & value.keys())):
                yield name
