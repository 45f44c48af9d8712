"""The TIFF files of the simulated cameras: one uncompressed image each, written whole or not at all.

Each file carries, in its description, the checksum of its pixels and the name of the recipe that made it; a file whose
pixels and recipe are right is not written again.

What does not belong here: what the image shows (``scattering``).
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Callable
from pathlib import Path

from .scattering import Frame


def keep_frame(path: Path, recipe: str, *, make: Callable[[], Frame]) -> Frame:
    """Return the frame of a file, and make the file first where it is missing, damaged or of another recipe.

    Parameters
    ----------
    path : Path
        The file; its directory must exist.
    recipe : str
        Says how the frame is made. A file that says otherwise is replaced.
    make : callable
        Returns the frame; called only if the file has to be written.

    Returns
    -------
    numpy.ndarray
        Shape ``(rows, columns)``, counts.

    Raises
    ------
    OSError
        When the file cannot be written.
    """
    kept = _read(path, recipe)
    if kept is not None:
        return kept
    frame = make()
    _write(path, frame, recipe=recipe)
    return frame


def _read(path: Path, recipe: str) -> Frame | None:
    import tifffile

    try:
        with tifffile.TiffFile(path) as file:
            page = file.pages.first
            label = json.loads(page.description)
            frame = page.asarray()
    except (OSError, ValueError, IndexError, tifffile.TiffFileError):
        return None
    return frame if label == _label(frame, recipe) else None


def _write(path: Path, frame: Frame, *, recipe: str) -> None:
    import tifffile

    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        tifffile.imwrite(part, frame, description=json.dumps(_label(frame, recipe)), metadata=None)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _label(frame: Frame, recipe: str) -> dict[str, object]:
    return {"recipe": recipe, "crc32": zlib.crc32(frame.tobytes())}
