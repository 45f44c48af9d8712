"""MIME types of image files and tables, on real files."""

import numpy as np
import pytest
import tifffile
from databroker_mongo_handlers.images.stream_bytes import OpaqueFiles
from databroker_mongo_handlers.images.stream_images import (
    NumberedJPEG,
    NumberedNPY,
    NumberedTIFF,
    SingleJPEG,
    StackNPY,
    StackTIFF,
)
from databroker_mongo_handlers.rows.templated_paths import TemplatedPaths
from databroker_mongo_handlers.tables.stream_tables import CSVWithHeader, CSVWithoutHeader, StreamedCSV

from databroker_mongo.testing import HandlerCase, HandlerConformance

ROWS = np.arange(7 * 16 * 8, dtype="uint16").reshape(7, 16, 8)


def indices(n_rows):
    return [{"index": number} for number in range(n_rows)]


class TestOneTIFFARow(HandlerConformance):
    handler_class = NumberedTIFF

    def make_case(self, folder):
        for number, row in enumerate(ROWS):
            tifffile.imwrite(folder / f"img_{number:06d}.tiff", row)
        return HandlerCase(
            path=f"{folder}/",
            resource_kwargs={"template": "img_{:06d}.tiff", "chunk_shape": [1, 16, 8]},
            datums=indices(7),
            expected=ROWS,
            beyond={"index": 7},
        )


class TestThreePagesAFile(HandlerConformance):
    handler_class = NumberedTIFF

    def make_case(self, folder):
        for number in range(3):
            pages = ROWS[3 * number : 3 * number + 3]
            tifffile.imwrite(folder / f"img_{number}.tiff", pages, photometric="minisblack", compression="deflate")
        return HandlerCase(
            path=folder,
            resource_kwargs={"template": "%s%s_%d.tiff", "filename": "img", "chunk_shape": [3, 16, 8]},
            datums=indices(6),
            expected=ROWS[:6],
            beyond={"index": 9},
        )


class TestOnePageInTheLastFile(HandlerConformance):
    handler_class = NumberedTIFF

    def make_case(self, folder):
        for number in range(3):
            pages = ROWS[3 * number : min(3 * number + 3, 7)]
            tifffile.imwrite(folder / f"img_{number}.tiff", pages.squeeze(), photometric="minisblack")
        return HandlerCase(
            path=folder,
            resource_kwargs={"template": "%s%s_%d.tiff", "filename": "img", "chunk_shape": [3, 16, 8]},
            datums=indices(7),
            expected=ROWS[:7],
            beyond={"index": 7},
        )


class TestNumberedNPY(HandlerConformance):
    handler_class = NumberedNPY

    def make_case(self, folder):
        for number, row in enumerate(ROWS):
            np.save(folder / f"uid_{number}.npy", row)
        return HandlerCase(path=folder / "uid", datums=indices(7), expected=ROWS, beyond={"index": 7})


class TestStackNPY(HandlerConformance):
    handler_class = StackNPY

    def make_case(self, folder):
        np.save(folder / "stack.npy", ROWS)
        return HandlerCase(path=folder / "stack.npy", datums=indices(7), expected=ROWS, beyond={"index": 7})


class TestStackTIFF(HandlerConformance):
    handler_class = StackTIFF

    def make_case(self, folder):
        tifffile.imwrite(folder / "stack.tif", ROWS, photometric="minisblack")
        return HandlerCase(path=folder / "stack.tif", datums=indices(7), expected=ROWS, beyond={"index": 7})

    def test_a_file_of_one_page_is_one_row(self, tmp_path):
        tifffile.imwrite(tmp_path / "image.tif", ROWS[0])

        np.testing.assert_array_equal(StackTIFF(str(tmp_path / "image.tif"))(index=0), ROWS[0])
        with pytest.raises(OSError, match="it has 1 rows"):
            StackTIFF(str(tmp_path / "image.tif"))(index=1)


def write_jpeg(folder, *, is_colour):
    image_module = pytest.importorskip("PIL.Image")
    shape = (16, 8, 3) if is_colour else (16, 8)
    decoded = []
    for number in range(3):
        pixels = np.random.default_rng(number).integers(0, 256, shape, dtype="uint8")
        image_module.fromarray(pixels).save(folder / f"img_{number:06d}.jpg")
        decoded.append(np.asarray(image_module.open(folder / f"img_{number:06d}.jpg")))
    return decoded


@pytest.mark.parametrize("is_colour", [True, False])
class TestJPEG(HandlerConformance):
    handler_class = NumberedJPEG

    @pytest.fixture
    def case(self, tmp_path, is_colour):
        return HandlerCase(
            path=tmp_path,
            resource_kwargs={"template": "img_{:06d}.jpg", "chunk_shape": [1, 16, 8]},
            datums=indices(3),
            expected=write_jpeg(tmp_path, is_colour=is_colour),
            beyond={"index": 3},
        )


