"""Whether two TIFF files lay out their image in the same way, found without parsing the second.

Files of a family differ in their pixels and time stamps alone. Where all else in the header is the same, the place of
the pixels is too, and the parsing of each file, which takes longer than reading a part of it, can be left out. What a
layout means is tifffile's business.
"""

from __future__ import annotations

import struct
from io import FileIO

_CLASSIC = {b"II*\0": "<", b"MM\0*": ">"}
# By section 2 of "TIFF Revision 6.0", which has a directory of entries: tag, type, count, and the value or its place.
_BYTES_OF_TYPE = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
# DocumentName, Make, Model, Software, DateTime, Artist, HostComputer, Copyright.
_DESCRIBING = frozenset({269, 271, 272, 305, 306, 315, 316, 33432})
_FIRST_PRIVATE = 65000


def layout_of(file: FileIO) -> bytes | None:
    """Return all of a header that may bear on where and what the pixels are; equal for files of equal layout.

    Left out are tags that describe the image to people (document name, maker, software, date, ...) and those from 65000
    on, where areaDetector puts time stamps and attributes.

    Parameters
    ----------
    file : io.FileIO
        Open for reading, unbuffered; it is left anywhere.

    Returns
    -------
    bytes or None
        None for a file that is no TIFF file, is cut in the header, is a BigTIFF, or has more than one page.
    """
    head = file.read(8)
    order = _CLASSIC.get(head[:4])
    if order is None or len(head) < 8:
        return None
    directory = _read_at(file, struct.unpack(f"{order}I", head[4:])[0], 2)
    n_entries = struct.unpack(f"{order}H", directory)[0] if len(directory) == 2 else 0
    entries = file.read(12 * n_entries + 4)
    # Behind the entries comes the place of the next directory, which is that of another page.
    if n_entries == 0 or len(entries) < 12 * n_entries + 4 or any(entries[-4:]):
        return None
    kept = [head]
    for tag, kind, count, value in struct.iter_unpack(f"{order}HHI4s", entries[:-4]):
        if tag >= _FIRST_PRIVATE or tag in _DESCRIBING:
            continue
        kept.append(struct.pack("<HHI", tag, kind, count) + value)
        n_bytes = count * _BYTES_OF_TYPE.get(kind, 0)
        if n_bytes > 4:  # else it is in the entry itself
            kept.append(_read_at(file, struct.unpack(f"{order}I", value)[0], n_bytes))
    return b"".join(kept)


def _read_at(file: FileIO, start: int, n_bytes: int) -> bytes:
    file.seek(start)
    return file.read(n_bytes)
