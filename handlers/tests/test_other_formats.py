"""CBF, SPE, IMM, single files and tables, on real files."""

import struct

import h5py
import numpy as np
import pytest
import tifffile
from databroker_mongo_handlers.images.cbf import PilatusCBF
from databroker_mongo_handlers.images.imm import SparseIMM
from databroker_mongo_handlers.images.spe import PrincetonSPE
from databroker_mongo_handlers.images.whole_files import NumpyFile, NumpyFrames, SingleTIFF, TextNumbers
from databroker_mongo_handlers.tables.pizzabox import AnalogSamples, TriggerTimes
from databroker_mongo_handlers.tables.specs_phoibos import SpecsTables

from databroker_mongo.testing import HandlerCase, HandlerConformance

FRAMES = np.random.default_rng(5).integers(-3, 100_000, (6, 7, 5), dtype="int32")
CBF_NAMES = {"template": "%s%s_%5.5d.cbf", "filename": "pil"}
SPE_NAMES = {"template": "%s%s_%d.spe", "filename": "ccd"}


def points(n_points):
    return [{"point_number": number} for number in range(n_points)]


def write_cbf(folder, frames=FRAMES, first=1):
    cbfimage = pytest.importorskip("fabio.cbfimage")
    for number, frame in enumerate(frames, start=first):
        cbfimage.CbfImage(data=frame).write(str(folder / f"pil_{number:05d}.cbf"))
    return folder


class TestOneCBFAPoint(HandlerConformance):
    handler_class = PilatusCBF

    def make_case(self, folder):
        return HandlerCase(
            path=write_cbf(folder),
            resource_kwargs=CBF_NAMES,
            datums=points(6),
            expected=FRAMES,
            beyond={"point_number": 6},
        )


class TestTwoCBFAPoint(HandlerConformance):
    handler_class = PilatusCBF

    def make_case(self, folder):
        return HandlerCase(
            path=write_cbf(folder, first=0),
            resource_kwargs={**CBF_NAMES, "frame_per_point": 2, "initial_number": 0},
            datums=points(3),
            expected=FRAMES.reshape(3, 2, 7, 5),
            beyond={"point_number": 3},
        )


def test_windows_of_cbf_frames_do_not_overlap(tmp_path):
    handler = PilatusCBF(str(tmp_path), **CBF_NAMES, frame_per_point=2)

    assert [len(handler.get_file_list([{"point_number": number}])) for number in range(3)] == [2, 2, 2]
    assert len(handler.get_file_list(points(3))) == 6


def cut_header(content):
    return content[:300]


def cut_pixels(content):
    return content[:-90]


def flip_a_byte(content):
    at = content.index(b"\x0c\x1a\x04\xd5") + 8
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (cut_header, "no binary section"),
        (cut_pixels, "is short"),
        (flip_a_byte, "checksum"),
        (lambda _: b"", "not a CBF"),
    ],
)
def test_a_bad_cbf_file_is_an_os_error_and_never_a_hang(tmp_path, spoil, reason):
    path = write_cbf(tmp_path) / "pil_00001.cbf"
    path.write_bytes(spoil(path.read_bytes()))

    with pytest.raises(OSError, match=reason):
        PilatusCBF(str(tmp_path), **CBF_NAMES)(point_number=0)


def write_spe(path, frames, kind):
    header = bytearray(4100)
    n_frames, height, width = frames.shape
    struct.pack_into("<H", header, 42, width)
    struct.pack_into("<h", header, 108, kind)
    struct.pack_into("<H", header, 656, height)
    struct.pack_into("<i", header, 1446, n_frames)
    path.write_bytes(bytes(header) + frames.tobytes())


class TestSPE(HandlerConformance):
    handler_class = PrincetonSPE

    def make_case(self, folder):
        frames = FRAMES.astype("uint16").reshape(2, 3, 7, 5)
        for number, part in enumerate(frames):
            write_spe(folder / f"ccd_{number}.spe", part, 3)
        return HandlerCase(
            path=folder,
            resource_kwargs={**SPE_NAMES, "frame_per_point": 3},
            datums=points(2),
            expected=frames,
            beyond={"point_number": 2},
        )

    def test_another_number_of_frames_than_said_is_an_error(self, tmp_path):
        self.make_case(tmp_path)

        with pytest.raises(OSError, match="holds 3 frames, but 2 were requested"):
            PrincetonSPE(str(tmp_path), **SPE_NAMES, frame_per_point=2)(point_number=0)


class TestSPESpectra(HandlerConformance):
    handler_class = PrincetonSPE

    def make_case(self, folder):
        spectra = FRAMES.reshape(6, 35).astype("float32")
        for number, spectrum in enumerate(spectra):
            write_spe(folder / f"ccd_{number}.spe", spectrum.reshape(1, 1, 35), 0)
        return HandlerCase(path=folder, resource_kwargs=SPE_NAMES, datums=points(6), expected=spectra)


@pytest.mark.parametrize("content", [b"", bytes(5000), bytes(range(256)) * 20])
def test_what_is_no_spe_file_is_an_os_error(tmp_path, content):
    (tmp_path / "ccd_0.spe").write_bytes(content)

    with pytest.raises(OSError, match=r"ccd_0\.spe"):
        PrincetonSPE(str(tmp_path), **SPE_NAMES)(point_number=0)


def imm_frame(image, *, is_sparse):
    header = bytearray(1024)
    struct.pack_into("<i", header, 4, 6 if is_sparse else 0)
    struct.pack_into("<iii", header, 108, *image.shape, 2)
    positions = np.flatnonzero(image).astype("<u4")
    n_values = len(positions) if is_sparse else image.size
    struct.pack_into("<I", header, 152, n_values)
    if not is_sparse:
        return bytes(header) + image.astype("<u2").tobytes()
    return bytes(header) + positions.tobytes() + image.ravel()[positions].astype("<u2").tobytes()


