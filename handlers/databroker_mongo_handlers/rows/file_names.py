"""Names of the files of a numbered family, as detectors' templates build them.

Nothing is opened, and nothing on disk is looked at.
"""

from __future__ import annotations

from collections.abc import Callable


def paths_of_frames(template: str, folder: str, filename: str, *, first: int = 0) -> Callable[[int], str]:
    """Return what gives the path of each frame, counted from 0, as areaDetector's file template does.

    Parameters
    ----------
    template : str
        In C's ``printf`` style, for folder, file name and number: ``"%s%s_%6.6d.tiff"``.
    folder : str
        Where the files are.
    filename : str
        The part of the name that all have.
    first : int
        The number that the first frame has in its name.

    Returns
    -------
    callable
        From the number of a frame to its path; a `ValueError` when the template does not take these three.
    """
    beginning = f"{folder.rstrip('/')}/" if folder else ""

    def path_of(number: int) -> str:
        try:
            return template % (beginning, filename, first + number)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"template {template!r} must take a folder, a file name and a number, as '%s%s_%6.6d.tiff' does: "
                f"{error}"
            ) from error

    return path_of
