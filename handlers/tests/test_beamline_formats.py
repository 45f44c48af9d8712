"""Formats that single beamlines write: buffers of the xMAP, simulated intensities, families of JPEG files."""

import itertools

import h5py
import numpy as np
import pytest
from databroker_mongo_handlers.hdf5.xmap import XmapMapping
from databroker_mongo_handlers.images.jpeg import AreaDetectorJPEG, CameraJPEG
from databroker_mongo_handlers.tables.srw import SimulatedIntensity

from databroker_mongo.testing import HandlerCase, HandlerConformance

RANDOM = np.random.default_rng(11)
COUNTS = RANDOM.integers(0, 200_000, (5, 8, 3), dtype="uint32")  # pixels, channels, regions
SPECTRA = RANDOM.integers(0, 60_000, (5, 8, 16), dtype="uint16")  # pixels, channels, bins
PIXELS_OF_BUFFERS = (3, 2, 0)


def mapping_buffer(mode, values, room):
    """Return the words of one module: ``values`` are ``(pixels, 4 channels, words of each)``, of at most ``room``."""
    header_words = {1: 256, 2: 64}[mode]
    n_pixels, _, n_each = values.shape
    block = header_words + 4 * n_each
    words = np.zeros(256 + room * block, "uint16")
    words[[0, 1, 2, 3, 8]] = 0x55AA, 0xAA55, 256, mode, n_pixels
    for number, pixel in enumerate(values):
        at = words[256 + number * block :][:block]
        at[[0, 1, 2, 3, 4, 6, 7]] = 0x33CC, 0xCC33, header_words, mode, number, block % 0x10000, block // 0x10000
        at[8:12] = n_each // {1: 1, 2: 2}[mode]
        at[header_words:] = pixel.ravel()
    return words


def write_mapping(path, mode, values, dtype="uint16"):
    """Write two modules, in one array for each number of pixels."""
    starts = np.cumsum([0, *PIXELS_OF_BUFFERS])
    arrays = [
        [mapping_buffer(mode, values[start:stop, first : first + 4], max(PIXELS_OF_BUFFERS)) for first in (0, 4)]
        for start, stop in itertools.pairwise(starts)
    ]
    with h5py.File(path, "w") as file:
        file.create_dataset("entry/data/data", data=np.array(arrays).astype(dtype), compression="gzip")
    return path


def as_words(counts):
    return np.stack([counts & 0xFFFF, counts >> 16], axis=-1).astype("uint16").reshape(*counts.shape[:-1], -1)


@pytest.mark.parametrize("dtype", ["uint16", "int16"])
class TestXmapRegions(HandlerConformance):
    handler_class = XmapMapping

    @pytest.fixture
    def case(self, tmp_path, dtype):
        places = [(channel, region) for region in range(3) for channel in (1, 4, 8)]
        return HandlerCase(
            path=write_mapping(tmp_path / "xmap.h5", 2, as_words(COUNTS), dtype),
            datums=[{"data_type": "roi", "channel": channel, "roi_num": region} for channel, region in places],
            expected=[COUNTS[:, channel - 1, region] for channel, region in places],
        )


class TestXmapSpectra(HandlerConformance):
    handler_class = XmapMapping

    def make_case(self, folder):
        return HandlerCase(
            path=write_mapping(folder / "xmap.h5", 1, SPECTRA),
            datums=[{"data_type": "spectrum", "channel": channel} for channel in range(1, 9)],
            expected=SPECTRA.swapaxes(0, 1),
        )


def damage(at, value):
    def change(words):
        words[..., at] = value

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (damage(0, 1), "not a buffer of an xMAP"),
        (damage(8, 5), "is short: 5 pixels of 88 words"),
        (damage(8, 0), "holds no pixels"),
        (damage(256 + 88, 1), "a pixel does not begin where the one before it ends"),
        (damage(3, 1), "was taken as 'spectrum'"),
        (damage(3, 3), "was taken as 'mapping mode 3'"),
    ],
)
def test_buffers_that_are_not_what_they_should_be_are_an_os_error(tmp_path, change, words):
    path = write_mapping(tmp_path / "xmap.h5", 2, as_words(COUNTS))
    with h5py.File(path, "a") as file:
        buffers = file["entry/data/data"][()]
        change(buffers)
        file["entry/data/data"][...] = buffers
    with pytest.raises(OSError, match=words):
        XmapMapping(str(path))(data_type="roi", channel=1, roi_num=0)


