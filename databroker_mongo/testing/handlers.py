"""`HandlerConformance`: the requirements of every handler, as tests to inherit.

::

    class TestMyHandler(HandlerConformance):
        handler_class = MyHandler

        def make_case(self, folder):
            frames = np.arange(24, dtype="uint16").reshape(4, 2, 3)
            write_my_format(folder / "scan.my", frames)
            return HandlerCase(
                path=folder / "scan.my",
                datums=[{"frame": i} for i in range(4)],
                expected=frames,
            )

Run it with pytest. Tests of levels that the handler does not have are skipped with a message: at level 0 a handler is
called, at level 1 it has ``structure()``, at level 2 ``read_into()`` too (`databroker_mongo.assets.handler`, and the
README of the handlers shows each). A ``layout()`` is judged wherever there is one, for each datum of the case: it makes
the datum's shape and dtype, and only a class that takes ``row_axes`` may say that the axes of a row are not fixed; with
``row_axes`` as the layout has it, the datum is the same. The tests need pytest and Hypothesis, whose examples are the
same in every run: whether a test passes depends only on the handler. What only one format can get wrong does not belong
here, nor do files of any real format.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from databroker_mongo.assets import (
    DescribesDatum,
    Handler,
    Layout,
    ReadsRegions,
    RefersToFiles,
    TellsLayout,
    keywords_of,
)
from databroker_mongo.testing import case_files

_many_regions = settings(
    max_examples=25,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.differing_executors,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)


@dataclass(frozen=True)
class HandlerCase:
    """One resource on disk, its datums and their contents.

    Attributes
    ----------
    path : pathlib.Path or str
        The argument of the handler's class: a file, a folder or the beginning of file names.
    datums : sequence of mapping
        Keyword arguments of each datum, at least two.
    expected : sequence of array_like
        The array of each datum, in the right dtype; all of one shape.
    resource_kwargs : mapping, optional
        More keyword arguments of the class.
    beyond : mapping, optional
        Keyword arguments of a datum after the end of the files.
    """

    path: Path | str
    datums: Sequence[Mapping[str, Any]]
    expected: Sequence[ArrayLike]
    resource_kwargs: Mapping[str, Any] = field(default_factory=dict)
    beyond: Mapping[str, Any] | None = None

    @property
    def stack(self) -> np.ndarray[Any, Any]:
        """All expected arrays, shape ``(datums, *axes of one datum)``."""
        arrays = [np.asarray(array) for array in self.expected]
        return np.stack(arrays, dtype=arrays[0].dtype)


class HandlerConformance:
    """Tests of one handler. Set ``handler_class`` and write ``make_case``.

    Attributes
    ----------
    handler_class : type
        The class under test.
    """

    handler_class: ClassVar[Any]

    def make_case(self, folder: Path) -> HandlerCase:
        """Write the files of a resource into an empty folder, and describe their contents.

        The tests truncate and hide the files of this folder, so copy files from elsewhere into it.
        """
        raise NotImplementedError(f"{type(self).__name__} must say what its files hold, in make_case(folder)")

    @pytest.fixture
    def case(self, tmp_path: Path) -> HandlerCase:
        """Return the case, its files written."""
        case = self.make_case(tmp_path)
        _require_case(case, type(self).__name__)
        return case

    @pytest.fixture
    def handler(self, case: HandlerCase) -> Any:
        """Yield an instance for the case, and close it."""
        handler = self._open(case, case.path)
        yield handler
        _close(handler)

    def test_every_datum_is_its_expected_array(self, case: HandlerCase, handler: Handler) -> None:
        """Shape, dtype and values, in order."""
        for datum, expected in zip(case.datums, case.stack, strict=True):
            _assert_same(handler(**datum), expected)

    def test_datums_are_read_in_any_order_and_more_than_once(self, case: HandlerCase, handler: Handler) -> None:
        """Backwards, then forwards."""
        positions = range(len(case.datums))
        for position in [*reversed(positions), *positions]:
            _assert_same(handler(**case.datums[position]), case.stack[position])

    def test_a_second_instance_reads_the_same(self, case: HandlerCase, handler: Handler) -> None:
        """Two open instances do not disturb each other."""
        first = np.asarray(handler(**case.datums[0]))
        other = self._open(case, case.path)
        try:
            _assert_same(other(**case.datums[0]), first)
            _assert_same(handler(**case.datums[-1]), case.stack[-1])
        finally:
            _close(other)

    def test_a_missing_file_is_an_os_error(self, case: HandlerCase, tmp_path: Path) -> None:
        """On construction or on the first call, and naming the path."""
        absent = tmp_path / "no such folder" / Path(case.path).name
        with pytest.raises(OSError, match="no such folder"):
            np.asarray(self._open(case, absent)(**case.datums[0]))

    def test_a_datum_that_the_files_end_before_is_an_os_error(self, case: HandlerCase, handler: Handler) -> None:
        """When called, described or read in part."""
        if case.beyond is None:
            pytest.skip("the case names no datum beyond the end of its files")
        with pytest.raises(OSError):
            np.asarray(handler(**case.beyond))
        if isinstance(handler, DescribesDatum):
            with pytest.raises(OSError):
                handler.structure(**case.beyond)
        if isinstance(handler, ReadsRegions):
            out = np.empty((1, *case.stack.shape[1:]), case.stack.dtype)
            with pytest.raises(OSError):
                handler.read_into(out, [case.beyond], _whole(case.stack))

    def test_a_file_cut_short_is_an_os_error_and_never_other_data(self, case: HandlerCase, tmp_path: Path) -> None:
        """Each file in turn has lost its last byte, as one that is still being copied, or its second half."""
        for path in self._files(case, tmp_path):
            size = path.stat().st_size
            for n_left in (size - 1, size // 2) if size else ():
                with case_files.cut(path, n_left):
                    damage = f"{path.name} was cut to {n_left} of its {size} bytes"
                    self._require_truth_or_os_error(case, damage, may_be_short=n_left < size - 1)

    def test_a_file_that_is_not_there_is_an_os_error_and_never_other_data(
        self, case: HandlerCase, tmp_path: Path
    ) -> None:
        """Each file in turn is missing, while the others are there."""
        for path in self._files(case, tmp_path):
            with case_files.hidden([path]):
                self._require_truth_or_os_error(case, f"{path.name} was removed")

    def test_an_unknown_keyword_is_refused(self, case: HandlerCase, handler: Handler) -> None:
        """A resource or a datum of another spec must not be read as something else."""
        with pytest.raises(TypeError):
            self._open(case, case.path, no_handler_takes_this=1)
        with pytest.raises(TypeError):
            handler(**case.datums[0], no_handler_takes_this=1)

    def test_close_may_be_called_twice(self, case: HandlerCase) -> None:
        """Before anything was read, and after."""
        handler = self._open(case, case.path)
        if not hasattr(handler, "close"):
            pytest.skip(f"{self.handler_class.__name__} has no close()")
        np.asarray(handler(**case.datums[0]))
        handler.close()
        handler.close()

    def test_constructing_opens_nothing(self, case: HandlerCase, tmp_path: Path) -> None:
        """The files are away while the class is called, and there again when a datum is read."""
        with case_files.hidden(tmp_path.iterdir()), _explained("the files were away while the class was called"):
            handler = self._open(case, case.path)
        with _explained("the files were away while the class was called, and there again when a datum was read"):
            _assert_same(handler(**case.datums[0]), case.stack[0])
        _close(handler)

    def test_the_files_are_listed_without_being_opened(self, case: HandlerCase, tmp_path: Path) -> None:
        """``get_file_list`` works on names alone, and names files that are there."""
        handler = self._open(case, case.path)
        if not hasattr(handler, "get_file_list"):
            pytest.skip(f"{self.handler_class.__name__} has no get_file_list()")
        case_files.listed(handler, case.path, case.datums, tmp_path)
        with case_files.hidden(tmp_path.iterdir()), _explained("the files were away while they were to be listed"):
            assert self._open(case, case.path).get_file_list(iter(case.datums)) is not None

    def test_a_datum_is_read_from_its_listed_files_alone(
        self, case: HandlerCase, handler: Handler, tmp_path: Path
    ) -> None:
        """Callers check no other files against the folders that they may read from."""
        if not hasattr(handler, "get_file_list"):
            pytest.skip(f"{self.handler_class.__name__} has no get_file_list()")
        for datum, expected in zip(case.datums, case.stack, strict=True):
            named = case_files.listed(handler, case.path, [datum], tmp_path)
            others = {*case_files.written(tmp_path)} - {*named, *case_files.linked(handler, [datum])}
            names = ", ".join(sorted(path.name for path in others))
            with (
                case_files.hidden(others),
                _explained(f"neither get_file_list() nor linked_files() names {names} for {dict(datum)}; it was away"),
                self._opened(case) as other,
            ):
                _assert_same(other(**datum), expected)

    def test_structure_agrees_with_the_arrays(self, case: HandlerCase, handler: Handler) -> None:
        """For each datum, before it is read."""
        if not isinstance(handler, DescribesDatum):
            pytest.skip(f"{self.handler_class.__name__} has no structure(): level 1 is absent")
        for datum, expected in zip(case.datums, case.stack, strict=True):
            shape, dtype, chunks = handler.structure(**datum)
            assert tuple(shape) == expected.shape
            assert np.dtype(dtype) == expected.dtype
            assert chunks is None or (len(chunks) == expected.ndim + 1 and all(size > 0 for size in chunks))

    def test_layout_agrees_with_the_arrays(self, case: HandlerCase, handler: Handler) -> None:
        """What it tells of the stored array makes a datum of each shape and dtype that there is."""
        if not isinstance(handler, TellsLayout):
            pytest.skip(f"{self.handler_class.__name__} has no layout()")
        for datum, expected in zip(case.datums, case.stack, strict=True):
            layout = Layout(*handler.layout(**datum))
            row = tuple(layout.shape[len(layout.shape) - layout.row_axes :])
            assert expected.shape == (row if layout.frames is None else (layout.frames, *row))
            assert np.dtype(layout.dtype) == expected.dtype
            takes_axes = "row_axes" in keywords_of(self.handler_class)
            assert layout.is_fixed or takes_axes, "rows can have another number of axes only where row_axes is taken"
            if not layout.is_fixed and "row_axes" not in case.resource_kwargs:
                other = self._open(case, case.path, row_axes=layout.row_axes)
                _assert_same(other(**datum), expected)
                _close(other)

    @_many_regions
    @given(data=st.data())
    def test_read_into_is_slicing(self, case: HandlerCase, handler: Handler, data: st.DataObject) -> None:
        """Any datums in any order, repeated or none; any region; a buffer that may be strided."""
        self._require_regions(handler)
        stack = case.stack
        chosen = data.draw(st.lists(st.integers(0, len(stack) - 1), max_size=2 * len(stack)), label="datums")
        region = tuple(data.draw(_slices(length), label="region") for length in stack.shape[1:])
        self._assert_region(case, handler, chosen, region, strided=data.draw(st.booleans(), label="strided"))

    def test_read_into_of_chosen_regions_is_slicing(self, case: HandlerCase, handler: Handler) -> None:
        """The ends, the middle and the halves of each axis, of several datums and of one twice; strided or not."""
        self._require_regions(handler)
        last = len(case.datums) - 1
        chosen = itertools.product(_chosen_regions(case.stack.shape[1:]), ([0, last], [last, 0, last]), (False, True))
        for region, positions, strided in chosen:
            with _explained(f"datums {positions}, region {region}, {'a strided' if strided else 'a plain'} buffer"):
                self._assert_region(case, handler, positions, region, strided=strided)

    def test_read_into_of_all_datums_both_ways_is_the_whole_stack(self, case: HandlerCase, handler: Handler) -> None:
        """The reads that happen most, and their reverse."""
        self._require_regions(handler)
        for step in (1, -1):
            out = _buffer(case.stack, strided=False)
            handler.read_into(out, list(case.datums)[::step], _whole(case.stack))  # type: ignore[attr-defined]
            _assert_same(out, case.stack[::step])

    def test_read_into_of_nothing_is_not_beyond_the_end(self, case: HandlerCase, handler: Handler) -> None:
        """No datums, or an empty region at the end of an axis of the last datum."""
        self._require_regions(handler)
        shape, dtype = case.stack.shape[1:], case.stack.dtype
        handler.read_into(np.empty((0, *shape), dtype), [], _whole(case.stack))  # type: ignore[attr-defined]
        for axis, length in enumerate(shape):
            region = tuple(slice(length if other == axis else 0, n) for other, n in enumerate(shape))
            out = np.empty((1, *(part.stop - part.start for part in region)), dtype)
            handler.read_into(out, [case.datums[-1]], region)  # type: ignore[attr-defined]

    def test_linked_files_are_absolute_and_known_before_anything_is_read(
        self, case: HandlerCase, handler: Handler
    ) -> None:
        """A caller checks them against the folders that it may read from."""
        if not isinstance(handler, RefersToFiles):
            pytest.skip(f"{self.handler_class.__name__} has no linked_files()")
        paths = [*handler.linked_files(), *handler.linked_files(iter(case.datums))]
        assert all(Path(path).is_absolute() for path in paths)

    def _open(self, case: HandlerCase, path: Path | str, **more: Any) -> Any:
        if not callable(getattr(self, "handler_class", None)):
            pytest.fail(
                f"{type(self).__name__} must say which class it tests: handler_class = MyHandler", pytrace=False
            )
        return self.handler_class(str(path), **case.resource_kwargs, **more)

    def _files(self, case: HandlerCase, folder: Path) -> list[Path]:
        """Return the files that the handler lists, and all others that the case has written."""
        handler = self._open(case, case.path)
        try:
            named = case_files.listed(handler, case.path, case.datums, folder)
        finally:
            _close(handler)
        return list(dict.fromkeys([*named, *case_files.written(folder)]))

    def _require_truth_or_os_error(self, case: HandlerCase, damage: str, *, may_be_short: bool = False) -> None:
        """Insist that each datum is what it was or raises OSError, called and read in part; or is seen to be short.

        A warning that is an error in these tests tells as well.
        """
        whole = _whole(case.stack)
        for position, datum in enumerate(case.datums):
            with (
                _explained(f"{damage}, and the datum {dict(datum)} was called"),
                suppress(OSError, Warning),
                self._opened(case) as handler,
            ):
                found = np.asarray(handler(**datum))
                if not may_be_short or found.shape == case.stack.shape[1:]:
                    _assert_same(found, case.stack[position])
            with (
                _explained(f"{damage}, and the datum {dict(datum)} was read into an array"),
                suppress(OSError, Warning),
                self._opened(case) as handler,
            ):
                if isinstance(handler, ReadsRegions):
                    self._assert_region(case, handler, [position], whole, strided=False)

    @contextmanager
    def _opened(self, case: HandlerCase) -> Iterator[Any]:
        handler = self._open(case, case.path)
        try:
            yield handler
        finally:
            _close(handler)

    def _assert_region(
        self, case: HandlerCase, handler: Any, chosen: Sequence[int], region: tuple[slice, ...], *, strided: bool
    ) -> None:
        expected = case.stack[np.array(chosen, dtype=np.intp)][(slice(None), *region)]
        out = _buffer(expected, strided=strided)
        handler.read_into(out, [case.datums[position] for position in chosen], region)
        _assert_same(out, expected)

    def _require_regions(self, handler: Handler) -> None:
        if not isinstance(handler, ReadsRegions):
            pytest.skip(f"{self.handler_class.__name__} has no read_into(): level 2 is absent")


def _require_case(case: Any, name: str) -> None:
    """Say what a case lacks before a test trips over it."""
    wrong = ""
    if not isinstance(case, HandlerCase):
        wrong = f"returns {case!r}: it must return a HandlerCase"
    elif len(case.datums) < 2:
        wrong = "names fewer than two datums; where there is only one, name it twice"
    elif len(case.datums) != len(case.expected):
        wrong = f"names {len(case.datums)} datums and {len(case.expected)} expected arrays: each datum has one"
    elif len({np.shape(array) for array in case.expected}) > 1:
        wrong = "expects arrays of several shapes; all datums of a case have one, so write a case for each"
    if wrong:
        pytest.fail(f"make_case() of {name} {wrong}", pytrace=False)


@contextmanager
def _explained(situation: str) -> Iterator[None]:
    """Add to whatever goes wrong when it did."""
    try:
        yield
    except Exception as error:
        error.add_note(f"What was tried: {situation}.")
        raise


def _close(handler: Any) -> None:
    if hasattr(handler, "close"):
        handler.close()


def _slices(length: int) -> st.SearchStrategy[slice]:
    bounds = st.tuples(st.integers(0, length), st.integers(0, length))
    return bounds.map(lambda pair: slice(min(pair), max(pair)))


def _chosen_regions(shape: tuple[int, ...]) -> list[tuple[slice, ...]]:
    """Return the whole, then for each axis its first and last entry, what is between, and its halves."""
    whole = tuple(slice(0, length) for length in shape)
    regions = [whole]
    for axis, n in enumerate(shape):
        for start, stop in ((0, 1), (n - 1, n), (1, n - 1), (0, n // 2), (n // 2, n)):
            if 0 <= start < stop:
                regions.append((*whole[:axis], slice(start, stop), *whole[axis + 1 :]))
    return regions


def _whole(stack: np.ndarray[Any, Any]) -> tuple[slice, ...]:
    return tuple(slice(0, length) for length in stack.shape[1:])


def _buffer(expected: np.ndarray[Any, Any], *, strided: bool) -> np.ndarray[Any, Any]:
    """Return a buffer whose values differ from the expected ones, so that what is not filled shows."""
    steps = 2 if strided else 1
    shape = tuple(length * steps for length in expected.shape)
    buffer = np.empty(shape, expected.dtype)
    if not expected.dtype.hasobject:
        buffer.reshape(-1).view(np.uint8)[...] = 0xA5
    return buffer[tuple(slice(None, None, steps) for _ in shape)]


def _assert_same(found: ArrayLike, expected: np.ndarray[Any, Any]) -> None:
    array, expected = np.asarray(found), np.asarray(expected)
    assert array.dtype == expected.dtype
    if expected.dtype.names:
        for name in expected.dtype.names:
            _assert_same(array[name], expected[name])
        return
    np.testing.assert_array_equal(array, expected, strict=True)
