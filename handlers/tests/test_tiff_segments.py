"""Strips and tiles of compressed TIFF files, decoded one by one, beside what tifffile makes of the whole file."""

import os
import threading

import numpy as np
import pytest
import tifffile
from databroker_mongo_handlers.images import tiff, tiff_segments
from databroker_mongo_handlers.images.tiff import AreaDetectorTIFF, TIFFFormat
from databroker_mongo_handlers.images.tiff_segments import segments_of
from hypothesis import given, settings
from hypothesis import strategies as st

from .travelling import send

NAMES = {"template": "%s%s_%d.tif", "filename": "img"}
LOSSLESS = ["adobe_deflate", "deflate", "lzw", "packbits", "zstd", "lzma"]
NOISE = np.random.default_rng(7)


def frames(n, shape=(70, 50), dtype="uint16"):
    return NOISE.poisson(30, (n, *shape)).astype(dtype)


def read(path, region=None, file_format=None):
    """Read a region of a file, or all of it, as handlers do."""
    file_format = file_format or TIFFFormat()
    header = file_format.describe(str(path))
    region = region or tuple(slice(0, n) for n in header.shape)
    out = np.empty([part.stop - part.start for part in region], header.dtype)
    file_format.read(str(path), header, out=out, region=region)
    return out


@pytest.fixture
def no_whole_images(monkeypatch):
    """Nothing is put together by tifffile."""
    monkeypatch.setattr(tifffile.TiffPageSeries, "asarray", lambda *args, **kwargs: pytest.fail("all was decoded"))


