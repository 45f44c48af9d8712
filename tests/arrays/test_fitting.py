"""The table of what fits what, in the docstring of the function that decides; and what a refusal says."""

import ast
import math

import numpy as np
import pytest

from databroker_mongo.arrays.fitting import fit
from databroker_mongo.arrays.remedies import Remedies
from databroker_mongo.assets import Layout, Resource
from databroker_mongo.errors import ShapeMismatch

RESOURCE = Resource(uid="r", spec="AD_HDF5", path="a.h5")
UINT16 = np.dtype("u2")


def cases():
    """Yield the rows of the table, one for each declaration."""
    lines = fit.__doc__.splitlines()
    ruler, header, _, *rows = [line for line in lines if line.strip().startswith(("=", "array  ", "("))]
    starts = [at for at, sign in enumerate(ruler) if sign == "=" and ruler[at - 1] == " "]
    assert header.split() == ["array", "declared", "frames", "asked", "done", "an", "event", "is"]
    for row in rows[:-1]:
        cells = [row[start:stop].strip() for start, stop in zip(starts, [*starts[1:], None], strict=True)]
        for declared in cells[1].split("; "):
            yield pytest.param(cells[0], declared, *cells[2:], id=f"{cells[0]} {declared} {cells[2]} {cells[3]}")


def decide(array, declared, frames, n_datums, **options):
    layout = Layout(array, UINT16, len(array) - 1, None if frames == "stream" else int(frames), array[0], False)
    layout = layout._replace(**{name: options.pop(name) for name in ("is_fixed", "row_axes") if name in options})
    remedies = Remedies("run", "image", RESOURCE, "frame_per_point")
    more = {"is_streamed": frames == "stream", "may_choose": True, "remedies": remedies, **options}
    return fit(declared, layout, n_asked=lambda: n_datums, **more), layout


def event_of(fitted, layout):
    row_axes = layout.row_axes if fitted.row_axes is None else fitted.row_axes
    row = layout.shape[len(layout.shape) - row_axes :]
    n_rows = layout.frames if fitted.per_event is None else fitted.per_event
    return row if n_rows is None else (n_rows, *row)


@pytest.mark.parametrize(("array", "declared", "frames", "asked", "done", "event"), list(cases()))
def test_the_table_is_what_is_done(array, declared, frames, asked, done, event):
    array = ast.literal_eval(array)
    declared = None if declared == "nothing" else tuple(ast.literal_eval(declared))
    per_event = int(frames) if frames != "stream" else declared[0] if asked else 1
    n_datums = int(asked) // per_event if asked else pytest.fail
    if done == "refused":
        with pytest.raises(ShapeMismatch, match="Nothing is padded") as caught:
            decide(array, declared, frames, n_datums)
        assert f"array of shape {array}" in str(caught.value)
        assert "transforms=" in str(caught.value)
        assert caught.value.stored_shape == array
        return
    fitted, layout = decide(array, declared, frames, n_datums)
    expected = declared if event == "(declared)" else ast.literal_eval(event)
    assert event_of(fitted, layout) == expected
    assert (fitted.note is None) == (done == "taken")
    if declared is not None and declared != expected:
        assert f"shape {list(declared)} is declared, {list(expected)} was found" in fitted.note


def test_there_are_many_cases():
    assert len(list(cases())) > 100


def test_what_area_detectors_always_declare_is_a_quirk_and_no_other_note_is():
    assert decide((9, 6, 5), (5, 6, 0), 1, 0)[0].is_quirk
    assert decide((6, 5), (5, 6, 0), 1, 0)[0].is_quirk
    assert not decide((9, 6, 5), (6, 5), 1, 0)[0].is_quirk
    assert not decide((2, 7, 6, 5), (5, 6, 0), 1, 14)[0].is_quirk
    assert not decide((9, 6, 5, 3), (5, 6, 0), 1, 0)[0].is_quirk


@pytest.mark.parametrize("options", [{"may_choose": False}, {"is_fixed": True}, {"row_axes": 3, "is_fixed": True}])
@pytest.mark.parametrize("array", [(6, 5), (9, 6, 5), (2, 7, 6, 5)])
def test_rows_whose_axes_cannot_be_chosen_are_as_they_are(array, options):
    if options.get("row_axes", 0) > len(array):
        pytest.skip("a row has no more axes than the array")
    for declared in [(5, 6, 0), (0, 0, 0), (), None]:
        fitted, _ = decide(array, declared, 1, pytest.fail, **options)
        assert fitted.row_axes is None
    with pytest.raises(ShapeMismatch):
        decide(array, (8, 8), 1, pytest.fail, **options)


@pytest.mark.parametrize("n_rows", [1, 2, 7])
@pytest.mark.parametrize("frame", [(6, 5), (6, 5, 3)])
def test_files_of_one_row_each_make_events_of_several(frame, n_rows):
    options = {"is_streamed": True, "may_choose": False, "n_asked": pytest.fail, "remedies": Remedies("run", "image")}
    fitted = fit((n_rows, 6, 5), Layout(frame, UINT16, len(frame)), **options)
    assert (fitted.row_axes, fitted.per_event) == (None, n_rows)
    assert (fitted.note is None) == (frame == (6, 5))


def test_colours_in_a_whole_dataset_may_be_any_axis():
    for shape in [(6, 5, 3), (3, 6, 5), (6, 3, 5)]:
        layout = Layout(shape, UINT16, 2, frames=shape[0])
        remedies = Remedies("run", "image")
        fitted = fit((6, 5), layout, is_streamed=False, may_choose=False, n_asked=pytest.fail, remedies=remedies)
        assert fitted.row_axes is None
        assert "was found" in fitted.note


@pytest.mark.parametrize("size", range(1, 8))
def test_a_square_image_is_one_image(size):
    for declared in [(1, size, size), (size, size), (size, size, 0)]:
        fitted, layout = decide((size, size), declared, 1, pytest.fail)
        assert math.prod(event_of(fitted, layout)) == (size * size if size > 1 else 1)


def test_frames_that_contradict_the_resource_name_its_keyword():
    with pytest.raises(ShapeMismatch, match=r"makes 1 frames of it a datum, not 2.*update\(frame_per_point=2\)"):
        decide((6, 6, 5), (2, 6, 5), 1, pytest.fail)


def test_what_may_be_a_grid_names_both_ways_to_read_it():
    with pytest.raises(ShapeMismatch, match=r"update\(row_axes=2\).*update\(shape=\[7, 6, 5\]\)"):
        decide((2, 7, 6, 5), (6, 5), 1, 1)
