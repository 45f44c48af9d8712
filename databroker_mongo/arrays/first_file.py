"""What the first file of a column holds, how it fits its descriptor, and how it is to be read for that.

What does not belong here: making columns, deciding (``fitting`` and ``structure``).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ..assets import AssetReader, DatumStructure, Resource, Segment
from ..errors import ShapeMismatch
from .fitting import Fit, fit
from .remedies import Remedies
from .stored_rows import one_row, rows_in_event
from .structure import DataKey, declared_structure, has_quirk, reconcile, require_dtype

_ROW_AXES = "row_axes"
_FRAMES = ("frame_per_point", "frames_per_point")  # two spellings of one keyword


@dataclass(frozen=True)
class Found:
    """What was found of a column.

    Attributes
    ----------
    datum : DatumStructure
        Shape, dtype and chunks of a datum, or of a row of the data of a stream resource.
    fit : Fit
        How it fits the descriptor; of what a classic handler gives, what was noted.
    """

    datum: DatumStructure
    fit: Fit


class FirstFile:
    """The first file of a column.

    Parameters
    ----------
    assets : AssetReader
        What reads it.
    resource : Resource
        Its resource.
    datum : mapping
        The keyword arguments of the first datum.
    datum_id : str, optional
        Its identifier, for errors.
    """

    def __init__(
        self, assets: AssetReader, resource: Resource, datum: Mapping[str, object], *, datum_id: str | None = None
    ):
        self._assets = assets
        self._resource = resource
        self._datum = datum
        self._datum_id = datum_id

    def look(
        self, data_key: DataKey, *, run_uid: str, name: str, is_streamed: bool, n_asked: Callable[[], int]
    ) -> Found:
        """Return what it holds and how that fits.

        Parameters
        ----------
        data_key : mapping
            The declaration.
        run_uid, name : str
            The run, and what the data key is called.
        is_streamed : bool
            A stream resource serves it.
        n_asked : callable
            Tells how many datums, or rows of the stream, the resource is known to have.

        Raises
        ------
        ShapeMismatch
            What it holds contradicts the declaration.
        AssetError
            The file, its handler or its path is at fault.
        """
        layout, datum = self._assets.look(self._resource, self._datum, datum_id=self._datum_id)
        keywords = self._assets.keywords(self._resource)
        frames = next((each for each in _FRAMES if each in keywords), None)
        remedies = Remedies(run_uid, name, self._resource, frames)
        try:
            if layout is None:
                return self._as_given(data_key, is_streamed, remedies)
            shape = data_key.get("shape")
            fitted = fit(
                None if shape is None else tuple(shape),
                layout,
                is_streamed=is_streamed,
                may_choose=_ROW_AXES in keywords - self._resource.kwargs.keys(),
                n_asked=n_asked,
                remedies=remedies,
            )
            return self._as_fitted(data_key, fitted, remedies, datum if fitted.row_axes is None else None)
        except ShapeMismatch as error:
            facts = self._assets.facts(self._resource)
            error.add_facts(**facts, datum=str(self._datum), datum_id=self._datum_id)
            raise

    def _as_fitted(self, data_key: DataKey, fitted: Fit, remedies: Remedies, datum: DatumStructure | None) -> Found:
        resource = with_row_axes(self._resource, fitted.row_axes)
        found = datum or self._assets.structure(resource, self._datum, datum_id=self._datum_id)
        note = require_dtype(data_key, found, remedies)
        if note is not None:
            fitted = fitted._replace(note="; ".join(filter(None, [fitted.note, note])), is_quirk=False)
        return Found(found, fitted)

    def _as_given(self, data_key: DataKey, is_streamed: bool, remedies: Remedies) -> Found:
        found = self._assets.structure(self._resource, self._datum, datum_id=self._datum_id)
        per_event = rows_in_event(data_key, found) if is_streamed else None
        whole = found if per_event is None else found._replace(shape=(per_event, *found.shape))
        frames = self._resource.kwargs.get("frame_per_point")
        note = reconcile(data_key, whole, frames=frames, remedies=remedies)
        is_quirk = has_quirk(data_key, whole)
        return Found(found, Fit(None, per_event, note, is_quirk))


def as_declared(data_key: DataKey, parameters: Mapping[str, object], *, is_streamed: bool) -> Found | None:
    """Return what a descriptor alone says, when it says it in full.

    Parameters
    ----------
    data_key : mapping
        The declaration.
    parameters : mapping
        The keywords of the resource.
    is_streamed : bool
        A stream resource serves it.
    """
    datum = declared_structure(data_key)
    if datum is None or not is_streamed:
        return None if datum is None else Found(datum, Fit())
    datum = one_row(datum, parameters)
    return Found(datum, Fit(None, rows_in_event(data_key, datum)))


def with_row_axes(resource: Resource, row_axes: int | None) -> Resource:
    """Return a resource whose rows have so many axes; the same for None."""
    if row_axes is None:
        return resource
    return dataclasses.replace(resource, kwargs={**resource.kwargs, _ROW_AXES: row_axes})


def segments_with_row_axes(
    segments: Sequence[Segment], row_axes: int | None, assets: AssetReader
) -> tuple[Segment, ...]:
    """Return segments whose rows have so many axes, where their handlers can be told; the same for None."""
    if row_axes is None:
        return tuple(segments)
    known: dict[str, Resource] = {}
    for segment in segments:
        resource = segment.resource
        if resource is not None and resource.uid not in known:
            takes = _ROW_AXES in assets.keywords(resource) and _ROW_AXES not in resource.kwargs
            known[resource.uid] = with_row_axes(resource, row_axes) if takes else resource
    return tuple(
        segment if segment.resource is None else dataclasses.replace(segment, resource=known[segment.resource.uid])
        for segment in segments
    )
