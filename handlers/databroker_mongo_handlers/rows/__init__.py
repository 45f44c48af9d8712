"""What handlers are made of: rows of files and of frames, whatever the format. NumPy is all that it imports."""

from __future__ import annotations

from .chained_rows import ChainedRows, CountedRows
from .datum_numbers import whole_number
from .datums import IndexHandler, PointHandler, RowsHandler, WholeHandler
from .file_identity import FileIdentity
from .file_names import paths_of_frames
from .file_rows import ArrayFormat, ArrayHeader, FileRows
from .keeping_open import close_later, keep_open
from .levels import CallsReadInto, Closes
from .plain_bytes import Payload
from .row_views import RowView, Selector, parse_slice
from .rows import (
    Array,
    BeforeOpening,
    Block,
    EndsEarly,
    Layout,
    Rows,
    RowStructure,
    Structure,
    axes_of_rows,
    lines_of,
    require_dtype,
    whole_layout,
)
from .single_file_rows import SingleFileRows
from .stream_parameters import refuse_unknown
from .switching import SwitchHandler
from .templated_paths import TemplatedPaths
from .threads import read_side_by_side

__all__ = [
    "Array",
    "ArrayFormat",
    "ArrayHeader",
    "BeforeOpening",
    "Block",
    "CallsReadInto",
    "ChainedRows",
    "Closes",
    "CountedRows",
    "EndsEarly",
    "FileIdentity",
    "FileRows",
    "IndexHandler",
    "Layout",
    "Payload",
    "PointHandler",
    "RowStructure",
    "RowView",
    "Rows",
    "RowsHandler",
    "Selector",
    "SingleFileRows",
    "Structure",
    "SwitchHandler",
    "TemplatedPaths",
    "WholeHandler",
    "axes_of_rows",
    "close_later",
    "keep_open",
    "lines_of",
    "parse_slice",
    "paths_of_frames",
    "read_side_by_side",
    "refuse_unknown",
    "require_dtype",
    "whole_layout",
    "whole_number",
]