def test_channels_and_regions_that_are_not_there_are_told(tmp_path):
    handler = XmapMapping(str(write_mapping(tmp_path / "xmap.h5", 2, as_words(COUNTS))))
    with pytest.raises(ValueError, match="channel 9 was requested, of 2 modules"):
        handler(data_type="roi", channel=9, roi_num=0)
    with pytest.raises(ValueError, match="region 3 was requested, of 3"):
        handler(data_type="roi", channel=1, roi_num=3)
    with pytest.raises(ValueError, match="roi_num must be a whole number"):
        handler(data_type="roi", channel=1)


def write_intensity(path, numbers, n_x, n_y, n_energies=1):
    axes = (("Photon Energy", n_energies), ("Horizontal Position", n_x), ("Vertical Position", n_y))
    lines = ["#Intensity [ph/s/.1%bw/mm^2] (C-aligned, inner loop is vs Photon Energy)"]
    for name, n_points in axes:
        lines += [f"#-0.5 #Initial {name}", f"#0.5 #Final {name}", f"#{n_points} #Number of points vs {name}"]
    path.write_text("\n".join([*lines, *map(str, numbers)]) + "\n")
    return str(path)


def test_a_simulated_image_and_a_simulated_spectrum_are_read(tmp_path):
    image = RANDOM.random((3, 4))
    path = write_intensity(tmp_path / "image.dat", image.ravel().tolist(), n_x=4, n_y=3)
    np.testing.assert_array_equal(SimulatedIntensity(path)(), image)

    path = write_intensity(tmp_path / "spectrum.dat", [0.5, 1.5, 2.5], 1, 1, n_energies=3)
    assert SimulatedIntensity(path, ndim=1)().tolist() == [0.5, 1.5, 2.5]
    assert SimulatedIntensity(path).get_file_list([{}]) == [path]
    with pytest.raises(ValueError, match="ndim must be 1 or 2"):
        SimulatedIntensity(path, ndim=3)


def test_what_is_no_whole_simulated_image_is_an_os_error(tmp_path):
    path = write_intensity(tmp_path / "short.dat", range(11), n_x=4, n_y=3)
    with pytest.raises(OSError, match=r"holds 11 numbers, but declares an image of \(3, 4\)"):
        SimulatedIntensity(path)()
    path = write_intensity(tmp_path / "words.dat", ["1.0", "one"], n_x=2, n_y=1)
    with pytest.raises(OSError, match="cannot be read as numbers"):
        SimulatedIntensity(path)()
    (tmp_path / "other.dat").write_text("1 2 3\n")
    with pytest.raises(OSError, match="do not count points"):
        SimulatedIntensity(str(tmp_path / "other.dat"))()
    with pytest.raises(FileNotFoundError):
        SimulatedIntensity(str(tmp_path / "none.dat"))()


def write_jpegs(folder, name):
    image_module = pytest.importorskip("PIL.Image")
    pixels = RANDOM.integers(0, 255, (4, 16, 8, 3), dtype="uint8")
    for number, each in enumerate(pixels):
        image_module.fromarray(each).save(folder / name.format(number))
    return np.stack([np.asarray(image_module.open(folder / name.format(number))) for number in range(4)])


class TestAreaDetectorJPEG(HandlerConformance):
    handler_class = AreaDetectorJPEG

    def make_case(self, folder):
        frames = write_jpegs(folder, "cam_{:06d}.jpg")
        return HandlerCase(
            path=folder,
            resource_kwargs={"template": "%s%s_%6.6d.jpg", "filename": "cam", "frame_per_point": 2},
            datums=[{"point_number": 0}, {"point_number": 1}],
            expected=frames.reshape(2, 2, 16, 8, 3),
            beyond={"point_number": 2},
        )


@pytest.mark.parametrize("keyword", ["index", "point_number"])
class TestCameraJPEG(HandlerConformance):
    handler_class = CameraJPEG

    @pytest.fixture
    def case(self, tmp_path, keyword):
        return HandlerCase(
            path=tmp_path / "usbcam_%d.jpg",
            datums=[{keyword: number} for number in range(4)],
            expected=write_jpegs(tmp_path, "usbcam_{}.jpg"),
            beyond={keyword: 4},
        )


def test_a_path_without_a_place_for_the_number_is_told():
    with pytest.raises(ValueError, match="must take a number"):
        CameraJPEG("/data/usbcam.jpg")(index=0)
