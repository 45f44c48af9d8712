"""The one form in which the rest of the package knows a resource document or a stream resource document.

What the documents say, and no more: where the path is on this machine belongs to ``roots``, who reads it to
``registry``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import InvalidDocument
from .places import Place


@dataclass(frozen=True, kw_only=True)
class Resource:
    """External data of a run: a file or a family of files, and the handler's keywords for them.

    Attributes
    ----------
    uid : str
        What datums, or stream datums, call it.
    spec : str
        The spec; for a stream resource the MIME type with its parameters.
    is_stream : bool
        Whether it comes from a ``stream_resource`` document.
    root : str
        The part of the path that differs from machine to machine; empty where the document has none.
    path : str
        ``resource_path``, or the decoded path of the URI.
    kwargs : dict
        Keywords of the handler class.
    path_semantics : str
        ``"posix"`` or ``"windows"``: how ``root`` and ``path`` are written.
    run_uid : str or None
        The run, where the document tells.
    uri : str or None
        The URI of a stream resource.
    """

    uid: str
    spec: str
    is_stream: bool = False
    root: str = ""
    path: str = ""
    kwargs: Mapping[str, Any] = field(default_factory=dict, hash=False)
    path_semantics: str = "posix"
    run_uid: str | None = None
    uri: str | None = None

    @classmethod
    def from_document(cls, doc: Mapping[str, Any], uid: str | None = None) -> Resource:
        """Read a ``resource`` document.

        Parameters
        ----------
        doc : mapping
            The document.
        uid : str, optional
            What its datums call it; used where the document, being old, has no uid of its own.

        Raises
        ------
        InvalidDocument
            It has no spec, or no uid and none is given.
        """
        return cls._of_path(doc, _required(doc, "uid", uid), is_stream=False)

    @classmethod
    def from_stream_document(cls, doc: Mapping[str, Any]) -> Resource:
        """Read a ``stream_resource`` document of today's schema, or of the one before 2024.

        Raises
        ------
        InvalidDocument
            It has no uid, or neither MIME type nor spec, or no place.
        """
        uid = _required(doc, "uid")
        if "uri" not in doc and "mimetype" not in doc:
            return cls._of_path(doc, uid, is_stream=True)
        uri = _required(doc, "uri")
        place = Place.parse(uri)
        return cls(
            uid=uid,
            spec=_required(doc, "mimetype", doc.get("spec")),
            is_stream=True,
            # The host is kept in ``uri`` alone: some writers name there the machine that they ran on.
            path=str(Place("" if place.host else place.drive, place.parts)),
            kwargs=_keywords(doc, "parameters"),
            path_semantics="windows" if place.is_windows else "posix",
            run_uid=doc.get("run_start"),
            uri=uri,
        )

    @property
    def place(self) -> Place:
        """Where the document says the data are."""
        return Place.parse(self.uri) if self.uri else Place.join(self.root, self.path, self.path_semantics)

    @classmethod
    def _of_path(cls, doc: Mapping[str, Any], uid: str, *, is_stream: bool) -> Resource:
        return cls(
            uid=uid,
            spec=_required(doc, "spec"),
            is_stream=is_stream,
            root=str(doc.get("root") or ""),
            path=str(doc.get("resource_path") or ""),
            kwargs=_keywords(doc, "resource_kwargs"),
            path_semantics=doc.get("path_semantics") or "posix",
            run_uid=doc.get("run_start"),
        )


def _required(doc: Mapping[str, Any], field_name: str, default: str | None = None) -> str:
    value = doc.get(field_name) or default
    if value is None:
        raise InvalidDocument(
            f"the resource document has no {field_name!r}; it names the fields {', '.join(sorted(doc))}",
            resource_uid=doc.get("uid"),
            run_uid=doc.get("run_start"),
        )
    return str(value)


def _keywords(doc: Mapping[str, Any], field_name: str) -> dict[str, Any]:
    value = doc.get(field_name) or {}
    if not isinstance(value, Mapping):
        raise InvalidDocument(
            f"the {field_name} of the resource document must be a mapping of keywords, not a {type(value).__name__}",
            resource_uid=doc.get("uid"),
            run_uid=doc.get("run_start"),
            field=field_name,
        )
    return dict(value)
