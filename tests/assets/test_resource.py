"""Resource and stream resource documents become one form."""

from __future__ import annotations

import pickle

import pytest

from databroker_mongo.assets import Resource
from databroker_mongo.errors import InvalidDocument

RESOURCE = {
    "uid": "r1",
    "spec": "AD_HDF5",
    "root": "/data/",
    "resource_path": "2020/scan.h5",
    "resource_kwargs": {"frame_per_point": 2},
    "path_semantics": "posix",
    "run_start": "run-1",
}


def stream_resource(**changes):
    document = {
        "uid": "s1",
        "data_key": "image",
        "mimetype": "application/x-hdf5",
        "uri": "file://localhost/data/2020/scan.h5",
        "parameters": {"dataset": "/entry/data/data"},
        "run_start": "run-1",
    }
    return {**document, **changes}


def test_a_resource_document_keeps_what_it_says():
    resource = Resource.from_document(RESOURCE)

    assert (resource.uid, resource.spec, resource.is_stream) == ("r1", "AD_HDF5", False)
    assert (resource.root, resource.path) == ("/data/", "2020/scan.h5")
    assert resource.kwargs == {"frame_per_point": 2}
    assert resource.run_uid == "run-1"
    assert str(resource.place) == "/data/2020/scan.h5"


def test_an_old_resource_without_uid_goes_by_the_name_that_its_datums_use():
    document = {key: value for key, value in RESOURCE.items() if key != "uid"}

    assert Resource.from_document(document, "5f8a").uid == "5f8a"
    assert Resource.from_document(RESOURCE, "5f8a").uid == "r1"


def test_optional_fields_may_be_missing_or_null():
    resource = Resource.from_document({"uid": "r1", "spec": "X", "resource_kwargs": None, "root": None})

    assert (resource.root, resource.path, resource.kwargs) == ("", "", {})
    assert (resource.path_semantics, resource.run_uid) == ("posix", None)


@pytest.mark.parametrize("missing", ["uid", "spec"])
def test_a_document_without_uid_or_spec_is_refused_by_naming_the_field(missing):
    document = {key: value for key, value in RESOURCE.items() if key != missing}

    with pytest.raises(InvalidDocument, match=f"'{missing}'") as caught:
        Resource.from_document(document)

    assert caught.value.run_uid == "run-1"


def test_a_stream_resource_of_today_has_its_mime_type_as_spec_and_its_parameters_as_keywords():
    resource = Resource.from_stream_document(stream_resource(mimetype="multipart/related;type=image/tiff"))

    assert resource.spec == "multipart/related;type=image/tiff"
    assert resource.is_stream
    assert resource.kwargs == {"dataset": "/entry/data/data"}
    assert (resource.root, resource.path) == ("", "/data/2020/scan.h5")


def test_a_stream_resource_from_before_2024_is_read_as_well():
    resource = Resource.from_stream_document(RESOURCE)

    assert resource.is_stream
    assert (resource.spec, resource.root, resource.uri) == ("AD_HDF5", "/data/", None)
    assert resource.kwargs == {"frame_per_point": 2}


@pytest.mark.parametrize("missing", ["uid", "mimetype", "uri"])
def test_a_stream_resource_that_lacks_a_needed_field_is_refused(missing):
    document = stream_resource()
    del document[missing]

    with pytest.raises(InvalidDocument, match=f"'{missing}'"):
        Resource.from_stream_document(document)


@pytest.mark.parametrize(
    ("uri", "path", "semantics"),
    [
        ("file://localhost/data/x.h5", "/data/x.h5", "posix"),
        ("file:///data/x.h5", "/data/x.h5", "posix"),
        ("file:/data/x.h5", "/data/x.h5", "posix"),
        ("file://localhost//data/x.h5", "/data/x.h5", "posix"),
        ("file://localhost/data/with%20blank%23and%25.h5", "/data/with blank#and%.h5", "posix"),
        ("file://localhost/data/raw #1?.h5", "/data/raw #1?.h5", "posix"),
        ("file://localhost/data/dir/", "/data/dir", "posix"),
        ("file:///C:/data/x.h5", "c:/data/x.h5", "windows"),
        ("file://localhost/C:/data/x.h5", "c:/data/x.h5", "windows"),
        ("file://detector7/data/x.h5", "/data/x.h5", "posix"),
        ("/data/x.h5", "/data/x.h5", "posix"),
    ],
)
def test_uris_are_taken_apart(uri, path, semantics):
    resource = Resource.from_stream_document(stream_resource(uri=uri))

    assert (resource.path, resource.path_semantics, resource.uri) == (path, semantics, uri)


def test_a_resource_can_be_hashed_compared_and_pickled():
    resource = Resource.from_document(RESOURCE)

    assert pickle.loads(pickle.dumps(resource)) == resource
    assert len({resource, Resource.from_document(RESOURCE)}) == 1
    assert resource != Resource.from_document({**RESOURCE, "resource_kwargs": {"frame_per_point": 1}})
