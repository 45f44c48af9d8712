"""The kit passes a handler that keeps its promises, and catches each promise that is broken."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from databroker_mongo.testing import HandlerCase, HandlerConformance

FRAMES = np.arange(5 * 3 * 4, dtype="uint16").reshape(5, 3, 4)


class Honest:
    """Frames of a NumPy file, at all levels."""

    def __init__(self, path):
        self.path = path

    def __call__(self, frame):
        return self._frames()[self._checked(frame)].copy()

    def structure(self, frame):
        self._checked(frame)
        return FRAMES.shape[1:], FRAMES.dtype, None

    def read_into(self, out, datums, region):
        for place, datum in zip(out, datums, strict=True):
            place[...] = self._frames()[(self._checked(**datum), *region)]

    def get_file_list(self, datum_kwargs):
        return [self.path for _ in datum_kwargs]

    def linked_files(self, datum_kwargs=()):
        return []

    def close(self):
        pass

    def _frames(self):
        try:
            return np.load(self.path)
        except ValueError as error:
            raise OSError(f"{self.path} is damaged: {error}") from error

    def _checked(self, frame):
        if frame >= len(self._frames()):
            raise OSError(f"{self.path} ends before frame {frame}")
        return frame


class Converts(Honest):
    def __call__(self, frame):
        return super().__call__(frame).astype(float)


class ReadsForwardOnly(Honest):
    at = -1

    def __call__(self, frame):
        self.at = max(self.at, frame)
        return super().__call__(self.at)


class SharesWhatIsOpen(Honest):
    opened = None

    def __call__(self, frame):
        first = Honest.__call__(self, frame)
        SharesWhatIsOpen.opened, known = self, SharesWhatIsOpen.opened
        return first if known in (None, self) else first * 0


class MakesUpMissingFiles(Honest):
    def _frames(self):
        return super()._frames() if Path(self.path).exists() else FRAMES


class PadsBeyondTheEnd(Honest):
    def _checked(self, frame):
        return min(frame, 4)


class DescribesWhatIsNotThere(Honest):
    def structure(self, frame):
        return FRAMES.shape[1:], FRAMES.dtype, None


class TakesAnyKeyword(Honest):
    def __init__(self, path, **anything):
        super().__init__(path)


class ClosesOnce(Honest):
    is_closed = False

    def close(self):
        if self.is_closed:
            raise RuntimeError("closed already")
        self.is_closed = True


class OpensToListFiles(Honest):
    def get_file_list(self, datum_kwargs):
        self._frames()
        return [self.path]


class NamesWrongFiles(Honest):
    def get_file_list(self, datum_kwargs):
        return [f"{self.path}.gone"]


class LiesAboutItsDtype(Honest):
    def structure(self, frame):
        return FRAMES.shape[1:], np.dtype("float64"), None


class CountsChunksInFrames(Honest):
    def structure(self, frame):
        return FRAMES.shape[1:], FRAMES.dtype, (3, 4)


class ForgetsTheRegion(Honest):
    def read_into(self, out, datums, region):
        whole = np.stack([self._frames()[self._checked(**datum)] for datum in datums])
        out[...] = whole[(slice(None), *(slice(0, part.stop - part.start) for part in region))]


class SortsDatums(Honest):
    def read_into(self, out, datums, region):
        super().read_into(out, sorted(datums, key=lambda datum: datum["frame"]), region)


class FillsACopy(Honest):
    def read_into(self, out, datums, region):
        if not out.flags.c_contiguous:
            out = np.ascontiguousarray(out)
        super().read_into(out, datums, region)


class NeedsADatum(Honest):
    def read_into(self, out, datums, region):
        self._checked(**datums[0])
        super().read_into(out, datums, region)


class PadsShortFiles(Honest):
    def _frames(self):
        content = Path(self.path).read_bytes()[-FRAMES.nbytes :].ljust(FRAMES.nbytes, b"\0")
        return np.frombuffer(content, FRAMES.dtype).reshape(FRAMES.shape)


class LeaksOtherErrors(Honest):
    def _frames(self):
        try:
            return np.load(self.path)
        except ValueError:
            raise EOFError from None


class LinksRelatively(Honest):
    def linked_files(self, datum_kwargs=()):
        return ["beside.h5"]


class Kit(HandlerConformance):
    __test__ = False

    def make_case(self, folder):
        np.save(folder / "frames.npy", FRAMES)
        datums = [{"frame": number} for number in range(5)]
        return HandlerCase(path=folder / "frames.npy", datums=datums, expected=FRAMES, beyond={"frame": 5})


class TestHonest(Kit):
    __test__ = True
    handler_class = Honest


class TestSkipsAbsentLevels:
    def test_and_says_which(self, tmp_path):
        class Level0:
            def __init__(self, path):
                pass

        kit, case = Kit(), Kit().make_case(tmp_path)
        kit.handler_class = Level0

        with pytest.raises(pytest.skip.Exception, match=r"Level0 has no structure\(\): level 1 is absent"):
            kit.test_structure_agrees_with_the_arrays(case, Level0("x"))
        with pytest.raises(pytest.skip.Exception, match=r"Level0 has no read_into\(\): level 2 is absent"):
            kit.test_read_into_of_all_datums_both_ways_is_the_whole_stack(case, Level0("x"))


@pytest.mark.parametrize(
    ("handler_class", "test"),
    [
        (Converts, "test_every_datum_is_its_expected_array"),
        (ReadsForwardOnly, "test_datums_are_read_in_any_order_and_more_than_once"),
        (SharesWhatIsOpen, "test_a_second_instance_reads_the_same"),
        (MakesUpMissingFiles, "test_a_missing_file_is_an_os_error"),
        (PadsBeyondTheEnd, "test_a_datum_that_the_files_end_before_is_an_os_error"),
        (DescribesWhatIsNotThere, "test_a_datum_that_the_files_end_before_is_an_os_error"),
        (PadsShortFiles, "test_a_file_cut_short_is_an_os_error_and_never_other_data"),
        (LeaksOtherErrors, "test_a_file_cut_short_is_an_os_error_and_never_other_data"),
        (TakesAnyKeyword, "test_an_unknown_keyword_is_refused"),
        (ClosesOnce, "test_close_may_be_called_twice"),
        (OpensToListFiles, "test_the_files_are_listed_without_being_opened"),
        (NamesWrongFiles, "test_the_files_are_listed_without_being_opened"),
        (LiesAboutItsDtype, "test_structure_agrees_with_the_arrays"),
        (CountsChunksInFrames, "test_structure_agrees_with_the_arrays"),
        (ForgetsTheRegion, "test_read_into_is_slicing"),
        (SortsDatums, "test_read_into_of_all_datums_both_ways_is_the_whole_stack"),
        (FillsACopy, "test_read_into_is_slicing"),
        (NeedsADatum, "test_read_into_of_nothing_is_not_beyond_the_end"),
        (LinksRelatively, "test_linked_files_are_absolute_and_known_before_anything_is_read"),
    ],
)
def test_a_broken_promise_is_caught(tmp_path, handler_class, test):
    kit = Kit()
    kit.handler_class = handler_class
    given = {"case": kit.make_case(tmp_path), "handler": handler_class(tmp_path / "frames.npy"), "tmp_path": tmp_path}
    method = getattr(kit, test)
    wanted = method.__code__.co_varnames[: method.__code__.co_argcount + method.__code__.co_kwonlyargcount]
    if test == "test_read_into_is_slicing":
        wanted = ("case", "handler")

    broken = (AssertionError, pytest.fail.Exception, OSError, RuntimeError, IndexError, EOFError, ExceptionGroup)
    with pytest.raises(broken):
        method(**{name: given[name] for name in wanted if name in given})


def test_an_author_is_told_what_a_case_needs(tmp_path):
    with pytest.raises(NotImplementedError, match=r"must say what its files hold, in make_case\(folder\)"):
        HandlerConformance().make_case(tmp_path)
