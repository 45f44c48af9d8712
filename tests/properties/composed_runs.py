"""Runs as event-model's ``compose_run`` makes them, with their files, and what has to be read of them.

A recipe is drawn by Hypothesis and writes nothing. `compose` writes its files, makes its documents, and says what the
right values are, which it knows without the package: it made them.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import event_model
import h5py
import numpy as np
import tifffile
from hypothesis import strategies as st

Named = tuple[str, dict[str, Any]]

TIME = 1_700_000_000
GONE = "the event lacks the key"
CLASSIC = ("AD_HDF5", "AD_TIFF", "NPY_SEQ")
STREAMED = ("application/x-hdf5", "multipart/related;type=image/tiff", "multipart/related;type=application/x-npy")
FRAME = (2, 3)

NAMES = st.sampled_from(["x", "det image", "é", "uid", "data", "$x", "0", "seq_num", "descriptor", "__class__", "time"])
FIELDS = st.sampled_from(["sample", "é", "$set", "a b", "0", "uid", "type", "$ref", "$id"])
TEXTS = st.text("ab\0 é\U0001f600", max_size=3)
FLOATS = st.floats(width=64)
INTEGERS = st.one_of(st.integers(-5, 5), st.integers(-(2**63), 2**63 - 1))
SCALARS = st.one_of(st.none(), st.booleans(), FLOATS, INTEGERS, TEXTS)
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(FIELDS, inner, max_size=2), max_leaves=4
)
INLINE = {
    "number": FLOATS,
    "integer": INTEGERS,
    "boolean": st.booleans(),
    "string": TEXTS,
    "row": st.lists(FLOATS, min_size=2, max_size=2),
    "table": st.lists(st.lists(st.integers(-5, 5), min_size=2, max_size=2), min_size=2, max_size=2),
    "ragged": st.lists(st.integers(-5, 5), max_size=2),
    "filled": st.lists(st.lists(st.integers(0, 9), min_size=3, max_size=3), min_size=2, max_size=2),
    "anything": ANYTHING,
}
DTYPES = {"row": "array", "table": "array", "ragged": "array", "filled": "array", "anything": "string"}
SHAPES = {"row": [2], "table": [2, 2], "ragged": [None], "filled": [2, 3]}
DIMS = {"row": ["energy"], "table": ["y", "x"]}
NUMPY = {"number": "<f8", "integer": "<i8", "boolean": "|b1", "row": "<f8", "table": "<i8"}
OF_DATA_KEYS = st.fixed_dictionaries(
    {},
    optional={
        "units": st.sampled_from(["mm", "µm", None]),
        "precision": st.sampled_from([3, None]),
        "choices": st.just(["in", "out"]),
        "limits": st.just(
            {"control": {"low": None, "high": 1.5}, "rds": {"time_difference": 1, "value_difference": 2}}
        ),
        "object_name": st.just("device"),
        "site": ANYTHING,
    },
)


@dataclass(frozen=True)
class Column:
    """A data key: where its values are; where they are in events, which they are; and which events lack it."""

    name: str
    kind: str
    values: tuple[Any, ...] = ()
    said: Any = None
    n_frames: int = 1
    dtype: str = "<u2"
    lacks: frozenset[int] = frozenset()
    cuts: tuple[int, ...] = ()
    new_files: tuple[int, ...] = ()
    is_ahead: bool = False

    @property
    def is_classic(self) -> bool:
        return self.kind in CLASSIC

    @property
    def is_streamed(self) -> bool:
        return self.kind in STREAMED

    @property
    def is_external(self) -> bool:
        return self.is_classic or self.kind == "filled"


@dataclass(frozen=True)
class StreamRecipe:
    """A stream: its columns, the ``seq_num`` of each acquisition, and where another descriptor begins."""

    name: str | None
    columns: tuple[Column, ...]
    seq_nums: tuple[int, ...]
    descriptor_starts: tuple[int, ...]
    has_events: bool
    says_filled: bool
    configurations: tuple[Any, ...]


@dataclass(frozen=True)
class Recipe:
    """A run."""

    metadata: dict[str, Any]
    streams: tuple[StreamRecipe, ...]
    order: tuple[int, ...]
    ticks: tuple[float, ...]
    stop: dict[str, Any] | None
    is_paged: bool


@dataclass
class Rows:
    """What has to be read of a stream, row by row: ``GONE`` where nothing stands in a row.

    Attributes
    ----------
    seq_nums, times : list
        Of each row; a stream without events has no times.
    values : dict
        What the values are, by data key.
    stored : dict
        What the events hold in their place: the identifiers of datums.
    timestamps : dict
        When values were taken, of those that events hold.
    descriptors : list of dict
        The descriptor of each row.
    """

    seq_nums: list[int] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    values: dict[str, list[Any]] = field(default_factory=dict)
    stored: dict[str, list[Any]] = field(default_factory=dict)
    timestamps: dict[str, list[Any]] = field(default_factory=dict)
    descriptors: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Composed:
    """The documents of a run in the order of emission, and what is right."""

    documents: list[Named]
    streams: dict[str, Rows]

    def emitted(self, *, is_paged: bool) -> Iterator[Named]:
        """Yield the documents, neighbouring events and datums as pages if that is wanted."""
        for (name, *kind), group in itertools.groupby(self.documents, key=_page_of):
            if is_paged and kind:
                pack = event_model.pack_event_page if name == "event" else event_model.pack_datum_page
                yield f"{name}_page", pack(*(document for _, document in group))
            else:
                yield from group


def _page_of(named: Named) -> tuple[Any, ...]:
    name, doc = named
    if name == "datum":
        return (name, doc["resource"])
    if name != "event":
        return (name,)
    sections = (frozenset(doc[section]) for section in ("data", "timestamps", "filled") if section in doc)
    return (name, doc["descriptor"], *sections)


# What is drawn.


@st.composite
def _rewound(draw: st.DrawFn) -> tuple[int, ...]:
    """Draw seq_nums that go on, and go back some steps now and then."""
    seq_nums: list[int] = []
    following = 1
    for back, n in draw(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=3)):
        following = max(1, following - back)
        seq_nums += range(following, following + n)
        following += n
    return tuple(seq_nums)


@st.composite
def _column(draw: st.DrawFn, kinds: list[str], n: int) -> Column:
    name, kind = draw(NAMES), draw(st.sampled_from(kinds))
    said = draw(OF_DATA_KEYS)
    lacks = frozenset(draw(st.sets(st.integers(0, max(0, n - 1)), max_size=1)) if draw(st.integers(0, 3)) == 0 else ())
    if kind in INLINE:
        values = draw(st.lists(INLINE[kind], min_size=n, max_size=n))
        said |= {"dtype_numpy": NUMPY[kind]} if kind in NUMPY and draw(st.booleans()) else {}
        said |= {"dims": DIMS[kind]} if kind in DIMS and draw(st.booleans()) else {}
        return Column(name, kind, tuple(values), said, lacks=lacks)
    places = st.sets(st.integers(1, max(1, n - 1)), max_size=2).map(lambda found: tuple(sorted(found)))
    return Column(
        name,
        kind,
        said=said,
        n_frames=draw(st.integers(1, 2)),
        dtype=draw(st.sampled_from(["|u1", "<u2", "<i4", "<f4", "<f8"])),
        lacks=lacks if kind in CLASSIC and n > 1 else frozenset(),
        cuts=draw(places),
        new_files=draw(places) if draw(st.booleans()) else (),
        is_ahead=draw(st.booleans()),
    )


@st.composite
def _stream(draw: st.DrawFn, name: str | None) -> StreamRecipe:
    seq_nums = draw(_rewound())
    n = len(seq_nums)
    has_events = draw(st.integers(0, 3)) > 0
    kinds = [*INLINE, *CLASSIC, *STREAMED] if has_events else [*STREAMED]
    columns = draw(st.lists(_column(kinds, n), max_size=4, unique_by=lambda column: column.name))
    starts = draw(st.sets(st.integers(1, max(1, n - 1)), max_size=2)) if draw(st.booleans()) else set()
    starts = {0, *(start for start in starts if start < n)}
    return StreamRecipe(
        name=name,
        columns=tuple(columns),
        seq_nums=seq_nums,
        descriptor_starts=tuple(sorted(starts)),
        has_events=has_events or not any(column.is_streamed for column in columns),
        says_filled=draw(st.booleans()),
        configurations=tuple(draw(ANYTHING) for _ in starts),
    )


@st.composite
def recipes(draw: st.DrawFn) -> Recipe:
    """Draw what a run is made of."""
    names = draw(st.lists(st.sampled_from(["primary", "baseline", "fly 1", "é"]), max_size=3, unique=True))
    streams = tuple(draw(_stream(name)) for name in names)
    places = [number for number, stream in enumerate(streams) for _ in stream.seq_nums]
    exit_status = draw(st.sampled_from(["success", "abort", "fail", None]))
    stop = {"exit_status": exit_status, "reason": draw(TEXTS)}
    return Recipe(
        metadata=draw(_metadata()),
        streams=streams,
        order=tuple(draw(st.permutations(places))) if len(set(places)) > 1 else tuple(places),
        ticks=tuple(draw(st.lists(st.sampled_from([0.25, 1, 1e-6]), min_size=1, max_size=3))),
        stop=stop if exit_status else None,
        is_paged=draw(st.booleans()),
    )


def _metadata() -> st.SearchStrategy[dict[str, Any]]:
    known = {
        "scan_id": st.integers(1, 2**31),
        "owner": TEXTS,
        "group": TEXTS,
        "project": TEXTS,
        "data_session": TEXTS,
        "data_groups": st.lists(TEXTS, max_size=2),
        "sample": st.one_of(TEXTS, st.dictionaries(FIELDS, ANYTHING, max_size=2)),
        "hints": st.just({"dimensions": [[["x"], "primary"]]}),
        "plan_args": ANYTHING,
        "über": ANYTHING,
    }
    return st.fixed_dictionaries({}, optional=known)


_REWOUND = (1, 2, 3, 2, 3, 4)
_INLINE_ROWS: dict[str, tuple[Any, ...]] = {
    "number": (0.5, math.nan, -math.inf, 1.0, 2.0, 3.0),
    "integer": (2**60 + 1, 0, -(2**63), 1, 2, 3),
    "boolean": (True, False, True, True, False, False),
    "string": ("a", "", "b\0", "é", "abc", "😀"),
    "row": ([0.5, 1.5],) * 6,
    "table": ([[1, 2], [3, 4]],) * 6,
    "ragged": ([], [1], [1, 2], [], [3], [4, 5]),
    "filled": ([[1, 2, 3], [4, 5, 6]],) * 6,
    "anything": (None, 1, 0.5, "a", {"$ref": "a", "$id": [1]}, [True, None]),
}

EVERYTHING = Recipe(
    metadata={"scan_id": 5, "sample": {"name": "Ni", "$ref": "a", "$id": 1}, "plan_args": [1, 0.5, None, {"a": []}]},
    streams=(
        StreamRecipe(
            name="primary",
            columns=(
                *(
                    Column(
                        kind, kind, values, {"units": "mm"}, lacks=frozenset({1}) if kind == "integer" else frozenset()
                    )
                    for kind, values in _INLINE_ROWS.items()
                ),
                *(Column(kind, kind, said={}, n_frames=2, new_files=(3,), lacks=frozenset({4})) for kind in CLASSIC),
                *(
                    Column(kind.replace("/", " "), kind, said={}, n_frames=2, cuts=(1,), new_files=(4,))
                    for kind in STREAMED
                ),
                Column("time", STREAMED[0], said={}, dtype="<f4", is_ahead=True),
            ),
            seq_nums=_REWOUND,
            descriptor_starts=(0, 3),
            has_events=True,
            says_filled=True,
            configurations=(1, "two"),
        ),
        StreamRecipe(
            name="detectors alone",
            columns=(Column("time", STREAMED[1], said={}, n_frames=1, cuts=(2,)),),
            seq_nums=_REWOUND,
            descriptor_starts=(0,),
            has_events=True,
            says_filled=False,
            configurations=(None,),
        ),
        StreamRecipe(
            name="fly",
            columns=(Column("a", STREAMED[0], said={}, n_frames=2), Column("b", STREAMED[2], said={}, cuts=(1, 4))),
            seq_nums=(1, 2, 3, 3, 4),
            descriptor_starts=(0,),
            has_events=False,
            says_filled=False,
            configurations=({},),
        ),
        StreamRecipe(
            "never", (Column("a", STREAMED[0], said={}), Column("b", "number", said={})), (), (0,), True, True, (0,)
        ),
    ),
    order=(0, 0, 1, 2, 0, 1, 2, 2, 0, 0, 1, 1, 0, 2, 2, 1, 1),
    ticks=(0.25, 1, 1e-6),
    stop={"exit_status": "success", "reason": ""},
    is_paged=True,
)


# What is made of it.


def compose(recipe: Recipe, directory: Path, *, uid: str) -> Composed:
    """Write the files of a run below a directory, and return its documents and its right values."""
    return _Composer(recipe, directory, uid).run()


class _Composer:
    def __init__(self, recipe: Recipe, directory: Path, uid: str):
        self._recipe = recipe
        self._directory = directory
        self._uid = uid
        self._ticks = itertools.cycle(recipe.ticks)
        self._time: float = TIME
        self._numbers = itertools.count()
        self._documents: list[Named] = []

    def run(self) -> Composed:
        recipe = self._recipe
        self._bundle = event_model.compose_run(uid=self._uid, time=self._tick(), metadata=dict(recipe.metadata))
        self._emit("start", self._bundle.start_doc)
        streams = [_StreamComposer(self, each, number) for number, each in enumerate(recipe.streams)]
        for number in recipe.order:
            streams[number].acquire()
        for stream in streams:
            stream.end()
        if recipe.stop is not None:
            stop = self._bundle.compose_stop(uid=self.uid("stop"), time=self._tick(), validate=False, **recipe.stop)
            n_events = {each.name: len(set(each.seq_nums)) for each in recipe.streams}
            self._emit("stop", {**stop, "num_events": n_events})
        return Composed(self._documents, {each.recipe.name: each.rows() for each in streams})

    def _tick(self) -> float:
        self._time += next(self._ticks)
        return self._time

    tick = _tick

    def uid(self, *parts: Any) -> str:
        return "-".join(map(str, (self._uid, *parts)))

    def emit(self, name: str, document: Any) -> None:
        self._documents.append((name, dict(document)))

    _emit = emit

    @property
    def bundle(self) -> Any:
        return self._bundle

    def folder(self) -> Path:
        """Return a new folder for files."""
        folder = self._directory / f"files of {next(self._numbers)}%"
        folder.mkdir()
        return folder


class _StreamComposer:
    """One stream: what is emitted for each acquisition, and the rows."""

    def __init__(self, run: _Composer, recipe: StreamRecipe, number: int):
        self._run = run
        self.recipe = recipe
        self._number = number
        self._n_done = 0
        self._events: list[dict[str, Any]] = []
        self._files = {
            column.name: _files_of(run, column, self) for column in recipe.columns if column.kind not in INLINE
        }
        self._descriptor: Any = None
        self._descriptors: list[dict[str, Any]] = []
        self._acquired: list[dict[str, Any]] = []

    def uid(self, *parts: Any) -> str:
        return self._run.uid(self._number, *parts)

    @property
    def descriptor(self) -> dict[str, Any]:
        document: dict[str, Any] = self._descriptor.descriptor_doc
        return document

    def acquire(self) -> None:
        at = self._n_done
        if at in self.recipe.descriptor_starts:
            self._describe(self.recipe.descriptor_starts.index(at))
        data: dict[str, Any] = {}
        for column in self.recipe.columns:
            if at in column.lacks:
                continue
            data |= {column.name: column.values[at]} if column.kind in INLINE else self._files[column.name].acquire(at)
        if self.recipe.has_events:
            self._emit_event(at, data)
        self._acquired.append(self.descriptor)
        self._n_done += 1
        for files in self._files.values():
            files.acquired(at)

    def end(self) -> None:
        if self._descriptor is None:
            self._describe(0)
        for files in self._files.values():
            files.end()

    def _describe(self, number: int) -> None:
        recipe = self.recipe
        configuration = {
            "device": {
                "data": {"setting": recipe.configurations[number]},
                "timestamps": {"setting": TIME - 1.5},
                "data_keys": {"setting": {"dtype": "string", "shape": [], "source": "test"}},
            }
        }
        self._descriptor = self._run.bundle.compose_descriptor(
            name=recipe.name,
            data_keys={column.name: self._data_key(column) for column in recipe.columns},
            object_keys={"device": [column.name for column in recipe.columns]},
            object_classes={"device": "ophyd.sim.SynAxis"},
            configuration=configuration,
            hints={"device": {"fields": [column.name for column in recipe.columns][:1]}},
            time=self._run.tick(),
            uid=self.uid("descriptor", number),
        )
        self._run.emit("descriptor", self.descriptor)

    def _data_key(self, column: Column) -> dict[str, Any]:
        data_key: dict[str, Any] = {"source": "test", **column.said}
        if column.kind in INLINE:
            external = {"external": "FILESTORE:"} if column.kind == "filled" else {}
            said = {"dtype": DTYPES.get(column.kind, column.kind), "shape": SHAPES.get(column.kind, [])}
            return data_key | said | external
        files = self._files[column.name]
        external = "STREAM:" if column.is_streamed else "FILESTORE:"
        said = {"dtype": "array", "shape": list(files.row_shape), "external": external, "dtype_numpy": column.dtype}
        return data_key | said

    def _emit_event(self, at: int, data: dict[str, Any]) -> None:
        recipe, time = self.recipe, self._run.tick()
        external = {column.name: column.kind == "filled" for column in recipe.columns if column.is_external}
        filled = {key: is_filled for key, is_filled in external.items() if key in data}
        event = self._descriptor.compose_event(
            data=data,
            timestamps={key: time - 0.125 * (1 + place) for place, key in enumerate(data)},
            seq_num=recipe.seq_nums[at],
            filled=filled,
            uid=self.uid("event", at),
            time=time,
            validate=not any(at in column.lacks for column in recipe.columns),
        )
        if not recipe.says_filled:
            del event["filled"]
        self._events.append(event)
        self._run.emit("event", event)

    def rows(self) -> Rows:
        """Return the rows in the order of seq_num; repeats of one in the order in which they were acquired."""
        recipe = self.recipe
        order = sorted(range(self._n_done), key=lambda at: recipe.seq_nums[at])
        events = [self._events[at] for at in order] if recipe.has_events else []
        rows = Rows([recipe.seq_nums[at] for at in order], [event["time"] for event in events])
        rows.descriptors = [self._acquired[at] for at in order]
        for column in recipe.columns:
            if not column.is_streamed:
                rows.stored[column.name] = [event["data"].get(column.name, GONE) for event in events]
                rows.timestamps[column.name] = [event["timestamps"].get(column.name, GONE) for event in events]
            if column.kind in INLINE:
                rows.values[column.name] = rows.stored[column.name]
            else:
                files = self._files[column.name]
                rows.values[column.name] = [GONE if at in column.lacks else files.value(at) for at in order]
        return rows


# Files, and the documents that name them.


def _files_of(run: _Composer, column: Column, stream: _StreamComposer) -> Any:
    return (_ClassicFiles if column.is_classic else _StreamFiles)(run, column, stream)


class _Files:
    """The frames of one data key: frame ``n`` of all is told from any other, and so is each of its pixels."""

    def __init__(self, run: _Composer, column: Column, stream: _StreamComposer):
        self._run = run
        self._column = column
        self._stream = stream
        self._n_acquired = 0
        self._resource_number = -1
        self._first = 0
        self._folder = Path()

    def value(self, at: int) -> np.ndarray[Any, Any]:
        """Return what has to be read for an acquisition."""
        frames = np.stack([self._frame(at * self._column.n_frames + n) for n in range(self._column.n_frames)])
        return frames.reshape(self.row_shape)

    def _frame(self, number: int) -> np.ndarray[Any, Any]:
        pixels = 1 + number * math.prod(FRAME) + np.arange(math.prod(FRAME))
        return pixels.reshape(FRAME).astype(self._column.dtype)

    def acquired(self, at: int) -> None:
        """Learn that an acquisition is over."""

    def end(self) -> None:
        """Learn that there will be no other."""

    def _is_new_file(self, at: int) -> bool:
        return self._resource_number < 0 or at in self._column.new_files

    def _begin_resource(self, at: int) -> str:
        self._resource_number += 1
        self._first = at
        self._folder = self._run.folder()
        return self._stream.uid(self._column.name, "resource", self._resource_number)

    def _write(self, number_in_file: int, frame: np.ndarray[Any, Any], kind: str) -> None:
        if "hdf5" in kind.lower():
            with h5py.File(self._folder / "a b.h5", "a") as file:
                data = file.require_group("entry/data")
                if "data" not in data:
                    data.create_dataset("data", (0, *FRAME), frame.dtype, maxshape=(None, *FRAME), chunks=(2, *FRAME))
                data["data"].resize(number_in_file + 1, axis=0)
                data["data"][number_in_file] = frame
        elif "tif" in kind.lower():
            tifffile.imwrite(self._folder / f"img_{number_in_file:06d}.tiff", frame)
        else:
            np.save(self._folder / f"img_{number_in_file}.npy", frame)


class _ClassicFiles(_Files):
    """A resource, and a datum for each event, emitted before it or in the end."""

    def __init__(self, run: _Composer, column: Column, stream: _StreamComposer):
        super().__init__(run, column, stream)
        self._late: list[Any] = []

    def end(self) -> None:
        for datum in self._late:
            self._run.emit("datum", datum)

    @property
    def row_shape(self) -> tuple[int, ...]:
        return FRAME if self._column.kind == "NPY_SEQ" else (self._column.n_frames, *FRAME)

    def value(self, at: int) -> np.ndarray[Any, Any]:
        return self._frame(at) if self._column.kind == "NPY_SEQ" else super().value(at)

    def acquire(self, at: int) -> dict[str, str]:
        column = self._column
        if self._is_new_file(at):
            self._emit_resource(at)
        number = at - self._first
        n_frames = 1 if column.kind == "NPY_SEQ" else column.n_frames
        for n in range(n_frames):
            self._write(number * n_frames + n, self._frame(at * n_frames + n), column.kind)
        keyword = "index" if column.kind == "NPY_SEQ" else "point_number"
        datum = self._resource.compose_datum({keyword: number})
        if column.is_ahead:
            self._run.emit("datum", datum)
        else:
            self._late.append(datum)
        return {column.name: datum["datum_id"]}

    def _emit_resource(self, at: int) -> None:
        column, uid = self._column, self._begin_resource(at)
        path, keywords = {
            "AD_HDF5": ("a b.h5", {"frame_per_point": column.n_frames}),
            "AD_TIFF": ("", {"template": "%s%s_%6.6d.tiff", "filename": "img", "frame_per_point": column.n_frames}),
            "NPY_SEQ": ("img", {}),
        }[column.kind]
        self._resource = self._run.bundle.compose_resource(
            spec=column.kind,
            root="" if column.n_frames > 1 else str(self._folder.parent),
            resource_path=f"{self._folder if column.n_frames > 1 else self._folder.name}/{path}".rstrip("/"),
            resource_kwargs=keywords,
            uid=uid,
        )
        self._run.emit("resource", self._resource.resource_doc)


class _StreamFiles(_Files):
    """A stream resource, and stream datums of one acquisition or more."""

    def __init__(self, run: _Composer, column: Column, stream: _StreamComposer):
        super().__init__(run, column, stream)
        self._from = 0
        self._owner: Any = None
        self._n_datums = Counter[str]()

    @property
    def row_shape(self) -> tuple[int, ...]:
        return (self._column.n_frames, *FRAME)

    def acquire(self, at: int) -> dict[str, str]:
        recipe = self._stream.recipe
        is_rewound = at > 0 and recipe.seq_nums[at] != recipe.seq_nums[at - 1] + 1
        if at in self._column.cuts or is_rewound or at in recipe.descriptor_starts or self._is_new_file(at):
            self._emit_datum(at)
        if self._is_new_file(at):
            self._emit_resource(at)
        self._owner = self._stream.descriptor
        n_frames = self._column.n_frames
        for n in range(n_frames):
            self._write((at - self._first) * n_frames + n, self._frame(at * n_frames + n), self._column.kind)
        if self._column.is_ahead:
            self._emit_datum(at + 1)
        return {}

    def end(self) -> None:
        self._emit_datum(len(self._stream.recipe.seq_nums))

    def _emit_datum(self, at: int) -> None:
        """Emit a stream datum of what was acquired since the last one."""
        if self._from < at and self._owner is not None:
            seq_nums = self._stream.recipe.seq_nums
            document = self._resource.compose_stream_datum(
                indices={"start": self._from - self._first, "stop": at - self._first},
                seq_nums={"start": seq_nums[self._from], "stop": seq_nums[at - 1] + 1},
                descriptor=self._owner,
            )
            self._run.emit("stream_datum", document)
            self._from = at

    def _emit_resource(self, at: int) -> None:
        column, uid = self._column, self._begin_resource(at)
        path, parameters = {
            STREAMED[0]: ("a b.h5", {"dataset": "/entry/data/data"}),
            STREAMED[1]: ("", {"template": "img_{:06d}.tiff"}),
            STREAMED[2]: ("", {"template": "img_{:d}.npy"}),
        }[column.kind]
        quoted = str(self._folder).replace("%", "%25").replace(" ", "%20")
        self._resource = self._run.bundle.compose_stream_resource(
            mimetype=column.kind,
            uri=f"file://localhost{quoted}/{path.replace(' ', '%20')}",
            data_key=column.name,
            parameters={**parameters, "chunk_shape": [1, *FRAME]},
            uid=uid,
        )
        self._run.emit("stream_resource", self._resource.stream_resource_doc)
