"""The kit passes a handler that keeps its promises, and catches each promise that is broken."""

from __future__ import annotations

import inspect
import json
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
        super().read_into(out, datums, tuple(slice(0, part.stop - part.start) for part in region))


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


class OpensWhenMade(Honest):
    def __init__(self, path):
        super().__init__(path)
        self._frames()


class LooksWhenMade(Honest):
    """Constructing does not fail where the file is not there, but it has looked for it."""

    def __init__(self, path):
        super().__init__(path)
        self.is_there = Path(path).exists()

    def _frames(self):
        return super()._frames() if self.is_there else FRAMES[:0]


class OpensWhenMadeAndListsNothing:
    """The least of a handler: level 0, without a list of files."""

    def __init__(self, path):
        self.frames = np.load(path)

    def __call__(self, frame):
        return self.frames[frame]


class WithSidecar(Honest):
    """Frames without a header; what they are like is in a JSON file beside them."""

    def get_file_list(self, datum_kwargs):
        return [self.path, self.sidecar]

    @property
    def sidecar(self):
        return f"{self.path}.json"

    def _frames(self):
        try:
            told = json.loads(Path(self.sidecar).read_text())
        except ValueError as error:
            raise OSError(f"{self.sidecar} is damaged: {error}") from error
        content = Path(self.path).read_bytes()
        self._require(len(content) == np.dtype(told["dtype"]).itemsize * np.prod(told["shape"]))
        return self._array(content, **told)

    def _require(self, is_whole):
        if not is_whole:
            raise OSError(f"{self.path} is short")

    def _array(self, content, *, shape, dtype):
        return np.frombuffer(content, dtype).reshape(shape)


class TakesShortFrames(WithSidecar):
    def _require(self, is_whole):
        pass

    def _array(self, content, *, shape, dtype):
        return super()._array(content.ljust(FRAMES.nbytes, b"\0"), shape=shape, dtype=dtype)


class TakesShortFramesAndListsThemLast(TakesShortFrames):
    def get_file_list(self, datum_kwargs):
        return [self.sidecar, self.path]


class LeaksErrorsOfJSON(WithSidecar):
    def _frames(self):
        json.loads(Path(self.sidecar).read_text())
        return super()._frames()


class DoesWithoutItsSidecar(WithSidecar):
    """Where the sidecar is damaged or missing, it has an idea of its own."""

    def _frames(self):
        try:
            return super()._frames()
        except OSError:
            return np.frombuffer(Path(self.path).read_bytes().ljust(FRAMES.nbytes), ">u2").reshape(FRAMES.shape)


class DoesNotListItsSidecar(WithSidecar):
    def get_file_list(self, datum_kwargs):
        return [self.path]


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


class KitWithSidecar(Kit):
    def make_case(self, folder):
        case = Kit.make_case(self, folder)
        (folder / "frames.npy").write_bytes(FRAMES.tobytes())
        # The line end after the last brace can be lost without harm.
        told = json.dumps({"shape": FRAMES.shape, "dtype": "<u2"}, indent=1)
        (folder / "frames.npy.json").write_text(f"{told}\n")
        return case


class TestWithSidecar(KitWithSidecar):
    __test__ = True
    handler_class = WithSidecar


class OneFileEach(Honest):
    """A folder, in which each frame has a file."""

    def get_file_list(self, datum_kwargs):
        return [str(Path(self.path, f"{datum['frame']}.npy")) for datum in datum_kwargs]

    def __call__(self, frame):
        return self._frame(frame)

    def read_into(self, out, datums, region):
        for place, datum in zip(out, datums, strict=True):
            place[...] = self._frame(**datum)[region]

    def _checked(self, frame):
        self._frame(frame)

    def _frame(self, frame):
        [path] = self.get_file_list([{"frame": frame}])
        try:
            return np.load(path)
        except ValueError as error:
            raise OSError(f"{path} is damaged: {error}") from error


class CountsItsFiles(OneFileEach):
    def __call__(self, frame):
        n_files = len(list(Path(self.path).iterdir()))
        return super().__call__(frame) if n_files == 5 else FRAMES[0] * 0


class KitOfAFolder(Kit):
    def make_case(self, folder):
        for number, frame in enumerate(FRAMES):
            np.save(folder / f"{number}.npy", frame)
        return HandlerCase(path=folder, datums=[{"frame": n} for n in range(5)], expected=FRAMES, beyond={"frame": 5})


