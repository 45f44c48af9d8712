"""Who is shown what: every route of a server, asked by three users for runs of each other.

A server has one policy. It is Tiled's own of tags, beside a tree in SQL, or the policy for runs alone.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import ClassVar

import pymongo
import pytest
from tiled.access_control.access_policies import ExternalPolicyDecisionPoint

from databroker_mongo.queries import UNTAGGED
from databroker_mongo.testing import build_run
from databroker_mongo.tiled.paging import Cache

from .conftest import POINTS, TIME, store_runs, uid_of
from .facility import write_facility

USERS = ["alice", "bob", "ada"]
ALICES, BOBS, NOBODYS, MISSING = (uid_of(number) for number in (101, 102, 103, 104))
SEEN = {"alice": {ALICES}, "bob": {BOBS}, "ada": {ALICES, BOBS, NOBODYS}}
FOREIGN = [("alice", BOBS), ("alice", NOBODYS), ("bob", ALICES)]
READING = ["read:metadata", "read:data"]

NAME = "run_of_{}".format
PATHS = {"new": "{uid}/primary/internal", "old": "{uid}/primary/data"}
LOOKUP = "filter[lookup][condition][key]={uid}"
EQUAL = "filter[eq][condition][key]=uid&filter[eq][condition][value]=%22{uid}%22"
BEGINNING = "filter[like][condition][key]=start.uid&filter[like][condition][pattern]=%22{uid}%25%22"
OUR_TAGS = f"filter[access_tags_filter][condition][tags]={json.dumps(['pass-1', 'pass-2', UNTAGGED])}"

# Of each route that reads: what is asked of a run of the one layout and of the other, as a URL and a body.
READS = {
    "GET /api/v1/metadata/{path:path}": [
        *("new/{uid}", "old/{uid}", "new/{uid}/primary", "old/{uid}/primary/data/n", "old/{uid}/primary/config/det"),
        *("new/{uid}/primary/internal", "new/{uid}/primary/internal/n", "new/{uid}/primary/mca", "new/{uid}?fields="),
    ],
    "GET /api/v1/search/{path:path}": [
        *(f"{tree}?{query}" for tree in ("new", "old") for query in (LOOKUP, EQUAL, BEGINNING)),
        *(f"new?{query}&fields={fields}" for query in (LOOKUP, EQUAL, BEGINNING) for fields in ("", "count")),
        *("new/{uid}", "old/{uid}/primary", "new/{uid}/primary", f"new/{{uid}}?{OUR_TAGS}"),
    ],
    "GET /api/v1/search-deep/{path:path}": ["new/{uid}"],
    "GET /api/v1/distinct/{path:path}": [
        *(
            f"{tree}?metadata=plan_name&counts=true&specs=true&{query}"
            for tree in PATHS
            for query in (EQUAL, BEGINNING)
        ),
        "new/{uid}?metadata=plan_name",
    ],
    "GET /api/v1/array/block/{path:path}": ["new/{uid}/primary/mca?block=0,0", "old/{uid}/primary/data/n?block=0"],
    "GET /api/v1/array/full/{path:path}": ["new/{uid}/primary/mca?format=json", "old/{uid}/primary/data/n?format=json"],
    "GET /api/v1/table/partition/{path:path}": ["new/{uid}/primary/internal?partition=0&format=json"],
    "POST /api/v1/table/partition/{path:path}": [("new/{uid}/primary/internal?partition=0&format=json", ["n"])],
    "GET /api/v1/table/full/{path:path}": ["new/{uid}/primary/internal?format=csv"],
    "POST /api/v1/table/full/{path:path}": [("new/{uid}/primary/internal?format=csv", ["n"])],
    "GET /api/v1/container/full/{path:path}": [
        *("new/{uid}?format=hdf5", "new/{uid}?format=json", "new/{uid}?format=application/json-seq"),
        *("old/{uid}/primary?format=hdf5", "old/{uid}?format=application/json-seq&field=primary"),
    ],
    "POST /api/v1/container/full/{path:path}": [("new/{uid}?format=application/json-seq", ["primary"])],
    "GET /api/v1/node/full/{path:path}": ["new/{uid}?format=hdf5", "new/{uid}/primary/internal?format=csv"],
    "GET /api/v1/ragged/full/{path:path}": ["new/{uid}/primary/mca"],
    "GET /api/v1/awkward/buffers/{path:path}": ["new/{uid}/primary/mca?form_key=a"],
    "POST /api/v1/awkward/buffers/{path:path}": [("new/{uid}/primary/mca", ["a"])],
    "GET /api/v1/awkward/full/{path:path}": ["new/{uid}/primary/mca"],
    "GET /api/v1/revisions/{path:path}": ["new/{uid}"],
    "GET /api/v1/asset/bytes/{path:path}": ["new/{uid}/primary/mca?id=1"],
    "GET /api/v1/asset/manifest/{path:path}": ["new/{uid}/primary/mca?id=1"],
    "GET /api/v1/documents/{path:path}": ["new/{uid}", "old/{uid}?fill=true"],
    "GET /custom/documents/{path:path}": ["new/{uid}", "old/{uid}?fill=true"],
    "GET /api/v1/health/{path:path}": ["new/{uid}", "old/{uid}"],
    "GET /custom/health/{path:path}": ["new/{uid}", "old/{uid}"],
    "GET /zarr/v2/{path:path}": ["new/{uid}", "new/{uid}/primary/mca/0.0"],
    **{f"GET /zarr/v2/{{path:path}}/.{name}": ["new/{uid}"] for name in ("zattrs", "zgroup")},
    "GET /zarr/v2/{path:path}/.zarray": ["new/{uid}/primary/mca"],
    **{f"GET /zarr/v2{{path:path}}.{name}": ["/new/{uid}"] for name in ("zattrs", "zgroup")},
    "GET /zarr/v3/{path:path}": ["new/{uid}", "new/{uid}/primary/mca/c/0/0"],
    "GET /zarr/v3/{path:path}/zarr.json": ["new/{uid}", "new/{uid}/primary/mca"],
    "GET /zarr/v3/{path:path}zarr.json": ["new/{uid}/"],
    "GET /zarr/v3/{path:path}/c/{block:path}": ["new/{uid}/primary/mca"],
}
# What has nothing of a run in it: log-in, tokens and keys, and what is the same for everybody.
OWN_ACCOUNT = [
    *(
        "GET /",
        "GET /api/v1/",
        "GET /docs",
        "GET /docs/oauth2-redirect",
        "GET /redoc",
        "GET /openapi.json",
        "GET /healthz",
    ),
    *("GET /favicon.ico", "GET /ui/{path:path}", "MOUNT /static", "GET /tiled-ui-settings"),
    *("GET /api/v1/databroker-mongo/views.js", "GET /custom/databroker-mongo/views.js"),
    *(f"{method} /api/v1/auth/apikey" for method in ("GET", "POST", "DELETE")),
    *("GET /api/v1/auth/whoami", "POST /api/v1/auth/logout", "POST /api/v1/auth/provider/toy/token"),
    *("POST /api/v1/auth/session/refresh", "POST /api/v1/auth/session/revoke"),
    "DELETE /api/v1/auth/session/revoke/{session_id}",
]
# What writes, and what is an administrator's. Each is asked of a run that the user may read.
REFUSED = {
    "POST /api/v1/metadata/{path:path}": ("new/{uid}", {"structure_family": "container", "metadata": {}, "specs": []}),
    "PUT /api/v1/metadata/{path:path}": ("new/{uid}", {"metadata": {"a": 1}}),
    "PATCH /api/v1/metadata/{path:path}": (
        "new/{uid}",
        {"metadata": {"a": 1}, "specs": [], "content-type": "application/merge-patch+json"},
    ),
    "DELETE /api/v1/metadata/{path:path}": ("new/{uid}?recursive=true&external_only=false", None),
    "POST /api/v1/register/{path:path}": ("new/{uid}", {"structure_family": "container", "metadata": {}, "specs": []}),
    "PUT /api/v1/data_source/{path:path}": (
        "new/{uid}?data_source=1",
        {"data_source": {"structure_family": "array", "structure": None}},
    ),
    "PUT /api/v1/array/full/{path:path}": ("new/{uid}/primary/mca", None),
    "PATCH /api/v1/array/full/{path:path}": ("new/{uid}/primary/mca?offset=0&shape=1", None),
    "PUT /api/v1/array/block/{path:path}": ("new/{uid}/primary/mca?block=0,0", None),
    "PUT /api/v1/node/full/{path:path}": ("new/{uid}/primary/internal", None),
    "PUT /api/v1/table/full/{path:path}": ("new/{uid}/primary/internal", None),
    "PUT /api/v1/table/partition/{path:path}": ("new/{uid}/primary/internal?partition=0", None),
    "PATCH /api/v1/table/partition/{path:path}": ("new/{uid}/primary/internal?partition=0", None),
    "PUT /api/v1/awkward/full/{path:path}": ("new/{uid}/primary/mca", None),
    "PUT /api/v1/ragged/full/{path:path}": ("new/{uid}/primary/mca", None),
    "PUT /api/v1/ragged/block/{path:path}": ("new/{uid}/primary/mca?block=0,0", None),
    "PATCH /api/v1/ragged/full/{path:path}": ("new/{uid}/primary/mca?shape=1&offset=0", None),
    "DELETE /api/v1/revisions/{path:path}": ("new/{uid}?number=1", None),
    "DELETE /api/v1/asset/{path:path}": ("new/{uid}/primary/mca?id=1", None),
    "DELETE /api/v1/stream/close/{path:path}": ("new/{uid}", None),
    "POST /api/v1/webhooks/target/{path:path}": ("new/{uid}", {"url": "https://example.org/"}),
    "GET /api/v1/webhooks/target/{path:path}": ("new/{uid}", None),
    "DELETE /api/v1/webhooks/{webhook_id}": ("1", None),
    "GET /api/v1/webhooks/history/{webhook_id}": ("1", None),
    "GET /api/v1/metrics": ("", None),
    "GET /api/v1/auth/principal": ("", None),
    "POST /api/v1/auth/principal": ("?role=user", None),
    "GET /api/v1/auth/principal/{uuid}": ("00000000-0000-4000-8000-000000000000", None),
    "POST /api/v1/auth/principal/{uuid}/apikey": ("00000000-0000-4000-8000-000000000000", {"scopes": ["inherit"]}),
    "DELETE /api/v1/auth/principal/{uuid}/apikey": ("00000000-0000-4000-8000-000000000000?first_eight=12345678", None),
}
REFUSALS = (401, 403, 404, 405)
SOCKET = "WEBSOCKET /api/v1/stream/single/{path:path}"


def routes_of(routes):
    """Yield every route of an application: its method and path."""
    for route in routes:
        if hasattr(route, "effective_candidates"):  # as FastAPI keeps routers since 0.140
            yield from routes_of(route.effective_candidates())
            continue
        kind = type(getattr(route, "original_route", route)).__name__
        path = route.path or route.starlette_route.path
        methods = {"Mount": ["MOUNT"], "APIWebSocketRoute": ["WEBSOCKET"]}.get(kind) or route.methods - {"HEAD"}
        yield from (f"{method} {path}" for method in methods)


def runs():
    """Return a run of alice, one of bob, and one of which nobody said whose it is."""
    sessions = {ALICES: {"data_session": "pass-1"}, BOBS: {"data_session": ["pass-2"]}, NOBODYS: {}}
    for number, (uid, more) in enumerate(sessions.items()):
        device = {
            "data": {"gain": 1},
            "timestamps": {"gain": TIME},
            "data_keys": {"gain": {"dtype": "integer", "shape": [], "source": "s"}},
        }
        yield build_run(
            {"primary": POINTS},
            configuration={"det": device},
            uid=uid,
            plan_name=NAME(uid),
            scan_id=number,
            time=TIME,
            **more,
        )


def policy_of_tags(directory):
    """Return Tiled's policy, as the facility's of tags in SQL says: alice has pass-1, bob pass-2."""
    from sqlalchemy.ext.asyncio import create_async_engine
    from tiled.access_control.access_tags import create_access_tags_tables, update_access_tags_tables

    async def write_tags():
        engine = create_async_engine(f"sqlite+aiosqlite:///{directory}/catalog.db")
        await create_access_tags_tables(engine)
        granted = {"pass-1": {"alice": READING}, "pass-2": {"bob": READING}, "public": {}}
        await update_access_tags_tables(engine, granted, {}, {"public"})
        await engine.dispose()

    asyncio.run(write_tags())
    parser = "tiled.access_control.access_tags:AccessTagsParser"
    return {
        "access_policy": "tiled.access_control.access_policies:TagBasedAccessPolicy",
        "args": {"provider": "toy", "access_tags_parser": parser},
    }


def policy_of_sessions(directory):
    """Return the policy for runs alone."""
    (directory / "sessions.yml").write_text("alice: pass-1\nbob: [pass-2]\n")
    return {
        "access_policy": "databroker_mongo.tiled.access:SessionsPolicy",
        "args": {"provider": "toy", "sessions_file": str(directory / "sessions.yml"), "staff": ["ada"]},
    }


def configuration_of(uri, directory, access_control):
    """Return the configuration of a server of runs in both layouts, with a tree in SQL beside them."""
    ours = {"uri": uri, "tag_field": "data_session", "top_level_access_tags": ["public"]}
    ours["catalog"] = {"allowed_roots": [f"{directory}/{{data_session}}"]}
    sql = {"uri": f"sqlite:///{directory}/catalog.db", "init_if_not_exists": True, "top_level_access_tags": ["public"]}
    return {
        "authentication": {
            "providers": [
                {
                    "provider": "toy",
                    "authenticator": "tiled.authenticators:DictionaryAuthenticator",
                    "args": {"users_to_passwords": dict.fromkeys(USERS, "secret")},
                }
            ],
            "tiled_admins": [{"provider": "toy", "id": "ada"}],
            "secret_keys": ["secret" * 6],
        },
        "database": {"uri": f"sqlite:///{directory}/sessions.db", "init_if_not_exists": True},
        "access_control": access_control,
        "webhooks": {"secret_keys": ["secret" * 6]},
        "trees": [
            {"path": "/new", "tree": "databroker_mongo.tiled:from_uri", "args": ours},
            {"path": "/old", "tree": "databroker_mongo.tiled:from_uri", "args": {**ours, "layout": 2}},
            {"path": "/sql", "tree": "catalog", "args": sql},
        ],
    }


@pytest.fixture(scope="module", params=[policy_of_sessions, policy_of_tags], ids=["sessions", "tags"])
def server(request, mongod_uri, tmp_path_factory):
    """Serve the runs under a policy, and give what asks for a user, and the application."""
    from starlette.testclient import TestClient
    from tiled.server.app import build_app_from_config

    directory = tmp_path_factory.mktemp("access")
    name = f"access_{os.getpid()}_{directory.name}"
    uri = mongod_uri.replace("/?", f"/{name}?")
    store_runs(uri, list(runs()))
    app = build_app_from_config(configuration_of(uri, directory, request.param(directory)))
    with TestClient(app, raise_server_exceptions=False) as client, pymongo.MongoClient(mongod_uri) as mongo:
        keys = {user: log_in(client, user) for user in USERS}

        def ask(user, method, url, body=None):
            client.cookies.clear()
            return client.request(method, url, headers={"Authorization": f"Bearer {keys[user]}"}, json=body)

        yield SimpleNamespace(policy=request.param, ask=ask, app=app, client=client, keys=keys, database=mongo[name])
        mongo.drop_database(name)


def log_in(client, user, provider="toy"):
    form = {"grant_type": "password", "username": user, "password": "secret"}
    found = client.post(f"/api/v1/auth/provider/{provider}/token", data=form)
    assert found.status_code == 200, found.text
    return found.json()["access_token"]


def url_of(template, path):
    """Return the URL of a route for a path with its query."""
    path, mark, query = path.partition("?")
    names = {"{path:path}": path, "{block:path}": "0/0", "{uuid}": path, "{webhook_id}": path}
    for name, value in names.items():
        template = template.replace(name, value)
    return template + mark + query


def test_every_route_is_in_one_of_the_lists(server):
    listed = [*READS, *OWN_ACCOUNT, *REFUSED, SOCKET]
    assert len(listed) == len({*listed})
    assert {*routes_of(server.app.routes)} == {*listed}


@pytest.mark.parametrize("route", READS)
def test_a_run_of_others_is_answered_as_one_that_is_not_there(server, route):
    method, template = route.split(" ")

    def answer(user, uid, path, body=None):
        found = server.ask(user, method, url_of(template, path.replace("{uid}", uid)), body)
        return found.status_code, found.text.replace(uid, "UID")

    for asked in READS[route]:
        request = asked if isinstance(asked, tuple) else (asked,)
        for user, uid in FOREIGN:
            foreign = answer(user, uid, *request)
            assert foreign == answer(user, MISSING, *request), request
            assert foreign[0] < 500, foreign
            assert NAME(uid) not in foreign[1]
    for asked in READS[route]:
        request = asked if isinstance(asked, tuple) else (asked,)
        assert answer("alice", ALICES, *request) != answer("alice", MISSING, *request), "nothing of a run was asked"


@pytest.mark.parametrize("tree", ["new", "old"])
def test_lists_counts_and_values_are_those_of_the_runs_of_a_user(server, tree):
    for user, runs in SEEN.items():
        listed = server.ask(user, "GET", f"/api/v1/search/{tree}").json()
        assert {each["id"] for each in listed["data"]} == runs
        names = server.ask(user, "GET", f"/api/v1/search/{tree}?fields=").json()
        counted = server.ask(user, "GET", f"/api/v1/search/{tree}?fields=count").json()
        assert [each["meta"]["count"] for each in (listed, names, counted)] == [len(runs)] * 3
        about = server.ask(user, "GET", f"/api/v1/metadata/{tree}").json()["data"]["attributes"]
        assert about["structure"]["count"] == len(runs)
        found = server.ask(user, "GET", f"/api/v1/distinct/{tree}?metadata=plan_name&specs=true&counts=true").json()
        assert {each["value"] for each in found["metadata"]["plan_name"]} == set(map(NAME, runs))
        assert {each["count"] for each in found["specs"]} == {len(runs)}


@pytest.mark.parametrize("route", REFUSED)
def test_nobody_writes_and_no_user_administers(server, route):
    """Of an administrator only that no run changes: where a node cannot be written, some routes of Tiled answer 500."""
    method, template = route.split(" ")
    path, body = REFUSED[route]
    url = url_of(template, path.replace("{uid}", ALICES)) if "{" in template else template + path
    before = contents(server.database)
    found = server.ask("alice", method, url, body)
    assert found.status_code in REFUSALS, found.text
    if "{path:path}" in template and method != "GET":
        assert server.ask("ada", method, url, body).status_code >= 400
    assert contents(server.database) == before


def contents(database):
    return {name: list(database[name].find()) for name in sorted(database.list_collection_names())}


@pytest.mark.parametrize("tree", ["new", "old"])
def test_a_run_that_was_found_for_one_is_not_handed_to_others(server, tree):
    routes = ("metadata", "search", "documents")

    def statuses():
        found = [server.ask(user, "GET", f"/api/v1/{route}/{tree}/{ALICES}") for user in USERS for route in routes]
        return [each.status_code for each in found]

    assert statuses() == [200] * 3 + [404] * 3 + [200] * 3
    server.database["run_start"].update_one({"uid": ALICES}, {"$set": {"data_session": "pass-3"}})
    assert statuses() == [404] * 6 + [200] * 3, "a correction holds at once for those who may not see it any more"
    server.database["run_start"].update_one({"uid": ALICES}, {"$set": {"data_session": "pass-1"}})
    assert statuses() == [200] * 3 + [404] * 3 + [200] * 3


def test_a_change_of_membership_holds_within_a_minute_caches_included(server, monkeypatch):
    if server.policy is policy_of_tags:
        pytest.skip("Tiled asks its tables of tags for each request")
    policy = server.app.state.access_policy
    file = policy._sessions_of._path
    before, passed = file.read_text(), 0.0
    cache = Cache(n_bytes=10_000, clock=lambda: passed)
    monkeypatch.setattr(policy, "_cache", cache)

    def seen(user):
        paths = (f"metadata/new/{BOBS}", f"table/full/new/{BOBS}/primary/internal?format=csv", f"documents/old/{BOBS}")
        statuses = {server.ask(user, "GET", f"/api/v1/{path}").status_code for path in paths}
        listed = server.ask(user, "GET", "/api/v1/search/new").json()
        distinct = server.ask(user, "GET", "/api/v1/distinct/new?metadata=plan_name").json()["metadata"]["plan_name"]
        assert listed["meta"]["count"] == len(listed["data"]) == len(distinct)
        assert (BOBS in {each["id"] for each in listed["data"]}) is (statuses == {200})
        return statuses

    try:
        assert (seen("alice"), seen("bob")) == ({404}, {200})
        file.write_text("alice: [pass-1, pass-2]\n")
        passed = 60.0
        assert (seen("alice"), seen("bob")) == ({200}, {404})
    finally:
        file.write_text(before)


def test_the_list_of_trees_counts_the_runs_of_a_user(server):
    if server.policy is policy_of_tags:
        pytest.skip("Tiled asks a policy of tags nothing of the trees in a list, those in SQL included")
    for user, runs in SEEN.items():
        for route in ("search", "search-deep"):
            trees = server.ask(user, "GET", f"/api/v1/{route}/").json()["data"]
            counts = {each["id"]: each["attributes"]["structure"]["count"] for each in trees}
            assert counts == {"new": len(runs), "old": len(runs), "sql": 0}


def test_a_tree_in_sql_beside_the_runs_is_under_the_same_policy(server):
    if server.policy is policy_of_sessions:
        pytest.skip("nobody writes")
    node = {"id": "alices", "structure_family": "container", "metadata": {}, "specs": [], "access_tags": ["pass-1"]}
    assert server.ask("ada", "POST", "/api/v1/metadata/sql", {**node, "data_sources": []}).status_code == 200
    statuses = [server.ask(user, "GET", "/api/v1/metadata/sql/alices").status_code for user in USERS]
    assert statuses == [200, 404, 200]


class Decisions(BaseHTTPRequestHandler):
    """What the facility's service says: the tags of a user, and what a user may do with a node of some tags."""

    TAGS: ClassVar = {"alice": ["pass-1", "public"], "bob": ["pass-2", "public"], "ada": ["public"]}

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        tags = self.TAGS[asked["user"]]
        allowed = READING if {*tags} & {*asked["tags"]} else []
        answer = json.dumps({"result": tags if self.path == "/tags" else allowed}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *arguments):
        """Say nothing."""


