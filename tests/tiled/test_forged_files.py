"""A run that names files of others is refused on every way out of a server, however it names them."""

from __future__ import annotations

import json
import os
import warnings
from types import SimpleNamespace

import numpy as np
import pymongo
import pytest

from databroker_mongo import Catalog
from databroker_mongo.cli.main import main
from databroker_mongo.errors import CatalogWarning, ConfigurationError, PathNotAllowed
from databroker_mongo.tiled import from_name, from_uri, make_tree

from ..forged import OWN, SECRET, SHAPE, WAYS, allowed_root, forge, write_files
from .conftest import getter, serving, store_runs

LEAKED = (np.full(SHAPE[1], SECRET, np.uint16).tobytes(), str(SECRET).encode())
OUT = {
    3: [
        *(f"array/full/{{uid}}/primary/img?format={form}" for form in ("application/octet-stream", "json", "tiff")),
        *(f"array/full/{{uid}}/primary/img?slice=0,0&format={form}" for form in ("png", "csv")),
        "array/block/{uid}/primary/img?block=0,0,0,0&format=application/octet-stream",
        "container/full/{uid}?format=hdf5",
        "container/full/{uid}/primary?format=hdf5&field=img",
        "documents/{uid}?fill=true",
    ],
    2: ["array/full/{uid}/primary/data/img?format=json", "container/full/{uid}/primary?format=hdf5"],
}
"""What a client may ask for the pixels, in each layout."""


@pytest.fixture(scope="module")
def forged(mongod_uri, tmp_path_factory):
    """Serve a run of each kind, in both layouts; give what asks for one of them, and their uids."""
    name = f"forged_{os.getpid()}"
    uri = mongod_uri.replace("/?", f"/{name}?")
    uids, roots = {}, []
    for number, way in enumerate([*WAYS, "own"]):
        directory = tmp_path_factory.mktemp("files")
        write_files(directory)
        documents = forge(way, directory, scan_id=number)
        store_runs(uri, [documents])
        uids[way] = documents[0][1]["uid"]
        roots.append(allowed_root(directory))
    catalog = Catalog.from_uri(uri, allowed_roots=roots)
    options = {"tells_places": False}
    with serving(catalog, layout=3, **options) as new, serving(catalog, layout=2, **options) as old:
        files = str(tmp_path_factory.getbasetemp()).encode()
        yield SimpleNamespace(uids=uids, get={3: getter(new), 2: getter(old)}, files=files)
    with pymongo.MongoClient(mongod_uri) as client:
        client.drop_database(name)


def answers(forged, way):
    """Yield what each way out answers: its URL, the status, which is None if it is cut off, and the content."""
    for layout, urls in OUT.items():
        for url in urls:
            path, _, query = url.format(uid=forged.uids[way]).partition("?")
            try:
                answer = forged.get[layout](path, accept="*/*", **dict(each.split("=") for each in query.split("&")))
            except PathNotAllowed as error:  # raised here, since client and server are in one process
                yield url, None, str(error).encode()
            else:
                yield url, answer.status_code, answer.content


@pytest.mark.parametrize("way", WAYS)
def test_a_file_of_others_is_refused_on_every_way_out(forged, way):
    for url, status, content in answers(forged, way):
        assert status == (None if url.startswith("documents") else 410), (url, content)
        assert not any(leaked in content for leaked in LEAKED), url
        assert status is None or forged.files not in content, url


def test_nothing_that_is_told_of_a_column_names_a_file(forged, caplog):
    uid = forged.uids["root"]
    for path in (f"metadata/{uid}/primary/img", f"search/{uid}/primary", f"search/{uid}"):
        answer = forged.get[3](path)
        assert answer.status_code == 200
        assert forged.files not in answer.content
    refused = forged.get[3](f"array/full/{uid}/primary/img").json()["detail"]
    assert "a file is not in a directory that this run may be read from" in refused
    assert f"run uid: {uid}" in refused
    assert forged.files.decode() in caplog.text


@pytest.mark.parametrize("way", WAYS)
def test_what_is_wrong_with_files_of_others_names_none(forged, way):
    answer = forged.get[3](f"health/{forged.uids[way]}")
    assert answer.status_code == 200
    assert forged.files not in answer.content


def test_what_is_wrong_is_said_in_words(forged, caplog):
    (told,) = forged.get[3](f"health/{forged.uids['root']}").json()["findings"]
    assert told["kind"] == "forbidden-files"
    assert told["message"].startswith("Files of it are not in a directory that this run may be read from")
    assert forged.files.decode() in caplog.text


def test_the_files_of_ones_own_go_every_way_out(forged):
    for url, status, content in answers(forged, "own"):
        assert status == 200, (url, content)
        if "format=json" in url:
            assert json.loads(content) == [[OWN.tolist()]] * 2


def test_a_tree_of_a_configuration_needs_allowed_roots(served_uri, tmp_path, machine):
    machine.write(machine.user, "a.yml", f"catalogs:\n  one: {{uri: '{served_uri}'}}\n")
    for make in (lambda **more: from_uri(served_uri, **more), lambda **more: from_name("one", **more)):
        with pytest.raises(ConfigurationError, match=r"allowed_roots.*trust_documents: true"):
            make()
        assert make(trust_documents=True) is not None
    assert from_uri(served_uri, catalog={"allowed_roots": [str(tmp_path)]}) is not None
    machine.write(machine.site, "a.yml", f"site: {{allowed_roots: ['{tmp_path}']}}")
    assert from_name("one") is not None


def test_everybody_is_served_behind_a_fence_and_one_user_what_that_user_may_read(served_uri, tmp_path, machine, capsys):
    assert main(["serve", served_uri, "--check"]) == 0
    assert main(["serve", served_uri, "--check", "--yes-everybody-may-read"]) == 1
    assert "--trust-documents" in capsys.readouterr().err
    assert main(["serve", served_uri, "--check", "--yes-everybody-may-read", "--trust-documents"]) == 0
    machine.write(machine.site, "a.yml", f"site: {{allowed_roots: ['{tmp_path}']}}")
    assert main(["serve", served_uri, "--check", "--yes-everybody-may-read"]) == 0


class Silent:
    """A handler that says nothing of links."""

    def __init__(self, path):
        self.path = path


def test_what_the_fence_does_not_hold_in_is_told(served_uri, tmp_path):
    def warned(tag_field, *roots, **options):
        catalog = Catalog.from_uri(served_uri, allowed_roots=roots or None, **options)
        with warnings.catch_warnings(record=True, action="always") as caught:
            make_tree(catalog, tag_field=tag_field)
        return [str(each.message) for each in caught if each.category is CatalogWarning]

    of_session = f"{tmp_path}/{{data_session}}"
    assert warned("data_session", of_session) == []
    assert warned("start.data_session", "/common", of_session) == []
    assert warned((), "/common") == []
    assert "may name the files of another" in warned("data_session", "/common")[0]
    assert "may name the files of another" in warned("tiled_access_tags", of_session)[0]
    (said,) = warned((), "/common", handlers={"MINE": Silent})
    assert "the handler of MINE" in said
    assert "Silent" in said