class TestOpaqueFiles(HandlerConformance):
    handler_class = OpaqueFiles

    def make_case(self, folder):
        rows = [np.frombuffer(bytes([number]) * 20, "uint8") for number in range(4)]
        for number, row in enumerate(rows):
            (folder / f"hits_{number:03d}.bin").write_bytes(row.tobytes())
        return HandlerCase(
            path=folder / "hits",
            resource_kwargs={"template": "_{:03d}.bin", "chunk_shape": [1]},
            datums=indices(4),
            expected=rows,
            beyond={"index": 4},
        )

    def test_a_file_cut_short_is_an_os_error_and_never_other_data(self, tmp_path):
        (tmp_path / "a.bin").write_bytes(b"\x01\x02")  # of a file of mere bytes nobody knows how long it should be
        assert OpaqueFiles(str(tmp_path / "a.bin"))(index=0).tolist() == [1, 2]

    def test_a_single_file_is_the_only_row(self, tmp_path):
        (tmp_path / "a.bin").write_bytes(b"\x01\x02\x03")
        handler = OpaqueFiles(str(tmp_path / "a.bin"))
        assert handler.layout(index=0) == ((3,), np.dtype("uint8"), 1, None, 1, True)

        assert handler(index=0).tolist() == [1, 2, 3]
        with pytest.raises(OSError, match="it has 1 rows"):
            handler(index=1)

    def test_files_of_different_lengths_are_never_put_together(self, tmp_path):
        case = self.make_case(tmp_path)
        (tmp_path / "hits_002.bin").write_bytes(b"more")
        with pytest.raises(ValueError, match=r"hits_002\.bin holds uint8 of shape \(4,\), unlike"):
            OpaqueFiles(str(case.path), **case.resource_kwargs).read_into(
                np.empty((4, 20), "uint8"), case.datums, (slice(0, 20),)
            )


def test_a_single_jpeg_is_one_row_and_a_short_one_an_error(tmp_path):
    (expected, *_) = write_jpeg(tmp_path, is_colour=True)
    path = tmp_path / "img_000000.jpg"

    np.testing.assert_array_equal(SingleJPEG(str(path))(index=0), expected)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(OSError, match=r"img_000000\.jpg cannot be decoded"):
        SingleJPEG(str(path))(index=0)
    path.write_bytes(b"no image at all")
    with pytest.raises(OSError, match="cannot be opened as JPEG"):
        SingleJPEG(str(path))(index=0)


def test_an_absent_reader_is_named_with_what_to_install(tmp_path, monkeypatch):
    write_jpeg(tmp_path, is_colour=False)
    monkeypatch.setitem(__import__("sys").modules, "PIL.Image", None)

    with pytest.raises(ImportError, match=r"pip install databroker-mongo-handlers\[pillow\]"):
        SingleJPEG(str(tmp_path / "img_000000.jpg"))(index=0)


def test_a_file_with_more_rows_than_said_is_not_read_as_something_else(tmp_path):
    tifffile.imwrite(tmp_path / "img_0.tiff", ROWS, photometric="minisblack")

    with pytest.raises(ValueError, match="holds 7 rows, but each file of the family should hold 3"):
        NumberedTIFF(str(tmp_path), template="img_{}.tiff", chunk_shape=[3, 16, 8])(index=0)


def test_several_files_need_a_template():
    with pytest.raises(ValueError, match="must name them by a template"):
        NumberedTIFF("/data")


@pytest.mark.parametrize(
    ("path", "template", "expected"),
    [
        ("/data/", "img_{:03d}.tif", "/data/img_007.tif"),
        ("/data/", "/img_{0}.tif", "/data/img_7.tif"),
        ("/data/uid", "_{:d}.tif", "/data/uid_7.tif"),
        ("/data", "/{filename}_{}.tif", "/data/name_7.tif"),
        ("/data/", "%s%s_%3.3d.tif", "/data/name_007.tif"),
        ("/data/", "%s_%d.tif", "/data/name_7.tif"),
        ("/data/", "%d.tif", "/data/7.tif"),
    ],
)
def test_templates_of_both_styles_name_files(path, template, expected):
    assert TemplatedPaths(path, template=template, filename="name")(7) == expected


def test_a_folder_needs_no_slash_at_its_end(tmp_path):
    assert TemplatedPaths(str(tmp_path), template="{}.tif")(7) == f"{tmp_path}/7.tif"


class TestTableOfNumbers(HandlerConformance):
    handler_class = StreamedCSV

    def make_case(self, folder):
        (folder / "table.csv").write_text("time, counts\n1.5, 2\n2.5, 3\n3.5, 4\n")
        return HandlerCase(
            path=folder / "table.csv",
            datums=indices(3),
            expected=np.array([[1.5, 2], [2.5, 3], [3.5, 4]]),
            beyond={"index": 3},
        )