class DecidedElsewhere(ExternalPolicyDecisionPoint):
    """Tiled's policy that asks a service, with what is told to this one."""

    def build_input(self, principal, authn_access_tags, authn_scopes, access_tags=None):
        return json.dumps({"user": principal.identities[0].id, "tags": sorted(access_tags or ())})


@pytest.fixture
def decisions():
    """Serve the decisions, and give the address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Decisions) as service:
        thread = threading.Thread(target=service.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{service.server_port}/"
        service.shutdown()
        thread.join(10)


def test_a_policy_that_asks_a_service_shows_each_their_runs(decisions, mongod_database_uri, tmp_path):
    """With the catalog as the only tree: in 0.2.20 such a policy cannot search the folder that several trees are in."""
    from starlette.testclient import TestClient
    from tiled.server.app import build_app_from_config

    store_runs(mongod_database_uri, list(runs()))
    endpoints = {"create_node_endpoint": "create", "allowed_tags_endpoint": "tags", "scopes_endpoint": "scopes"}
    access_control = {
        "access_policy": f"{__name__}:DecidedElsewhere",
        "args": {"authorization_provider": decisions, **endpoints},
    }
    configuration = configuration_of(mongod_database_uri, tmp_path, access_control)
    configuration["trees"] = [{**configuration["trees"][0], "path": "/"}]
    with TestClient(build_app_from_config(configuration)) as client:
        for user in ("alice", "bob", "ada"):
            headers = {"Authorization": f"Bearer {log_in(client, user)}"}
            shown = SEEN[user] if user != "ada" else set()
            listed = client.get("/api/v1/search/", headers=headers).json()
            assert ({each["id"] for each in listed["data"]}, listed["meta"]["count"]) == (shown, len(shown))
            for path in ("metadata/{}", "documents/{}", "table/full/{}/primary/internal?format=csv"):
                urls = {run: f"/api/v1/{path.format(run)}" for run in (ALICES, BOBS, NOBODYS)}
                found = {run: client.get(url, headers=headers).status_code for run, url in urls.items()}
                assert found == {run: 200 if run in shown else 404 for run in found}


def test_the_configuration_in_the_docs_serves(mongod_database_uri, tmp_path, monkeypatch):
    from starlette.testclient import TestClient
    from tiled.config import parse_configs
    from tiled.server.app import build_app_from_config

    for variable, value in write_facility(tmp_path, mongod_database_uri).items():
        monkeypatch.setenv(variable, value)
    store_runs(mongod_database_uri, list(runs()))
    with TestClient(build_app_from_config(parse_configs(tmp_path / "config.yml"))) as client:
        for user, n_runs in (("alice", 1), ("ada", 3)):
            headers = {"Authorization": f"Bearer {log_in(client, user, provider='facility')}"}
            assert client.get("/api/v1/search/bmm", headers=headers).json()["meta"]["count"] == n_runs


def test_a_socket_tells_nothing_of_a_run_of_others(server):
    from fastapi import HTTPException
    from starlette.websockets import WebSocketDisconnect

    def answer(uid):
        url = f"/api/v1/stream/single/new/{uid}"
        headers = {"Authorization": f"Bearer {server.keys['alice']}"}
        connecting = server.client.websocket_connect(url, headers=headers)
        with pytest.raises((WebSocketDisconnect, HTTPException)) as caught, connecting as socket:
            socket.receive()
        return repr(caught.value).replace(uid, "UID")

    assert answer(BOBS) == answer(MISSING)
