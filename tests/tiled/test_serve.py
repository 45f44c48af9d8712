"""``databroker-mongo serve``: a real server in a process of its own, over real HTTP."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from tiled.client import from_uri

from databroker_mongo.cli.main import main
from databroker_mongo.tiled import configure, make_app

from .conftest import served, uid_of


@pytest.fixture(scope="module")
def server(served_uri):
    with served(served_uri) as (process, address):
        yield process, address


def test_the_address_opens_a_page_and_its_key_is_needed(server):
    _, address = server
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?api_key=[0-9a-f]{64}", address)
    base = address.partition("?")[0]
    with httpx.Client(timeout=60) as client:
        first = client.get(address)
        assert first.status_code == 307
        assert first.headers["Location"] == f"ui/?{address.partition('?')[2]}"
        page = client.get(f"{base}{first.headers['Location']}")
        assert "<html" in page.text
        assert "tiled_api_key" in page.headers["Set-Cookie"]
        assert client.get(f"{base}api/v1/search/").status_code == 200, "the cookie has the key"
    assert httpx.get(f"{base}api/v1/search/", timeout=60).status_code == 401


@pytest.mark.parametrize("before", ["/ui/{}", "/ui/%2F{}", "/ui/x" + "/.." * 20 + "{}", "/ui" + "/%2e%2e" * 20 + "{}"])
def test_nobody_is_handed_files_that_are_not_of_the_page(server, tmp_path, before):
    secret = tmp_path / "secret"
    secret.write_text("nobody is to read this")
    place = urlsplit(server[1])
    with closing(http.client.HTTPConnection(place.hostname, place.port, timeout=60)) as connection:
        connection.request("GET", before.format(secret))
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (404, b"This is not of the page.")
    assert httpx.get(f"http://{place.netloc}/ui/browse/{uid_of(1)}/", timeout=60).status_code == 200


def test_a_client_reads_the_same_values_over_real_http(server, catalog):
    client = from_uri(server[1])
    with closing(client.context.http_client):
        compare(client, catalog)


def compare(client, catalog):
    assert len(client) == 30
    assert client[-1].start["scan_id"] == 30
    found, expected = client[uid_of(1)]["primary"].read(), catalog[1]["primary"].read()
    assert set(found.data_vars) == set(expected.data_vars)
    for name in expected.data_vars:
        assert found[name].values.tobytes() == expected[name].values.tobytes(), name
    assert [name for name, _ in client[1].documents()] == [name for name, _ in catalog[1].documents()]
    exported = Path(os.environ["DATABROKER_MONGO_TEST_DIRECTORY"]) / "run.h5"
    client[2].export(str(exported), format="application/x-hdf5")
    assert exported.read_bytes()[:4] == b"\x89HDF"


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_cleanly(served_uri, sent):
    with served(served_uri, "--layout", "2") as (process, address):
        assert httpx.get(address, timeout=60).status_code == 307
        process.send_signal(sent)
        rest = process.communicate(timeout=30)[0]
        assert "Traceback" not in rest
        if sent == signal.SIGINT:
            assert process.returncode == 0
            assert rest.endswith("The server has ended.\n")


def test_several_catalogs_have_a_path_each(served_uri, machine):
    machine.write(machine.user, "a.yml", f"catalogs:\n  one: {{uri: '{served_uri}'}}\n  two: {{uri: '{served_uri}'}}\n")
    with served("one", "two", "--yes-everybody-may-read", "--trust-documents") as (_, address):
        assert address.endswith("/")
        listed = httpx.get(f"{address}api/v1/search/", timeout=60).json()
        assert {each["id"] for each in listed["data"]} == {"one", "two"}
        found = httpx.get(f"{address}api/v1/metadata/two/{uid_of(1)}", timeout=60)
        assert found.json()["data"]["attributes"]["metadata"]["start"]["scan_id"] == 1


def test_the_page_is_mended_unless_it_is_to_be_plain(served_uri):
    from starlette.testclient import TestClient

    configuration = configure([served_uri], layout=3, key="key" * 10, is_public=False)
    told = {
        is_mended: TestClient(make_app(configuration, is_mended=is_mended)).get("/tiled-ui-settings").json()
        for is_mended in (True, False)
    }
    views = told[True].pop("spec_views")
    assert told[True] == told[False]
    assert {view["spec"] for view in views} == {f"DatabrokerMongo{kind}" for kind in ("Folder", "Catalog", "Run")}
    assert {view["url"] for view in views} == {"/api/v1/databroker-mongo/views.js"}


def test_check_tells_what_could_be_served(served_uri, capsys):
    assert main(["serve", served_uri, "--check"]) == 0
    said = capsys.readouterr().out
    assert "30 runs" in said
    assert "tiled 0.2.20" in said


def test_what_cannot_be_served_is_told(served_uri, machine, capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        cases = {
            (served_uri, "--host", "0.0.0.0"): "--yes-everybody-may-read",
            (served_uri, "--port", str(port)): f"port {port}",
            (served_uri, "--host", "no such host", "--yes-everybody-may-read", "--trust-documents"): "no such host",
            ("no-such-catalog",): "no-such-catalog",
            ("mongodb://127.0.0.1:1/a?serverSelectionTimeoutMS=50",): "127.0.0.1:1",
        }
        for arguments, told in cases.items():
            assert main(["serve", *arguments]) == 1, arguments
            assert told in capsys.readouterr().err
