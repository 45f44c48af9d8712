"""NumPy's files, on real ones."""

import numpy as np
import pytest
from databroker_mongo_handlers.images.npy import NumpySequence

from databroker_mongo.testing import HandlerCase, HandlerConformance

FRAMES = np.arange(5 * 4 * 3, dtype="float64").reshape(5, 4, 3)


def write(folder, frames=FRAMES):
    for number, frame in enumerate(frames):
        np.save(folder / f"uid_{number}.npy", frame)


class TestSequence(HandlerConformance):
    handler_class = NumpySequence

    def make_case(self, folder):
        write(folder)
        return HandlerCase(
            path=folder / "uid",
            datums=[{"index": number} for number in range(5)],
            expected=FRAMES,
            beyond={"index": 5},
        )


class TestSequenceInColumnsOfBigEndianNumbers(HandlerConformance):
    handler_class = NumpySequence

    def make_case(self, folder):
        write(folder, [np.asfortranarray(frame.astype(">i2")) for frame in FRAMES])
        return HandlerCase(
            path=folder / "uid",
            datums=[{"index": number} for number in range(5)],
            expected=FRAMES.astype(">i2"),
        )


class TestSequenceOfNumbers(HandlerConformance):
    handler_class = NumpySequence

    def make_case(self, folder):
        write(folder, np.arange(3))
        return HandlerCase(
            path="uid",
            resource_kwargs={"root": str(folder)},
            datums=[{"index": number} for number in range(3)],
            expected=np.arange(3),
        )

    def test_a_missing_file_is_an_os_error(self, tmp_path):
        with pytest.raises(OSError, match="uid_0"):
            NumpySequence("uid", root=str(tmp_path / "no such folder"))(index=0)


def test_pickled_objects_are_never_loaded(tmp_path):
    np.save(tmp_path / "uid_0.npy", np.array([{"run": "anything"}], dtype=object), allow_pickle=True)

    with pytest.raises(OSError, match="pickled"):
        NumpySequence(str(tmp_path / "uid"))(index=0)


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY\x01\x00", bytes(200)])
def test_what_is_no_numpy_file_is_an_os_error(tmp_path, content):
    (tmp_path / "uid_0.npy").write_bytes(content)

    with pytest.raises(OSError, match=r"uid_0\.npy"):
        NumpySequence(str(tmp_path / "uid"))(index=0)


def test_a_short_file_is_an_os_error_with_what_is_needed_and_found(tmp_path):
    write(tmp_path)
    path = tmp_path / "uid_0.npy"
    path.write_bytes(path.read_bytes()[:-8])

    with pytest.raises(OSError, match="need 224 bytes, but it has 216"):
        NumpySequence(str(tmp_path / "uid")).structure(index=0)
