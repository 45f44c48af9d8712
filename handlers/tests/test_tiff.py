"""Families of TIFF files, on real files."""

import numpy as np
import pytest
import tifffile
from databroker_mongo_handlers.images.tiff import AreaDetectorTIFF

from databroker_mongo.testing import HandlerCase, HandlerConformance

FRAMES = np.arange(6 * 7 * 5, dtype="uint16").reshape(6, 7, 5)
NAMES = {"template": "%s%s_%6.6d.tiff", "filename": "img"}


def write(folder, frames=FRAMES, **options):
    for number, frame in enumerate(frames):
        tifffile.imwrite(folder / f"img_{number:06d}.tiff", frame, **options)


def points(n_points):
    return [{"point_number": number} for number in range(n_points)]


class TestOneFramePerPoint(HandlerConformance):
    handler_class = AreaDetectorTIFF

    def make_case(self, folder):
        write(folder)
        return HandlerCase(
            path=folder,
            resource_kwargs=NAMES,
            datums=points(6),
            expected=FRAMES[:, np.newaxis],
            beyond={"point_number": 6},
        )


class TestTwoFramesPerPointCompressedInTiles(HandlerConformance):
    handler_class = AreaDetectorTIFF

    def make_case(self, folder):
        write(folder, compression="deflate", tile=(16, 16))
        return HandlerCase(
            path=folder,
            resource_kwargs={**NAMES, "frame_per_point": 2},
            datums=points(3),
            expected=FRAMES.reshape(3, 2, 7, 5),
            beyond={"point_number": 3},
        )


class TestPagesOfBigEndianFloats(HandlerConformance):
    handler_class = AreaDetectorTIFF

    def make_case(self, folder):
        frames = FRAMES.astype("float32").reshape(2, 3, 7, 5)
        for number, pages in enumerate(frames):
            tifffile.imwrite(folder / f"img_{number:06d}.tiff", pages, byteorder=">", photometric="minisblack")
        return HandlerCase(path=folder, resource_kwargs=NAMES, datums=points(2), expected=frames[:, np.newaxis])


@pytest.mark.parametrize("compression", ["deflate", "lzw", "packbits", "zstd"])
def test_compressed_pixels_are_decoded(tmp_path, compression):
    pytest.importorskip("imagecodecs")
    write(tmp_path, compression=compression)

    np.testing.assert_array_equal(AreaDetectorTIFF(str(tmp_path), **NAMES)(point_number=4)[0], FRAMES[4])


def test_an_absent_decoder_is_named_with_what_to_install(tmp_path, monkeypatch):
    write(tmp_path, compression="lzw")

    def refuse(*args, **kwargs):
        raise ValueError("<COMPRESSION.LZW: 5> requires the 'imagecodecs' package")

    monkeypatch.setattr(tifffile.TiffPage, "decode", property(lambda page: refuse))

    with pytest.raises(OSError, match=r"pip install databroker-mongo-handlers\[imagecodecs\]"):
        AreaDetectorTIFF(str(tmp_path), **NAMES)(point_number=0)


def test_many_frames_are_read_side_by_side_and_in_their_places(tmp_path):
    frames = np.random.default_rng(1).integers(0, 2**16, (8, 512, 600), dtype="uint16")
    write(tmp_path, frames)
    out = np.empty((8, 1, 512, 600), "uint16")

    AreaDetectorTIFF(str(tmp_path), **NAMES).read_into(out, points(8), (slice(0, 1), slice(0, 512), slice(0, 600)))

    np.testing.assert_array_equal(out[:, 0], frames)


def random_bytes(path):
    path.write_bytes(bytes(range(256)))


def truncated(path):
    path.write_bytes(path.read_bytes()[:-20])


def empty(path):
    path.write_bytes(b"")


@pytest.mark.parametrize("compression", [None, "deflate"])
@pytest.mark.parametrize("spoil", [random_bytes, truncated, empty, lambda path: path.unlink()])
def test_one_bad_file_of_five_costs_its_own_point_and_names_the_file(tmp_path, spoil, compression):
    write(tmp_path, compression=compression)
    bad = tmp_path / "img_000002.tiff"
    spoil(bad)
    handler = AreaDetectorTIFF(str(tmp_path), **NAMES)

    np.testing.assert_array_equal(handler(point_number=1)[0], FRAMES[1])
    for call in (handler, handler.structure):
        with pytest.raises(OSError, match=r"img_000002\.tiff"):
            call(point_number=2)


@pytest.mark.parametrize("other", [np.zeros((9, 9), "uint16"), np.zeros((7, 5), "float32"), np.zeros((3, 3), "uint16")])
def test_a_frame_of_another_shape_or_dtype_is_never_cropped_or_converted(tmp_path, other):
    write(tmp_path)
    tifffile.imwrite(tmp_path / "img_000001.tiff", other)
    handler = AreaDetectorTIFF(str(tmp_path), **NAMES)
    out = np.empty((3, 1, 2, 2), "uint16")

    with pytest.raises(ValueError, match=r"img_000001.tiff holds .* unlike the uint16 of shape \(7, 5\)"):
        handler.read_into(out, points(3), (slice(0, 1), slice(0, 2), slice(0, 2)))
    assert handler(point_number=1).shape == (1, *other.shape)


def test_files_are_named_by_the_template_without_being_looked_for():
    handler = AreaDetectorTIFF("/data/run/", template="%s%s_%6.6d.tiff", filename="../img", frame_per_point=2)

    assert handler.get_file_list([{"point_number": 1}, {"point_number": 1}]) == [
        "/data/run/../img_000002.tiff",
        "/data/run/../img_000003.tiff",
    ]


def test_a_template_that_does_not_fit_says_what_it_must_take():
    with pytest.raises(ValueError, match="must take a folder, a file name and a number"):
        AreaDetectorTIFF("/data", template="%s_%d.tiff", filename="img").get_file_list([{"point_number": 0}])
