"""What a reader can type where documents and files disagree, and only documents can be corrected as they are read.

Who can only read has one way out: the catalog's ``transforms``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..assets import Resource


@dataclass(frozen=True)
class Remedies:
    """The corrections of one data key, as lines to type.

    Attributes
    ----------
    run_uid : str
        Its run.
    data_key : str
        Its name.
    resource : Resource or None
        What serves it.
    frames_keyword : str or None
        What the resource calls the number of frames of a datum, where its handler takes one.
    """

    run_uid: str
    data_key: str
    resource: Resource | None = None
    frames_keyword: str | None = None

    def declare(self, **changes: object) -> str:
        """Return the line that changes what the run's descriptors declare of the data key."""
        found = f"doc['data_keys'].get({self.data_key!r}, {{}})"
        return _line("descriptor", f"doc['run_start'] == {self.run_uid!r} and {found}.update({_arguments(changes)})")

    def read_with(self, **keywords: object) -> str:
        """Return the line that changes keywords of the resource."""
        assert self.resource is not None
        is_recent = self.resource.uri is not None
        kind = "stream_resource" if self.resource.is_stream else "resource"
        found = f"doc.setdefault({'parameters' if is_recent else 'resource_kwargs'!r}, {{}})"
        uid = f"doc.get('uid') == {self.resource.uid!r}"
        return _line(kind, f"{uid} and {found}.update({_arguments(keywords)})")


def advise(lines: Iterable[tuple[str, str]]) -> str:
    """Return a sentence that names lines to type, each after what is so if it is the right one."""
    listed = "; ".join(f"{case}: Catalog.from_uri(..., {line})" for case, line in lines)
    way = f" If the file is right, correct the documents when they are read. {listed}" if listed else ""
    return f"Nothing is padded, cropped or cast.{way}"


def _line(kind: str, change: str) -> str:
    return f"transforms={{{kind!r}: lambda doc: {change} or doc}}"


def _arguments(changes: dict[str, object]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in changes.items())