class TestTableOfTextWithoutHeader(HandlerConformance):
    handler_class = CSVWithoutHeader

    def make_case(self, folder):
        (folder / "a.csv").write_text("good,dry\nbad,wet\n")
        dtype = [("column_0", "U4"), ("column_1", "U3")]
        return HandlerCase(
            path=folder / "a.csv",
            datums=indices(2),
            expected=[np.array(row, dtype) for row in (("good", "dry"), ("bad", "wet"))],
            beyond={"index": 2},
        )


class TestTableUnderNumbers(HandlerConformance):
    handler_class = CSVWithHeader

    def make_case(self, folder):
        (folder / "a.csv").write_text("700,710\n1.5,2.5\n3.5,4.5\n")
        return HandlerCase(
            path=folder / "a.csv", datums=indices(2), expected=[[1.5, 2.5], [3.5, 4.5]], beyond={"index": 2}
        )


class TestTableOfTextAndNumbers(HandlerConformance):
    handler_class = StreamedCSV

    def make_case(self, folder):
        (folder / "table.csv").write_text('9007199254740993,"a, b",1.5\n2,c,nan\n')
        dtype = [("uid", "i8"), ("text", "U4"), ("value", "f8")]
        return HandlerCase(
            path=folder / "table.csv",
            resource_kwargs={"names": ["uid", "text", "value"], "header": None},
            datums=indices(2),
            expected=np.array([(9007199254740993, "a, b", 1.5), (2, "c", np.nan)], dtype),
            beyond={"index": 2},
        )


@pytest.mark.parametrize(
    ("text", "parameters", "expected"),
    [
        ("1,2\n3,4", {}, np.array([[1, 2], [3, 4]])),
        ("1 2\n3   4\n", {"sep": " "}, np.array([[1, 2], [3, 4]])),
        ("# made by\nx;y\n1;2\n", {"delimiter": ";", "comment": "#"}, np.array([[1, 2]])),
        ("junk\n1,2,3\n", {"skiprows": 1, "header": None, "usecols": [0, 2]}, np.array([[1, 3]])),
        ("x,y\n1,2\n", {"usecols": ["y"], "dtype": "float32"}, np.array([[2]], "float32")),
        ("1,\n,2\n", {}, np.array([[1, np.nan], [np.nan, 2]])),
        ("1,a\n", {"dtype": [["n", "<i4"], ["t", "<U1"]]}, np.array([(1, "a")], [("n", "<i4"), ("t", "<U1")])),
    ],
)
def test_tables_are_read_as_their_parameters_say(tmp_path, text, parameters, expected):
    (tmp_path / "table.csv").write_text(text)

    found = [StreamedCSV(str(tmp_path / "table.csv"), **parameters)(index=number) for number in range(len(expected))]

    np.testing.assert_array_equal(np.array(found, dtype=expected.dtype), expected)
    assert found[0].dtype == expected.dtype


def test_whole_numbers_that_a_float_cannot_hold_are_kept_whole(tmp_path):
    (tmp_path / "table.csv").write_text("9007199254740993,1.5\n")

    assert StreamedCSV(str(tmp_path / "table.csv"))(index=0)["column_0"] == 9007199254740993


@pytest.mark.parametrize(
    ("text", "parameters"),
    [("1.5,2\n2.5", {}), ("1.5,2\n2.5,", {}), ("1.5 2\n2.5 ", {"sep": " "}), ("t,u\n1.5,2\n2.5,", {"header": 0})],
)
def test_a_line_that_is_still_being_written_is_not_there_and_those_before_it_are(tmp_path, text, parameters):
    (tmp_path / "table.csv").write_text(text)
    handler = StreamedCSV(str(tmp_path / "table.csv"), **parameters)

    assert handler(index=0).tolist() == [1.5, 2]
    with pytest.raises(EOFError, match="line 1 was requested, but it has 1 lines"):
        handler(index=1)


def test_lines_that_were_added_are_seen(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("1,2\n")
    handler = StreamedCSV(str(path))

    assert handler(index=0).tolist() == [1, 2]
    with pytest.raises(OSError, match="it has 1 lines"):
        handler.structure(index=1)
    path.write_text("1,2\n3,4\n")
    assert handler(index=1).tolist() == [3, 4]


def test_a_line_of_another_length_is_an_error(tmp_path):
    (tmp_path / "table.csv").write_text("1,2\n3\n")

    with pytest.raises(OSError, match="line 1 has 1 fields, but there are 2 columns"):
        StreamedCSV(str(tmp_path / "table.csv"))(index=0)