class TestSparseIMM(HandlerConformance):
    handler_class = SparseIMM
    is_sparse = True

    def make_case(self, folder):
        images = np.random.default_rng(1).poisson(0.2, (6, 7, 5)).astype("uint32")
        content = b"".join(imm_frame(image, is_sparse=self.is_sparse) for image in images)
        (folder / "run.imm").write_bytes(content)
        return HandlerCase(
            path=folder / "run.imm",
            resource_kwargs={"frames_per_point": 2},
            datums=[{"index": number} for number in range(3)],
            expected=images.reshape(3, 2, 7, 5),
            beyond={"index": 3},
        )


class TestDenseIMM(TestSparseIMM):
    is_sparse = False


def test_an_imm_file_is_read_up_to_its_whole_frames_and_further_when_it_has_grown(tmp_path):
    frames = [imm_frame(image, is_sparse=True) for image in (np.eye(3, dtype="u4"), np.ones((3, 3), "u4"))]
    (tmp_path / "run.imm").write_bytes(frames[0] + frames[1][:-1])
    handler = SparseIMM(str(tmp_path / "run.imm"), frames_per_point=1)

    with pytest.raises(OSError, match="it has 1"):
        handler.structure(index=1)
    (tmp_path / "run.imm").write_bytes(frames[0] + frames[1])
    np.testing.assert_array_equal(handler(index=1), np.ones((1, 3, 3)))


def test_what_is_no_imm_file_is_an_os_error(tmp_path):
    (tmp_path / "run.imm").write_bytes(bytes(range(256)) * 8)

    with pytest.raises(OSError, match="is not an IMM file"):
        SparseIMM(str(tmp_path / "run.imm"), frames_per_point=1)(index=0)


class TestSingleTIFF(HandlerConformance):
    handler_class = SingleTIFF

    def make_case(self, folder):
        tifffile.imwrite(folder / "image.tif", FRAMES[0])
        return HandlerCase(path=folder / "image.tif", datums=[{}, {}], expected=[FRAMES[0]] * 2)


class TestNumpyFile(HandlerConformance):
    handler_class = NumpyFile

    def make_case(self, folder):
        np.save(folder / "array.npy", FRAMES)
        return HandlerCase(
            path=folder / "array.npy", resource_kwargs={"mmap_mode": "r"}, datums=[{}, {}], expected=[FRAMES] * 2
        )


class TestNumpyFrames(HandlerConformance):
    handler_class = NumpyFrames

    def make_case(self, folder):
        np.save(folder / "array.npy", FRAMES)
        return HandlerCase(
            path=folder / "array.npy",
            datums=[{"frame_no": number} for number in range(6)],
            expected=FRAMES,
            beyond={"frame_no": 6},
        )


class TestTextNumbers(HandlerConformance):
    handler_class = TextNumbers

    def make_case(self, folder):
        (folder / "scan.dat").write_text("# energy counts\n1.5 2\n2.5 3\n")
        table = np.array([[1.5, 2], [2.5, 3]])
        return HandlerCase(path=folder / "scan.dat", datums=[{}, {}], expected=[table] * 2)


@pytest.mark.parametrize("content", ["", "a b\n", "1 2\n3\n"])
def test_text_that_is_no_table_of_numbers_is_an_os_error(tmp_path, content):
    (tmp_path / "scan.dat").write_text(content)

    with pytest.raises(OSError, match=r"scan\.dat"):
        TextNumbers(str(tmp_path / "scan.dat"))()


def test_tables_of_specs_have_their_kinetic_energies(tmp_path):
    pytest.importorskip("pandas")
    with h5py.File(tmp_path / "spec_000000.h5", "w") as file:
        file["/entry/data/data"] = np.arange(6.0).reshape(2, 3)
        for name, value in (("StartEnergy", 10.0), ("StopEnergy", 12.0), ("StepEnergy", 1.0)):
            file[f"/entry/instrument/NDAttributes/{name}"] = [value]
    handler = SpecsTables(str(tmp_path), template="%s%s_%6.6d.h5", filename="spec", column_names=["a", "b"])

    (table,) = handler(point_number=0)

    assert table.to_dict("list") == {"a": [0.0, 1.0, 2.0], "b": [3.0, 4.0, 5.0], "kinetic_energy": [10.0, 11.0, 12.0]}
    assert handler.get_file_list([{"point_number": 0}]) == [str(tmp_path / "spec_000000.h5")]
    with pytest.raises(OSError, match="spec_000001"):
        handler(point_number=1)


def test_records_of_pizza_boxes_are_tables_with_their_time_first(tmp_path):
    samples = np.array([[1, 2, 3, 4, 5, 6, 7, 8, 1_600_000_000, 125_000_000]], "<i4")
    (tmp_path / "apb.bin").write_bytes(samples.tobytes())
    (tmp_path / "trigger.bin").write_bytes(np.array([[1, 1_600_000_000, 0]], "<i4").tobytes())

    (row,) = AnalogSamples(str(tmp_path / "apb.bin"))()
    assert row[1:].tolist() == [1, 2, 3, 4, 5, 6, 7, 8]
    assert row[0] == pytest.approx(1_600_000_001.00064, abs=1e-5)
    assert TriggerTimes(str(tmp_path / "trigger.bin"))().tolist() == [[1.6e9, 1.0]]

    (tmp_path / "apb.bin").write_bytes(samples.tobytes()[:-1])
    with pytest.raises(OSError, match="not a whole number of records of 40"):
        AnalogSamples(str(tmp_path / "apb.bin"))()
