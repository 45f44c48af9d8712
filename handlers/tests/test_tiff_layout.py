"""Whether the layout of a TIFF file is the same as another's, on real files."""

from io import FileIO

import numpy as np
import pytest
import tifffile
from databroker_mongo_handlers.images import tiff
from databroker_mongo_handlers.images.tiff import AreaDetectorTIFF
from databroker_mongo_handlers.images.tiff_layout import layout_of

FRAME = np.arange(35, dtype="uint16").reshape(7, 5)


def layout(path):
    with path.open("rb", buffering=0) as file:
        return layout_of(file)


def write(path, frame=FRAME, **options):
    tifffile.imwrite(path, frame, **options)
    return path


def test_files_that_differ_in_pixels_time_stamps_and_date_are_laid_out_alike(tmp_path):
    layouts = [
        layout(
            write(
                tmp_path / f"{number}.tif",
                FRAME + number,
                extratags=[(65000, "d", 1, 1.5 * number, True), (65001, "I", 1, number, True)],
                datetime=f"2024:01:01 00:00:0{number}",
            )
        )
        for number in range(3)
    ]

    assert layouts[0] is not None
    assert layouts[0] == layouts[1] == layouts[2]


def test_a_header_before_the_pixels_is_read_at_once(tmp_path):
    reads = []

    class Counted(FileIO):
        def read(self, size=-1):
            reads.append(size)
            return super().read(size)

    path = write(tmp_path / "a.tif", np.zeros((512, 512), "uint16"), description="d" * 300, rowsperstrip=64)
    with Counted(path) as file:
        found = layout_of(file)
    assert len(found.offsets) == 8
    assert len(reads) == 1


@pytest.mark.parametrize(
    ("frame", "options"),
    [
        (FRAME.astype("int16"), {}),
        (FRAME.T.copy(), {}),
        (FRAME.astype("uint8"), {}),
        (FRAME, {"byteorder": ">"}),
        (FRAME, {"rowsperstrip": 2}),
        (FRAME, {"compression": "deflate"}),
        (FRAME, {"tile": (16, 16)}),
        (FRAME, {"photometric": "miniswhite"}),
        (FRAME, {"description": "other words, in which a shape may stand"}),
        (FRAME, {"align": 1024}),
    ],
)
def test_files_that_differ_in_anything_else_are_not(tmp_path, frame, options):
    assert layout(write(tmp_path / "0.tif")) != layout(write(tmp_path / "1.tif", frame, **options))


@pytest.mark.parametrize("rows_per_strip", [2, 3])
def test_places_of_several_strips_are_compared(tmp_path, rows_per_strip):
    first, second = (write(tmp_path / f"{name}.tif", rowsperstrip=rows_per_strip) for name in "ab")
    content = bytearray(second.read_bytes())
    with tifffile.TiffFile(second) as file:
        at = file.pages.first.tags["StripOffsets"].valueoffset
    content[at] ^= 2
    second.write_bytes(content)

    assert layout(first) != layout(second)


@pytest.mark.parametrize("content", [b"", b"II*\0", b"II*\0\x08\0\0\0", b"II*\0\x08\0\0\0\x03\0", bytes(64)])
def test_what_is_cut_in_the_header_or_no_tiff_has_none(tmp_path, content):
    (tmp_path / "0.tif").write_bytes(content)

    assert layout(tmp_path / "0.tif") is None


def test_a_big_tiff_and_one_of_several_pages_have_none(tmp_path):
    assert layout(write(tmp_path / "0.tif", bigtiff=True)) is None
    assert layout(write(tmp_path / "1.tif", np.stack([FRAME, FRAME]), photometric="minisblack")) is None


def test_files_that_are_laid_out_alike_are_parsed_once(tmp_path, monkeypatch):
    for number in range(5):
        write(tmp_path / f"img_{number}.tif", FRAME + number)
    parsed = []
    original = tiff.open_tiff
    monkeypatch.setattr(tiff, "open_tiff", lambda path: parsed.append(path) or original(path))
    handler = AreaDetectorTIFF(str(tmp_path), template="%s%s_%d.tif", filename="img")

    for number in range(5):
        np.testing.assert_array_equal(handler(point_number=number)[0], FRAME + number)

    assert parsed == [str(tmp_path / "img_0.tif")]


def test_a_file_cut_in_its_pixels_is_short_although_its_layout_is_known(tmp_path):
    for number in range(2):
        write(tmp_path / f"img_{number}.tif")
    path = tmp_path / "img_1.tif"
    path.write_bytes(path.read_bytes()[:-1])
    handler = AreaDetectorTIFF(str(tmp_path), template="%s%s_%d.tif", filename="img")
    handler(point_number=0)
    out = np.empty((1, 1, 7, 5), "uint16")

    for call in (handler, handler.structure):
        with pytest.raises(OSError, match="is short"):
            call(point_number=1)
    with pytest.raises(OSError, match="is short"):
        handler.read_into(out, [{"point_number": 1}], (slice(0, 1), slice(0, 7), slice(0, 5)))
