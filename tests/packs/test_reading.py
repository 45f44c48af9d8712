"""What databroker-pack writes is read; what is damaged, cut or dangerous is refused with its place."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from databroker_mongo.errors import CatalogWarning, ConfigurationError, InvalidDocument
from databroker_mongo.packs import read_documents, read_pack

msgpack = pytest.importorskip("msgpack")

DOCUMENTS = [
    ("start", {"uid": "f00", "time": 1.5, "shape": [3, 4], "note": None}),
    ("descriptor", {"uid": "d00", "run_start": "f00"}),
    ("event_page", {"descriptor": "d00", "seq_num": [1, 2], "data": {"I0": [0.5, 0.25]}}),
    ("stop", {"uid": "e00", "run_start": "f00"}),
]


def write_catalog(directory: Path, **source: object) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    content = {"sources": {"packed_catalog": {"driver": "bluesky-jsonl-catalog", **source}}}
    (directory / "catalog.yml").write_text(yaml.safe_dump(content))
    return directory


def write_jsonl(path: Path, entries: list) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    return path


def write_msgpack(path: Path, entries: list) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(msgpack.packb(entry, use_bin_type=True) for entry in entries))
    return path


@pytest.fixture
def pack(tmp_path) -> Path:
    directory = write_catalog(
        tmp_path / "pack",
        args={"paths": ["/elsewhere/documents/*.jsonl"], "root_map": {"abc": "external_files/abc", "def": "/data"}},
        metadata={"relative_paths": ["./documents/*.jsonl"]},
    )
    for name in ("b", "a"):
        write_jsonl(directory / "documents" / f"{name}.jsonl", DOCUMENTS)
    return directory


def test_the_documents_are_found_beside_the_catalog_file_wherever_it_was_moved(pack, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = read_pack(Path("pack"))
    assert found.directory == pack
    assert found.files == (pack / "documents" / "a.jsonl", pack / "documents" / "b.jsonl")


@pytest.mark.parametrize("line", ["documents/{}.jsonl", "/where/it/was/made/{}.jsonl", r"documents\{}.jsonl"])
def test_files_of_documents_that_are_listed_and_not_there_are_told(pack, line):
    manifest = pack / "documents_manifest.txt"
    manifest.write_text("\n".join([line.format(name) for name in "ab"] + [""]))
    assert len(read_pack(pack).files) == 2
    manifest.write_text("\n".join(line.format(name) for name in "abcd"))
    with pytest.warns(CatalogWarning, match=r"lacks 2 files of documents that it lists, such as c.jsonl"):
        assert len(read_pack(pack).files) == 2


def test_a_pattern_that_finds_nothing_is_told(tmp_path):
    patterns = ["documents/a.jsonl", "documents/b.jsonl"]
    directory = write_catalog(tmp_path / "pack", metadata={"relative_paths": patterns})
    write_jsonl(directory / "documents" / "a.jsonl", DOCUMENTS)
    with pytest.warns(CatalogWarning, match=r"lacks 1 files of documents that it lists, such as documents/b.jsonl"):
        assert len(read_pack(directory).files) == 1


def test_relative_places_of_external_files_become_absolute_and_others_stay(pack):
    assert read_pack(pack).root_map == {"abc": str(pack / "external_files" / "abc"), "def": "/data"}


def test_absolute_paths_serve_where_no_relative_ones_are_given(pack, tmp_path):
    other = write_catalog(tmp_path / "other", args={"paths": f"{pack}/documents/*.jsonl"})
    assert read_pack(other).files == read_pack(pack).files
    assert read_pack(other).root_map == {}


def test_a_directory_with_characters_that_patterns_use_is_taken_as_it_is(tmp_path):
    directory = write_catalog(tmp_path / "[a]*", metadata={"relative_paths": ["documents/*.jsonl"]})
    file = write_jsonl(directory / "documents" / "a.jsonl", DOCUMENTS)
    assert read_pack(directory).files == (file,)


@pytest.mark.parametrize("write", [write_jsonl, write_msgpack])
def test_documents_come_in_the_order_of_the_file(tmp_path, write):
    path = write(tmp_path / f"run.{write.__name__.removeprefix('write_')}", [list(pair) for pair in DOCUMENTS])
    assert list(read_documents(path)) == DOCUMENTS


def test_a_directory_without_a_catalog_file_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match="not a pack") as caught:
        read_pack(tmp_path)
    assert caught.value.path == tmp_path


def test_missing_documents_are_named(pack):
    for file in (pack / "documents").iterdir():
        file.unlink()
    with pytest.raises(ConfigurationError, match=r"\./documents/\*\.jsonl"):
        read_pack(pack)


@pytest.mark.parametrize("content", ["a: [", "just text", "sources: {}", "sources: {a: {}, b: {}}", "sources: {a: 3}"])
def test_another_kind_of_yaml_is_refused(tmp_path, content):
    (tmp_path / "catalog.yml").write_text(content)
    with pytest.raises(ConfigurationError) as caught:
        read_pack(tmp_path)
    assert caught.value.path == tmp_path / "catalog.yml"


def test_yaml_cannot_run_code(tmp_path):
    (tmp_path / "catalog.yml").write_text(f"sources: !!python/object/apply:os.mkdir [{tmp_path / 'made'}]")
    with pytest.raises(ConfigurationError):
        read_pack(tmp_path)
    assert not (tmp_path / "made").exists()


def test_a_damaged_line_is_named(tmp_path):
    path = write_jsonl(tmp_path / "run.jsonl", DOCUMENTS)
    path.write_text(path.read_text()[:-5])
    with pytest.raises(InvalidDocument, match="not JSON") as caught:
        list(read_documents(path))
    assert (caught.value.path, caught.value.line) == (path, 4)


@pytest.mark.parametrize("write", [write_jsonl, write_msgpack])
@pytest.mark.parametrize("entry", [[], ["start"], ["start", 3], [3, {}], {"start": {}}, 7])
def test_an_entry_that_is_no_document_is_refused(tmp_path, write, entry):
    path = write(tmp_path / f"run.{write.__name__.removeprefix('write_')}", [DOCUMENTS[0], entry])
    with pytest.raises(InvalidDocument, match="Each entry"):
        list(read_documents(path))


@pytest.mark.parametrize("cut", [1, 7, 40])
def test_a_file_that_was_cut_is_refused_after_its_whole_documents(tmp_path, cut):
    path = write_msgpack(tmp_path / "run.msgpack", [list(pair) for pair in DOCUMENTS])
    path.write_bytes(path.read_bytes()[:-cut])
    read = []
    with pytest.raises(InvalidDocument, match="ends within a document"):
        read.extend(document for document in read_documents(path))
    assert list(take_whole(path)) == DOCUMENTS[: len(DOCUMENTS) - (1 if cut < 40 else 2)]


def take_whole(path: Path):
    try:
        yield from read_documents(path)
    except InvalidDocument:
        return


def test_bytes_that_are_no_messagepack_are_refused(tmp_path):
    path = tmp_path / "run.msgpack"
    path.write_bytes(b"\xc1" * 20)
    with pytest.raises(InvalidDocument, match="not a file of documents") as caught:
        list(read_documents(path))
    assert caught.value.byte == 0


def encoded(array: np.ndarray, **changes: object) -> dict:
    """Encode an array as msgpack-numpy does."""
    described = {b"nd": True, b"type": array.dtype.str, b"kind": b"", b"shape": array.shape, b"data": array.tobytes()}
    return {**described, **{name.encode(): value for name, value in changes.items()}}


class UnpacksPickles(msgpack.Unpacker):
    """What msgpack_numpy.patch() puts in the place of msgpack's own."""

    def __init__(self, *arguments, object_hook, **options):
        def unpickled(value):
            return pickle.loads(value[b"data"]) if value.get(b"kind") == b"O" else object_hook(value)

        super().__init__(*arguments, object_hook=unpickled, **options)


