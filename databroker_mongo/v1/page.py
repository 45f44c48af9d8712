"""A header as HTML: its documents as nested tables, times as local time. No question is asked here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from ..display import local_time
from ..documents import stream_of


def header_html(start: Mapping[str, Any], stop: Mapping[str, Any], descriptors: Sequence[Mapping[str, Any]]) -> str:
    """Return the documents of a run as one table."""
    described = "".join(_document(descriptor, stream_of(descriptor)) for descriptor in descriptors)
    parts = (_document(start, "Start"), _document(stop, "Stop"), f"<b>Descriptors</b>{described}")
    return f"<table>{''.join(f'<tr><td>{part}</td></tr>' for part in parts)}</table>"


def _document(document: Mapping[str, Any], caption: Any) -> str:
    return f"<table><caption>{escape(str(caption))}</caption>{_rows(document)}</table>"


def _rows(values: Mapping[str, Any]) -> str:
    ordered = sorted(values.items(), key=lambda item: str(item[0]))
    return "".join(f"<tr><th>{escape(str(key))}</th><td>{_cell(key, value)}</td></tr>" for key, value in ordered)


def _cell(key: Any, value: Any) -> str:
    if isinstance(value, Mapping):
        return f"<table>{_rows(value)}</table>"
    if isinstance(value, list | tuple):
        return f"<table>{''.join(f'<tr><td>{_cell(None, each)}</td></tr>' for each in value)}</table>"
    return escape(local_time(value) if key == "time" else str(value))
