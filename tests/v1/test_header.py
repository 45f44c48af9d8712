"""Header: the documents and the data of one run."""

import numpy as np
import pytest

from databroker_mongo import Writer
from databroker_mongo.errors import CatalogWarning, ColumnNotFound, OldNameWarning, StreamNotFound
from databroker_mongo.testing import build_run
from databroker_mongo.v1 import ALL

from .conftest import FRAMES, TIME


def test_the_documents_of_the_run_are_at_hand(db):
    header = db[1]
    assert header.start == header["start"] == db.v2[1].start
    assert header.stop["exit_status"] == "success"
    assert header.uid == header.start["uid"]
    assert header.v2 == db.v2[1]
    assert sorted(header.stream_names) == ["baseline", "primary"]


def test_the_newest_descriptor_comes_first(db):
    assert [descriptor["uid"] == "second" for descriptor in db[4].descriptors] == [True, False]


def test_a_run_that_goes_on_has_an_empty_stop_until_it_ends(db):
    header = db[3]
    assert header.stop == {}
    stop = {"uid": "end", "run_start": header.uid, "time": TIME + 9000, "exit_status": "abort", "reason": "beam dump"}
    Writer(db.v2)("stop", stop)
    assert header.stop["reason"] == "beam dump"


def test_a_header_is_a_mapping_of_its_parts(db):
    header = db[1]
    assert list(header) == list(header.keys()) == ["start", "descriptors", "stop", "ext"]
    assert dict(header.items())["stop"] == header.stop
    assert [type(part).__name__ for part in header.values()][1] == "list"
    assert header.get("uid") == header.uid
    assert header.get("colour", None) is None
    with pytest.raises(KeyError):
        header["uid"]


def test_headers_of_one_run_are_equal(db):
    assert db[1] == db[-4]
    assert db[1] != db[2]
    assert len({db[1], db[-4]}) == 1


def test_external_fetchers_fill_ext(db):
    db.external_fetchers["temperature"] = lambda start, stop: (start["scan_id"], stop.get("exit_status"))
    assert db[1].ext.temperature == (1, "success")
    assert db[3].ext.temperature == (3, None)


def test_fields_and_devices_are_those_of_a_stream_or_of_all(db):
    header = db[1]
    assert header.fields() == {"I0", "count", "label", "ok", "spec", "temp"}
    assert header.fields("baseline") == db.get_fields(header, "baseline") == {"temp"}
    assert db.get_fields(header) == header.fields(ALL)
    assert header.devices() == {"det"}
    assert header.devices("nothing") == set()


def test_the_configuration_of_a_device_is_listed_by_stream(db):
    configured = {"det_gain": 3, "det_mode": "fast"}
    assert db[1].config_data("det") == {"primary": [configured], "baseline": [configured]}
    assert db[1].config_data("motor") == {}


def test_data_of_events_are_plain_numbers(db):
    values = list(db[1].data("I0"))
    assert values == [0.0, 0.5, 1.0, 1.5, 2.0]
    assert type(values[0]) is float
    assert list(db[1].data("spec"))[2] == [2.0, 2.0]
    assert list(db[4].data("extra"))[3:] == [0.25] * 3
    assert np.isnan(next(db[4].data("extra")))


def test_data_of_a_detector_are_its_images(db):
    images = list(db[2].data("img"))
    np.testing.assert_array_equal(images, FRAMES)
    assert images[0].dtype == np.uint16
    assert all(isinstance(datum_id, str) for datum_id in db[2].data("img", fill=False))


def test_images_are_read_a_few_at_a_time(db, monkeypatch):
    handler = db.reg.handler_reg["NPY_FRAMES"]
    read = []
    original = handler.__call__
    monkeypatch.setattr(handler, "__call__", lambda self, index: read.append(index) or original(self, index))
    monkeypatch.setattr("databroker_mongo.v1.values.BLOCK_BYTES", FRAMES[0].nbytes)
    images = db[2].data("img")
    next(images)
    assert 3 not in read
    np.testing.assert_array_equal(list(images), FRAMES[1:])


def test_data_may_be_metadata_and_of_what_there_is_not_nothing(db):
    assert list(db[1].data("det_gain", "baseline")) == [3, 3]
    assert list(db[1].data("purpose")) == ["calibration"] * 5
    with pytest.warns(
        CatalogWarning, match="no data key 'typo' in the stream 'primary'.*Data keys: I0, count"
    ) as caught:
        assert list(db[1].data("typo")) == []
    assert caught[0].filename == __file__
    with pytest.warns(CatalogWarning, match="has no stream 'typo'. It has: primary, baseline"):
        assert list(db[1].data("I0", "typo")) == []


def test_xarray_is_what_the_newer_interface_reads(db):
    header = db[2]
    assert header.xarray().identical(db.v2[2].primary.read())
    assert header.xarray_dask()["img"].data.dtype == np.uint16
    with pytest.raises(StreamNotFound):
        header.xarray("typo")


def test_images_are_a_sequence_that_reads_one_at_a_time(db):
    with pytest.warns(OldNameWarning, match="get_images"):
        images = db.get_images(db[2], "img")
    assert (len(images), images.frame_shape, images.pixel_type) == (4, (1, 3, 5), np.uint16)
    np.testing.assert_array_equal(images[-1], FRAMES[3])
    np.testing.assert_array_equal(list(images[1:3]), FRAMES[1:3])
    np.testing.assert_array_equal(list(images[[3, 0]]), FRAMES[[3, 0]])
    np.testing.assert_array_equal(np.stack(list(images)), FRAMES)
    with pytest.raises(IndexError):
        images[4]


def test_images_of_several_runs_follow_one_another(db):
    with pytest.warns(OldNameWarning):
        images = db.get_images([db[2], db[2]], "img")
    assert images.shape == (8, 1, 3, 5)
    np.testing.assert_array_equal(images[5], FRAMES[1])


def test_images_of_an_unknown_key_are_refused(db):
    with pytest.warns(OldNameWarning), pytest.raises(ColumnNotFound, match="typo"):
        db.get_images(db[2], "typo")


def test_images_of_no_run_are_refused(db):
    with pytest.warns(OldNameWarning), pytest.raises(ColumnNotFound, match="no run"):
        db.get_images([], "img")


def test_a_header_shows_its_documents_as_html(db):
    page = db[1]._repr_html_()
    assert "<caption>Start</caption>" in page
    assert "<th>purpose</th><td>calibration</td>" in page
    assert "det_gain" in page


def test_what_a_document_says_cannot_break_the_page(catalog):
    for name, document in build_run({}, scan_id=9, time=TIME + 99999, title="<script>", list=[{"a": 1}, "b"]):
        Writer(catalog)(name, document)
    page = catalog.v1[9]._repr_html_()
    assert "&lt;script&gt;" in page
    assert "<script>" not in page
