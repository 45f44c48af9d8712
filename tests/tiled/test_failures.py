"""MongoDB that is away, runs that go on, and the event loop, in which nothing may wait."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from databroker_mongo import Catalog
from databroker_mongo.server import stop_server
from databroker_mongo.store import open_store, writable
from databroker_mongo.store.connection.connection import Connection
from databroker_mongo.testing import build_run

from .conftest import POINTS, getter, serving, store_runs, uid_of

SCAN = uid_of(1)
PATHS = [
    "metadata/",
    "search/",
    "search/?fields=",
    "search/?fields=count",
    f"search/?filter[lookup][condition][key]={SCAN}",
    "search/?filter[eq][condition][key]=scan_id&filter[eq][condition][value]=1",
    "distinct/?metadata=start.plan_name",
    f"metadata/{SCAN}",
    f"search/{SCAN}",
    f"search/{SCAN}/primary",
    f"metadata/{SCAN}/primary/internal",
    f"metadata/{SCAN}/primary/internal/n",
    f"array/full/{SCAN}/primary/mca?format=json",
    f"table/full/{SCAN}/primary/internal?format=json",
    f"table/partition/{SCAN}/primary/internal?partition=0&format=json",
    f"container/full/{SCAN}?format=hdf5",
    f"container/full/{SCAN}?format=application/json-seq",
    f"documents/{SCAN}",
]


@pytest.fixture(scope="module", params=[True, False], ids=["for one user", "for many"])
def in_vain(request):
    """Ask a server whose MongoDB is away; it tells where that should be, or not."""
    away = Catalog.from_uri("mongodb://127.0.0.1:1/nothing?serverSelectionTimeoutMS=50", timeout_seconds=0.2)
    with serving(away, tells_places=request.param) as context:
        yield getter(context), request.param


@pytest.mark.parametrize("path", PATHS)
def test_while_mongodb_is_away_the_answer_is_503(in_vain, path):
    get, tells_places = in_vain
    found = get(path)
    assert found.status_code == 503, found.text
    assert int(found.headers["Retry-After"]) > 0
    assert ("127.0.0.1" in found.text) is tells_places
    assert tells_places or "the database does not answer" in found.json()["detail"]


@pytest.mark.parametrize("layout", [3, 2])
def test_nothing_is_asked_of_mongodb_in_the_event_loop(served_uri, layout, monkeypatch):
    asked = []
    translate_errors = Connection.translate_errors

    def watched(self, task):
        asked.append(threading.get_ident())
        with pytest.raises(RuntimeError, match="no running event loop"):
            asyncio.get_running_loop()
        return translate_errors(self, task)

    monkeypatch.setattr(Connection, "translate_errors", watched)
    parts = ("metadata/{}/primary/data/n", "array/full/{}/primary/data/n?format=json", "search/{}/primary/data")
    old = [path.format(SCAN) for path in parts]
    with serving(Catalog.from_uri(served_uri), layout=layout, seconds=0) as context:
        for path in PATHS if layout == 3 else [*PATHS[:9], *old]:
            assert getter(context)(path).status_code == 200, path
    assert len(asked) > len(PATHS)


def test_a_run_in_progress_grows(mongod_database_uri):
    documents = build_run({"primary": POINTS}, uid=SCAN, exit_status=None)
    store_runs(mongod_database_uri, [documents])
    catalog = Catalog.from_uri(mongod_database_uri)
    with serving(catalog, live_seconds=0) as context:
        get = getter(context)
        assert get(f"metadata/{SCAN}").json()["data"]["attributes"]["metadata"]["stop"] is None
        before = get(f"table/full/{SCAN}/primary/internal", format="json").json()
        store = writable(open_store(mongod_database_uri))
        store.insert("event", [{**documents[-1][1], "uid": "one more", "seq_num": 6}])
        after = get(f"table/full/{SCAN}/primary/internal", format="json").json()
        assert (before["seq_num"], after["seq_num"]) == ([1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 6])
        assert get(f"array/full/{SCAN}/primary/mca", format="json", expected_shape="6,3").status_code == 200
        for path in ("array/full/{}/primary/mca", "array/full/{}/primary/internal/n"):
            grown = get(path.format(SCAN), format="json", expected_shape="5,3")
            assert (grown.status_code, "has grown" in grown.json()["detail"]) == (422, True)
        assert get(f"array/full/{SCAN}/primary/mca", format="json", expected_shape="x").status_code == 422
        store.insert("stop", [{"uid": "the end", "run_start": SCAN, "time": time.time(), "exit_status": "success"}])
        assert get(f"metadata/{SCAN}").json()["data"]["attributes"]["metadata"]["stop"]["uid"] == "the end"


def test_what_was_found_is_kept_for_those_who_ask_next(served_uri, monkeypatch):
    questions = []
    translate_errors = Connection.translate_errors
    monkeypatch.setattr(
        Connection, "translate_errors", lambda self, task: questions.append(task) or translate_errors(self, task)
    )
    with serving(Catalog.from_uri(served_uri)) as context:
        get = getter(context)
        get(f"search/{SCAN}/primary")
        n_first = len(questions)
        for _ in range(3):
            assert get(f"search/{SCAN}/primary").status_code == 200
            assert get(f"array/full/{SCAN}/primary/mca", format="json").status_code == 200
            assert get(f"table/full/{SCAN}/primary/internal", format="json", column=["n", "time"]).status_code == 200
        assert len(questions) == n_first
        get("search/", **{"page[limit]": 10})
        page = questions[n_first:]
        assert len(page) == 4, page
        get("search/", **{"page[limit]": 10})
        assert len(questions) == n_first + 7, "the number of runs is kept for seconds"


def test_what_is_kept_is_bounded(served_uri):
    from databroker_mongo.tiled import make_tree

    tree = make_tree(Catalog.from_uri(served_uri), cache_bytes=30_000)
    from tiled.client import Context
    from tiled.server.app import build_app

    with Context.from_app(build_app(tree)) as context:
        for number in range(1, 31):
            assert getter(context)(f"search/{uid_of(number)}/primary").status_code == 200
            assert tree._serving.cache.n_bytes <= 30_000


def test_a_server_is_asked_again_once_it_is_back(data):
    from databroker_mongo import local_server

    with local_server(data, linger_seconds=5) as server:
        uri = server.uri.replace("/?", "/back?")
        store_runs(uri, [build_run({"primary": POINTS}, uid=SCAN)])
    local = f"local://{data}?database=back"
    with serving(Catalog.from_uri(local, timeout_seconds=20), seconds=0) as context:
        assert getter(context)(f"metadata/{SCAN}").status_code == 200
        stop_server(data)
        assert getter(context)(f"metadata/{SCAN}").status_code in (200, 503)
        assert getter(context)(f"metadata/{SCAN}").status_code == 200
