"""What any program gets over HTTP: statuses with a sentence, formats that other languages read."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pandas
import pyarrow.ipc
import pyarrow.parquet
import pytest

from databroker_mongo import Catalog

from .conftest import FRAMES, POINTS, getter, serving, uid_of

pytestmark = pytest.mark.filterwarnings("ignore::databroker_mongo.errors.DocumentWarning")
ARROW = "application/vnd.apache.arrow.file"
SCAN, IMAGES = uid_of(1), uid_of(2)


@pytest.fixture(scope="module")
def ask(served_uri):
    """Ask a server of layout 3."""
    with serving(Catalog.from_uri(served_uri)) as context:
        yield getter(context)


@pytest.fixture(scope="module")
def ask_of_old(served_uri):
    """Ask a server of layout 2."""
    with serving(Catalog.from_uri(served_uri), layout=2) as context:
        yield getter(context)


@pytest.mark.parametrize(
    "path",
    [
        f"metadata/{uid_of(99)}",
        "metadata/%00",
        f"metadata/{SCAN[:8]}",
        f"metadata/{SCAN}/nothing",
        f"metadata/{SCAN}/primary/nothing",
        f"metadata/{SCAN}/primary/internal/nothing",
        f"metadata/{SCAN}/primary/internal/n/deeper",
        f"array/full/{SCAN}/primary/internal",
        f"table/full/{SCAN}/primary",
        f"documents/{SCAN}/primary",
        f"documents/{uid_of(99)}",
        f"search/{uid_of(99)}",
        f"container/full/{uid_of(99)}",
    ],
)
def test_what_is_not_there_is_404(ask, path):
    found = ask(path)
    assert found.status_code == 404
    assert found.json()["detail"]


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        ("search/", {"sort": "stop.time"}),
        ("search/", {"filter[regex][condition][key]": "a", "filter[regex][condition][pattern]": "("}),
        ("search/", {"filter[fulltext][condition][text]": "words"}),
        ("search/", {"filter[eq][condition][key]": "$where", "filter[eq][condition][value]": "1"}),
        (f"search/{SCAN}", {"filter[eq][condition][key]": "a", "filter[eq][condition][value]": "1"}),
        ("distinct/", {"metadata": "$a"}),
        ("container/full/", {"format": "json"}),
        ("container/full/", {"format": "hdf5"}),
        (f"container/full/{SCAN}", {"field": "nothing"}),
        (f"table/full/{SCAN}/primary/internal", {"column": "nothing"}),
        (f"table/partition/{SCAN}/primary/internal", {"partition": 1}),
        (f"table/partition/{SCAN}/primary/internal", {"partition": -1}),
        (f"array/full/{IMAGES}/primary/img", {"slice": "7"}),
    ],
)
def test_what_cannot_be_asked_is_400(ask, path, parameters):
    found = ask(path, **parameters)
    assert found.status_code == 400, found.text
    assert found.json()["detail"]


@pytest.mark.parametrize(
    ("path", "parameters"),
    [(f"array/full/{IMAGES}/primary/img", {"format": "png"}), (f"table/full/{SCAN}/primary/internal", {"format": "x"})],
)
def test_a_format_that_does_not_fit_is_406(ask, path, parameters):
    assert ask(path, **parameters).status_code == 406


@pytest.mark.parametrize("method", ["put", "delete", "patch"])
def test_nothing_can_be_written(served_uri, method):
    with serving(Catalog.from_uri(served_uri)) as context:
        call = getattr(context.http_client, method)
        found = call(f"/api/v1/metadata/{SCAN}", **({} if method == "delete" else {"json": {"metadata": {}}}))
        assert found.status_code in (405, 422)
    assert Catalog.from_uri(served_uri)[SCAN].start["scan_id"] == 1


@pytest.mark.parametrize("number", [5, 6], ids=["declared", "of unknown shape"])
def test_one_lost_file_is_410_of_its_column_and_names_it(ask, ask_of_old, number):
    run = uid_of(number)
    listed = ask(f"search/{run}/primary").json()["data"]
    assert {each["id"] for each in listed} == {"internal", "mca", "img"}
    for found in (
        ask(f"array/full/{run}/primary/img", accept="*/*"),
        ask(f"array/block/{run}/primary/img", accept="*/*", block=",".join("0" * (4 if number == 5 else 1))),
        ask(f"container/full/{run}", format="hdf5"),
        ask_of_old(f"array/full/{run}/primary/data/img", accept="*/*"),
    ):
        assert found.status_code == 410, found.text
        assert "lost.h5" in found.json()["detail"]
        assert found.headers["Cache-Control"] == "no-store"
    table = ask(f"table/full/{run}/primary/internal", format="csv")
    assert table.status_code == 200
    assert len(table.text.splitlines()) == 6
    [told] = [each["attributes"]["metadata"] for each in listed if each["id"] == "img"]
    assert told["unreadable"]


def test_the_streams_of_a_run_are_listed_without_a_file_being_opened(ask, monkeypatch):
    monkeypatch.setattr("databroker_mongo.assets.reader.AssetReader.structure", lambda *_: pytest.fail("a file"))
    [stream] = ask(f"search/{uid_of(6)}").json()["data"]
    assert stream["id"] == "primary"
    assert stream["attributes"]["structure"]["count"] == 3


def test_a_table_has_the_same_values_in_all_formats(ask):
    path = f"table/full/{SCAN}/primary/internal"
    columns = {"column": ["seq_num", "I0", "n", "ok", "name"]}
    expected = pandas.DataFrame([{"seq_num": row + 1, **point} for row, point in enumerate(POINTS)])[columns["column"]]
    told = {
        "csv": lambda body: pandas.read_csv(io.BytesIO(body)),
        "parquet": lambda body: pyarrow.parquet.read_table(io.BytesIO(body)).to_pandas(),
        "arrow": lambda body: pyarrow.ipc.open_file(io.BytesIO(body)).read_pandas(),
        "json": lambda body: pandas.DataFrame(json.loads(body)),
        # As Tiled's page reads it.
        "application/json-seq": lambda body: pandas.DataFrame(map(json.loads, body.decode().splitlines())),
        "xlsx": lambda body: pandas.read_excel(io.BytesIO(body)),
        "hdf5": read_hdf5_columns,
    }
    for name, read in told.items():
        found = ask(path, format=name, **columns)
        assert found.status_code == 200, (name, found.text)
        pandas.testing.assert_frame_equal(
            read(found.content).reset_index(drop=True).astype(expected.dtypes), expected, obj=name
        )


def read_hdf5_columns(body):
    import h5py

    with h5py.File(io.BytesIO(body)) as file:
        return pandas.DataFrame(
            {name: each.asstr()[:] if h5py.check_string_dtype(each.dtype) else each[:] for name, each in file.items()}
        )


def test_an_image_is_sent_as_bytes_and_as_pictures(ask):
    path, part = f"array/full/{IMAGES}/primary/img", {"slice": "3,0,:,:"}
    body = ask(path, accept="application/octet-stream", **part).content
    assert np.frombuffer(body, "<u2").reshape(4, 6).tolist() == FRAMES[3].tolist()
    import tifffile
    from PIL import Image

    assert tifffile.imread(io.BytesIO(ask(path, format="tiff", **part).content)).tolist() == FRAMES[3].tolist()
    picture = Image.open(io.BytesIO(ask(path, format="png", **part).content))
    assert (picture.size, picture.getextrema()) == ((6, 4), (0, 255))
    assert ask(path, format="json", **part).json() == FRAMES[3].tolist()
    rows = list(csv.reader(io.StringIO(ask(path, format="csv", **part).text)))
    assert rows == [[str(each) for each in row] for row in FRAMES[3].tolist()]


def test_a_run_is_sent_as_one_hdf5_file(ask, ask_of_old):
    import h5py

    found = ask(f"container/full/{IMAGES}", format="hdf5")
    assert found.status_code == 200, found.text
    with h5py.File(io.BytesIO(found.content)) as file:
        assert json.loads(file["_metadata"][()])["start"]["scan_id"] == 2
        assert file["primary/img"][:].squeeze().tolist() == FRAMES.tolist()
        assert file["primary/internal/I0"][:].tolist() == [point["I0"] for point in POINTS]
        assert file["primary/internal/name"].asstr()[:].tolist() == [point["name"] for point in POINTS]
        assert "data_keys" in json.loads(file["primary/_metadata"][()])
    some = ask(f"container/full/{IMAGES}/primary", format="hdf5", field="img")
    with h5py.File(io.BytesIO(some.content)) as file:
        assert set(file) == {"_metadata", "img"}
    old = ask_of_old(f"container/full/{IMAGES}", format="hdf5")
    with h5py.File(io.BytesIO(old.content)) as file:
        assert file["primary/data/img"][:].squeeze().tolist() == FRAMES.tolist()


def test_odd_values_are_sent_as_hdf5(ask):
    import h5py

    found = ask(f"container/full/{uid_of(4)}", format="hdf5")
    assert found.status_code == 200, found.text
    with h5py.File(io.BytesIO(found.content)) as file:
        mixed = file["primary/internal/mixed"].asstr()[:].tolist()
        assert mixed == ["0", "two", "", '{"a": 1}']
        assert file["primary/internal/some"][[0, 2, 3]].tolist() == [1, 3, 4]
        assert np.isnan(file["primary/internal/some"][1])


def test_odd_values_are_sent_as_json(ask):
    path = f"table/full/{uid_of(4)}/primary/internal"
    columns = ask(path, format="json")
    assert columns.status_code == 200, columns.text
    found = columns.json()
    assert found["lists"] == [[1], [1, 2], [], [3]]
    assert found["some"] == [1, None, 3, 4]
    assert found["mixed"] == ["0", "two", None, '{"a": 1}']
    rows = list(map(json.loads, ask(path, format="application/json-seq").text.splitlines()))
    assert rows == [dict(zip(found, values, strict=True)) for values in zip(*found.values(), strict=True)]


def test_a_run_is_described_as_json(ask):
    found = ask(f"container/full/{SCAN}", format="json").json()
    assert found["metadata"]["start"]["scan_id"] == 1
    assert set(found["contents"]) == {"primary", "baseline"}
    assert set(found["contents"]["primary"]["contents"]) == {"internal", "mca"}


def test_documents_are_records_of_json(ask, catalog):
    found = ask(f"container/full/{SCAN}", format="application/json-seq")
    assert found.headers["Content-Type"].startswith("application/json-seq")
    records = [json.loads(each) for each in found.text.split("\x1e")[1:]]
    assert [each["name"] for each in records] == [name for name, _ in catalog[SCAN].documents()]
    some = ask(f"container/full/{SCAN}", format="application/json-seq", field="baseline").text
    names = {json.loads(each)["doc"].get("name") for each in some.split("\x1e")[1:] if '"descriptor"' in each}
    assert "primary" not in names


def test_a_page_of_no_run_is_empty_and_the_last_has_no_next(ask):
    assert ask("search/", **{"page[limit]": 0}).json()["data"] == []
    last = ask("search/", **{"page[offset]": 20, "page[limit]": 10}).json()
    assert (len(last["data"]), last["links"]["next"]) == (10, None)
    first = ask("search/", **{"page[limit]": 10}).json()
    assert "cursor" in first["links"]["next"]
    assert first["meta"]["count"] == 30


def test_tags_show_nothing_as_long_as_no_field_has_them(ask):
    tagged = {"filter[access_tags_filter][condition][tags]": json.dumps(["public"])}
    assert ask("search/", **tagged).json()["meta"]["count"] == 0
    assert ask(f"search/{SCAN}", **tagged).json()["meta"]["count"] == 0


def test_values_that_json_lacks_are_told_as_texts(mongod_database_uri):
    import bson
    import pymongo

    from databroker_mongo.testing import build_run

    from .conftest import store_runs

    odd = {"code": bson.Decimal128("1.5"), "bytes": b"\x00\xff", "nan": float("nan"), "id": bson.ObjectId("0" * 24)}
    store_runs(mongod_database_uri, [build_run({"primary": [{"x": 1}]}, uid=SCAN)])
    with pymongo.MongoClient(mongod_database_uri) as client:
        client.get_default_database().run_start.update_one({"uid": SCAN}, {"$set": {"odd": odd}})
    with serving(Catalog.from_uri(mongod_database_uri)) as context:
        for accept in ("application/json", "application/x-msgpack"):
            assert getter(context)(f"metadata/{SCAN}", accept=accept).status_code == 200
        told = getter(context)(f"metadata/{SCAN}").json()["data"]["attributes"]["metadata"]["start"]["odd"]
    assert (told["code"], told["id"], told["nan"]) == ("1.5", "0" * 24, None)