class TestOneFileEach(KitOfAFolder):
    __test__ = True
    handler_class = OneFileEach


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


CUT = "test_a_file_cut_short_is_an_os_error_and_never_other_data"
REMOVED = "test_a_file_that_is_not_there_is_an_os_error_and_never_other_data"
CHOSEN = "test_read_into_of_chosen_regions_is_slicing"


@pytest.mark.parametrize(
    ("kit_class", "handler_class", "test", "raised"),
    [
        (Kit, Converts, "test_every_datum_is_its_expected_array", AssertionError),
        (Kit, ReadsForwardOnly, "test_datums_are_read_in_any_order_and_more_than_once", AssertionError),
        (Kit, SharesWhatIsOpen, "test_a_second_instance_reads_the_same", AssertionError),
        (Kit, MakesUpMissingFiles, "test_a_missing_file_is_an_os_error", pytest.fail.Exception),
        (Kit, PadsBeyondTheEnd, "test_a_datum_that_the_files_end_before_is_an_os_error", pytest.fail.Exception),
        (Kit, DescribesWhatIsNotThere, "test_a_datum_that_the_files_end_before_is_an_os_error", pytest.fail.Exception),
        (Kit, PadsShortFiles, CUT, AssertionError),
        (Kit, LeaksOtherErrors, CUT, EOFError),
        (KitWithSidecar, TakesShortFrames, CUT, AssertionError),
        (KitWithSidecar, TakesShortFramesAndListsThemLast, CUT, AssertionError),
        (KitWithSidecar, LeaksErrorsOfJSON, CUT, ValueError),
        (KitWithSidecar, DoesWithoutItsSidecar, CUT, AssertionError),
        (KitWithSidecar, DoesWithoutItsSidecar, REMOVED, AssertionError),
        (KitWithSidecar, DoesNotListItsSidecar, "test_a_datum_is_read_from_its_listed_files_alone", OSError),
        (KitOfAFolder, CountsItsFiles, "test_a_datum_is_read_from_its_listed_files_alone", AssertionError),
        (Kit, TakesAnyKeyword, "test_an_unknown_keyword_is_refused", pytest.fail.Exception),
        (Kit, ClosesOnce, "test_close_may_be_called_twice", RuntimeError),
        (Kit, OpensWhenMade, "test_constructing_opens_nothing", OSError),
        (Kit, LooksWhenMade, "test_constructing_opens_nothing", OSError),
        (Kit, OpensWhenMadeAndListsNothing, "test_constructing_opens_nothing", OSError),
        (Kit, OpensToListFiles, "test_the_files_are_listed_without_being_opened", OSError),
        (Kit, NamesWrongFiles, "test_the_files_are_listed_without_being_opened", pytest.fail.Exception),
        (Kit, LiesAboutItsDtype, "test_structure_agrees_with_the_arrays", AssertionError),
        (Kit, CountsChunksInFrames, "test_structure_agrees_with_the_arrays", AssertionError),
        (Kit, ForgetsTheRegion, CHOSEN, AssertionError),
        (Kit, ForgetsTheRegion, "test_read_into_is_slicing", AssertionError),
        (Kit, SortsDatums, "test_read_into_of_all_datums_both_ways_is_the_whole_stack", AssertionError),
        (Kit, SortsDatums, CHOSEN, AssertionError),
        (Kit, FillsACopy, CHOSEN, AssertionError),
        (Kit, NeedsADatum, "test_read_into_of_nothing_is_not_beyond_the_end", IndexError),
        (Kit, LinksRelatively, "test_linked_files_are_absolute_and_known_before_anything_is_read", AssertionError),
    ],
)
def test_a_broken_promise_is_caught(tmp_path, kit_class, handler_class, test, raised):
    kit = kit_class()
    kit.handler_class = handler_class
    given = {"case": kit.make_case(tmp_path), "tmp_path": tmp_path}
    method = getattr(kit, test)
    wanted = inspect.signature(method).parameters
    if "handler" in wanted:
        given["handler"] = handler_class(given["case"].path)

    with pytest.raises(raised):
        method(**{name: given[name] for name in wanted})


def test_an_author_is_told_what_a_case_needs(tmp_path):
    with pytest.raises(NotImplementedError, match=r"must say what its files hold, in make_case\(folder\)"):
        HandlerConformance().make_case(tmp_path)