SHAPES = {
    "strips": {"rowsperstrip": 16},
    "one strip": {"rowsperstrip": 70},
    "tiles": {"tile": (16, 32)},
    "big endian": {"rowsperstrip": 9, "byteorder": ">"},
    "bigtiff": {"tile": (32, 16), "bigtiff": True},
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", ["uint16", "float32"])
@pytest.mark.parametrize(
    ("compression", "predictor"),
    [(each, predictor) for each in LOSSLESS for predictor in (False, True) if not (predictor and each == "packbits")],
)
def test_each_lossless_compression_is_decoded_as_by_tifffile(
    tmp_path, compression, dtype, predictor, shape, no_whole_images
):
    path, (frame,) = tmp_path / "a.tif", frames(1, dtype=dtype)
    tifffile.imwrite(path, frame, compression=compression, predictor=predictor, **SHAPES[shape])

    for region in [(slice(0, 70), slice(0, 50)), (slice(31, 33), slice(10, 40)), (slice(69, 70), slice(49, 50))]:
        np.testing.assert_array_equal(read(path, region), frame[region])


@pytest.mark.parametrize("options", [{"rowsperstrip": 16}, {"tile": (16, 16)}, {"tile": (32, 48)}])
@pytest.mark.parametrize("compression", ["jpeg", "jpeg2000", "webp", "png", "jpegxl"])
def test_compressions_of_images_are_decoded_as_by_tifffile(tmp_path, compression, options, no_whole_images):
    path = tmp_path / "a.tif"
    (frame,) = frames(1, (70, 50, 3), "uint8")
    tifffile.imwrite(path, frame, compression=compression, photometric="rgb", **options)
    with tifffile.TiffFile(path) as file:
        expected = file.pages.first.asarray()

    np.testing.assert_array_equal(read(path), expected)
    np.testing.assert_array_equal(read(path, (slice(20, 41), slice(3, 49), slice(1, 2))), expected[20:41, 3:49, 1:2])


@pytest.mark.parametrize("options", [{"rowsperstrip": 16}, {"tile": (16, 16)}])
def test_samples_in_segments_of_their_own_are_an_axis(tmp_path, options, no_whole_images):
    path = tmp_path / "a.tif"
    (colours,) = frames(1, (3, 70, 50))
    tifffile.imwrite(path, colours, compression="deflate", photometric="rgb", planarconfig="separate", **options)

    np.testing.assert_array_equal(read(path), colours)
    np.testing.assert_array_equal(read(path, (slice(1, 3), slice(15, 18), slice(0, 50))), colours[1:3, 15:18])


def test_pages_are_rows_and_only_those_of_the_region_are_decoded(tmp_path, monkeypatch, no_whole_images):
    path, pages = tmp_path / "a.tif", frames(5)
    tifffile.imwrite(path, pages, compression="zstd", rowsperstrip=10, photometric="minisblack")
    n_read = count_reads(monkeypatch)

    np.testing.assert_array_equal(read(path, (slice(2, 4), slice(15, 30), slice(0, 50))), pages[2:4, 15:30])

    assert len(n_read) == 2 * 2


def count_reads(monkeypatch):
    found = []
    original = tiff_segments._read_at
    monkeypatch.setattr(tiff_segments, "_read_at", lambda *args: found.append(args[2:]) or original(*args))
    return found


@given(
    st.data(),
    st.tuples(st.integers(1, 60), st.integers(1, 60)),
    st.sampled_from(["u1", "<u2", ">u2", "<i4", "<f4", "<f8", "<u8", "bool"]),
    st.sampled_from([*LOSSLESS, None]),
)
@settings(deadline=None)
def test_any_region_of_any_image_is_that_of_tifffile(tmp_path_factory, data, shape, dtype, compression):
    path = tmp_path_factory.mktemp("tiff") / "a.tif"
    frame = np.random.default_rng(shape).integers(0, 2, shape).astype(dtype)
    options = data.draw(
        st.one_of(
            st.builds(lambda n: {"rowsperstrip": n}, st.integers(1, 64)),
            st.builds(lambda a, b: {"tile": (16 * a, 16 * b)}, st.integers(1, 3), st.integers(1, 3)),
        )
    )
    tifffile.imwrite(path, frame, compression=compression, **options)
    region = tuple(
        slice(start, data.draw(st.integers(start, n))) for n in shape for start in [data.draw(st.integers(0, n))]
    )

    expected = tifffile.imread(path)
    np.testing.assert_array_equal(read(path), expected)
    np.testing.assert_array_equal(read(path, region), expected[region])


def test_a_window_reads_and_decodes_only_its_strips(tmp_path, monkeypatch):
    path, (frame,) = tmp_path / "a.tif", frames(1)
    tifffile.imwrite(path, frame, compression="deflate", rowsperstrip=10)
    with tifffile.TiffFile(path) as file:
        page = file.pages.first
        places = list(zip(page.dataoffsets, page.databytecounts, strict=True))
    n_read = count_reads(monkeypatch)

    np.testing.assert_array_equal(read(path, (slice(25, 35), slice(0, 10))), frame[25:35, :10])

    assert sorted(n_read) == places[2:4]


def test_compressed_files_of_one_form_are_parsed_once(tmp_path, monkeypatch):
    family = frames(6)
    for number, frame in enumerate(family):
        tifffile.imwrite(tmp_path / f"img_{number}.tif", frame, compression="lzw", rowsperstrip=16, predictor=True)
    parsed = []
    original = tiff.open_tiff
    monkeypatch.setattr(tiff, "open_tiff", lambda path: parsed.append(path) or original(path))
    handler = AreaDetectorTIFF(str(tmp_path), **NAMES)

    for number, frame in enumerate(family):
        np.testing.assert_array_equal(handler(point_number=number)[0], frame)

    assert parsed == [str(tmp_path / "img_0.tif")]


@pytest.mark.parametrize(
    "options",
    [
        {"compression": "zstd"},
        {"compression": "deflate", "predictor": True},
        {"compression": "deflate", "rowsperstrip": 7},
        {"compression": "deflate", "byteorder": ">"},
        {},
    ],
)
def test_a_file_of_another_form_is_parsed(tmp_path, options):
    first, second = frames(2)
    tifffile.imwrite(tmp_path / "img_0.tif", first, compression="deflate", rowsperstrip=16)
    tifffile.imwrite(tmp_path / "img_1.tif", second, **{"rowsperstrip": 16, **options})
    handler = AreaDetectorTIFF(str(tmp_path), **NAMES)

    for number, frame in enumerate([first, second, first, second]):
        np.testing.assert_array_equal(handler(point_number=number % 2)[0], frame)


def test_a_file_cut_anywhere_in_its_pixels_is_short_even_if_the_window_is_there(tmp_path):
    family = frames(2)
    for number, frame in enumerate(family):
        tifffile.imwrite(tmp_path / f"img_{number}.tif", frame, compression="zstd", rowsperstrip=10)
    path = tmp_path / "img_1.tif"
    path.write_bytes(path.read_bytes()[:-1])
    known = TIFFFormat()
    read(tmp_path / "img_0.tif", file_format=known)

    for file_format in (known, TIFFFormat()):
        with pytest.raises(OSError, match="is short: its image ends at byte"):
            read(path, (slice(0, 1), slice(0, 1)), file_format)


def damage_strip(path, number):
    with tifffile.TiffFile(path) as file:
        start, n_bytes = file.pages.first.dataoffsets[number], file.pages.first.databytecounts[number]
    content = bytearray(path.read_bytes())
    content[start : start + n_bytes] = bytes(n_bytes)
    path.write_bytes(content)


@pytest.mark.parametrize("compression", ["deflate", "lzw"])
def test_a_damaged_strip_is_an_error_for_those_who_need_it(tmp_path, compression):
    path, (frame,) = tmp_path / "a.tif", frames(1)
    tifffile.imwrite(path, frame, compression=compression, rowsperstrip=10)
    damage_strip(path, 3)

    np.testing.assert_array_equal(read(path, (slice(0, 30), slice(0, 50))), frame[:30])
    for region in (None, (slice(35, 36), slice(0, 1))):
        with pytest.raises(OSError, match=r"a.tif cannot be decoded") as caught:
            read(path, region)
        assert str(send(caught.value)) == str(caught.value)


def test_segments_that_were_never_written_are_what_tifffile_makes_of_them(tmp_path):
    path, (frame,) = tmp_path / "a.tif", frames(1)
    tifffile.imwrite(path, frame, compression="deflate", rowsperstrip=10)
    with tifffile.TiffFile(path) as file:
        tag = file.pages.first.tags["StripByteCounts"]
        at, size = tag.valueoffset, {3: 2, 4: 4}[tag.dtype]
    content = bytearray(path.read_bytes())
    content[at + 6 * size : at + 7 * size] = bytes(size)
    path.write_bytes(content)
    expected = tifffile.imread(path)
    assert not expected[60:].any()
    known = TIFFFormat()
    tifffile.imwrite(tmp_path / "b.tif", frame, compression="deflate", rowsperstrip=10)
    read(tmp_path / "b.tif", file_format=known)

    for file_format in (known, TIFFFormat()):
        np.testing.assert_array_equal(read(path, file_format=file_format), expected)


def test_what_only_tifffile_can_put_together_is_left_to_it(tmp_path):
    volume = frames(1, (16, 32, 48))[0]
    tifffile.imwrite(tmp_path / "volume.tif", volume, compression="deflate", tile=(16, 16, 16), volumetric=True)
    with tifffile.TiffFile(tmp_path / "volume.tif") as file:
        assert segments_of(file.series[0]) is None

    np.testing.assert_array_equal(read(tmp_path / "volume.tif"), volume)
    np.testing.assert_array_equal(
        read(tmp_path / "volume.tif", (slice(3, 5), slice(7, 9), slice(0, 48))), volume[3:5, 7:9]
    )


def test_a_file_that_takes_the_name_of_another_between_two_reads_is_read(tmp_path):
    first, second = frames(2)
    path, file_format = tmp_path / "a.tif", TIFFFormat()
    for frame in (first, second, first):
        tifffile.imwrite(tmp_path / "new.tif", frame, compression="zstd", rowsperstrip=10)
        (tmp_path / "new.tif").replace(path)
        np.testing.assert_array_equal(read(path, file_format=file_format), frame)


def test_strips_of_one_large_image_are_decoded_at_the_same_time(tmp_path, monkeypatch):
    path, (frame,) = tmp_path / "a.tif", frames(1, (1024, 1200))
    tifffile.imwrite(path, frame, compression="deflate", rowsperstrip=512)
    both = threading.Barrier(2, timeout=20)
    original = tiff_segments._read_at
    monkeypatch.setattr(tiff_segments, "_read_at", lambda *args: both.wait() is None or original(*args))
    monkeypatch.setattr(tiff_segments, "n_threads", lambda: 2)

    np.testing.assert_array_equal(read(path), frame)


def test_without_pread_the_segments_are_read_one_after_the_other(tmp_path, monkeypatch):
    path, (frame,) = tmp_path / "a.tif", frames(1, (1024, 1200))
    tifffile.imwrite(path, frame, compression="deflate", rowsperstrip=100)
    monkeypatch.delattr(os, "pread", raising=False)
    threads = set()
    original = tiff_segments._read_at
    monkeypatch.setattr(
        tiff_segments, "_read_at", lambda *args: threads.add(threading.current_thread()) or original(*args)
    )

    np.testing.assert_array_equal(read(path), frame)
    assert threads == {threading.current_thread()}