@pytest.mark.parametrize("unpacker", [msgpack.Unpacker, UnpacksPickles])
def test_a_pickled_array_is_refused_and_not_unpickled(tmp_path, monkeypatch, unpacker):
    monkeypatch.setattr(msgpack, "Unpacker", unpacker)

    class Trap:
        def __reduce__(self):
            return Path.mkdir, (tmp_path / "made",)

    payload = encoded(np.zeros(1), kind=b"O", type=[["", "|O"]], data=pickle.dumps(Trap()))
    path = write_msgpack(tmp_path / "run.msgpack", [["event", {"data": {"x": payload}}]])
    with pytest.raises(InvalidDocument, match="pickled"):
        list(read_documents(path))
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("changes", [{"data": b"123"}, {"shape": [5]}, {"type": "|O"}, {"type": "nonsense"}])
def test_an_array_that_contradicts_itself_is_refused(tmp_path, changes):
    path = write_msgpack(tmp_path / "run.msgpack", [["event", {"x": encoded(np.arange(3), **changes)}]])
    with pytest.raises(InvalidDocument):
        list(read_documents(path))


def test_a_part_longer_than_the_buffer_of_the_reader_is_read(tmp_path):
    image = np.arange(5_000_000, dtype=np.uint32)
    path = write_msgpack(tmp_path / "run.msgpack", [["event", {"x": encoded(image)}], ["stop", {}]])
    (_, event), _ = read_documents(path)
    np.testing.assert_array_equal(event["x"], image)


def test_another_kind_of_file_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match=r"\.msgpack or \.jsonl"):
        read_documents(tmp_path / "run.pickle")


def test_without_msgpack_the_error_says_what_to_install(tmp_path, monkeypatch):
    path = write_msgpack(tmp_path / "run.msgpack", DOCUMENTS)
    monkeypatch.setitem(sys.modules, "msgpack", None)
    with pytest.raises(ConfigurationError, match="pip install"):
        list(read_documents(path))


def test_importing_the_module_does_not_load_msgpack():
    code = "import sys, databroker_mongo.packs.reading; sys.exit('msgpack' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
