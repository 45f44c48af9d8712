"""Whether two TIFF files lay out their image in the same way, found without parsing the second.

Files of a family differ in their pixels and time stamps alone. Where all else in the header is the same, the place of
the pixels is too, and the parsing of each file, which takes longer than reading a part of it, can be left out. Pixels
that are compressed differ in their length as well, so the places of strips and tiles are told apart from all else. What
a layout means is tifffile's business.
"""

from __future__ import annotations

import struct
from io import FileIO
from typing import NamedTuple

_CLASSIC = {b"II*\0": "<", b"MM\0*": ">"}
# By section 2 of "TIFF Revision 6.0", which has a directory of entries: tag, type, count, and the value or its place.
_BYTES_OF_TYPE = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
# DocumentName, Make, Model, Software, DateTime, Artist, HostComputer, Copyright.
_DESCRIBING = frozenset({269, 271, 272, 305, 306, 315, 316, 33432})
_FIRST_PRIVATE = 65000
_OFFSETS = frozenset({273, 324})  # of strips, of tiles
_BYTE_COUNTS = frozenset({279, 325})
_BEGINNING_BYTES = 1024  # where programs that put the directory before the pixels have all of it
_CODES = {3: "H", 4: "I"}  # SHORT and LONG, as which places may be stored


class TIFFLayout(NamedTuple):
    """All of a header that may bear on where and what the pixels are; equal for files of equal layout.

    Attributes
    ----------
    form : bytes
        What bears on what the pixels are, and not on where; equal for files that are decoded alike.
    header : bytes
        All that bears on either.
    offsets, byte_counts : tuple of int
        Where the strips or tiles are; empty where the header does not say it in the usual way.
    """

    form: bytes
    header: bytes
    offsets: tuple[int, ...]
    byte_counts: tuple[int, ...]


def layout_of(file: FileIO) -> TIFFLayout | None:
    """Return the layout of a file, from its header alone.

    Left out are tags that describe the image to people (document name, maker, software, date, ...) and those from 65000
    on, where areaDetector puts time stamps and attributes.

    Parameters
    ----------
    file : io.FileIO
        Open for reading, unbuffered; it is left anywhere.

    Returns
    -------
    TIFFLayout or None
        None for a file that is no TIFF file, is cut in the header, is a BigTIFF, or has more than one page.
    """
    beginning = file.read(_BEGINNING_BYTES)
    head = beginning[:8]
    order = _CLASSIC.get(head[:4])
    if order is None or len(head) < 8:
        return None
    place = struct.unpack(f"{order}I", head[4:])[0]
    directory = _read_at(file, beginning, place, 2)
    n_entries = struct.unpack(f"{order}H", directory)[0] if len(directory) == 2 else 0
    entries = _read_at(file, beginning, place + 2, 12 * n_entries + 4)
    # Behind the entries comes the place of the next directory, which is that of another page.
    if n_entries == 0 or len(entries) < 12 * n_entries + 4 or any(entries[-4:]):
        return None
    header, form = [head], [head[:4]]
    places: dict[bool, tuple[int, ...]] = {}
    for tag, kind, count, value in struct.iter_unpack(f"{order}HHI4s", entries[:-4]):
        if tag >= _FIRST_PRIVATE or tag in _DESCRIBING:
            continue
        entry = struct.pack("<HHI", tag, kind, count)
        n_bytes = count * _BYTES_OF_TYPE.get(kind, 0)
        # What does not fit into the entry is elsewhere, and the entry says where.
        found = _read_at(file, beginning, struct.unpack(f"{order}I", value)[0], n_bytes) if n_bytes > 4 else value
        header += [entry, value, found]
        if tag in _OFFSETS | _BYTE_COUNTS:
            form.append(struct.pack("<HI", tag, count))
            places[tag in _OFFSETS] = _integers(found, kind, count, order=order)
        else:
            form += [entry, found]
    return TIFFLayout(b"".join(form), b"".join(header), places.get(True, ()), places.get(False, ()))


def _integers(found: bytes, kind: int, count: int, *, order: str) -> tuple[int, ...]:
    code = _CODES.get(kind)
    if code is None or len(found) < count * struct.calcsize(code):
        return ()
    return struct.unpack_from(f"{order}{count}{code}", found)


def _read_at(file: FileIO, beginning: bytes, start: int, n_bytes: int) -> bytes:
    if start + n_bytes <= len(beginning):
        return beginning[start : start + n_bytes]
    file.seek(start)
    return file.read(n_bytes)
