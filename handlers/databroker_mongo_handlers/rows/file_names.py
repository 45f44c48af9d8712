"""Names of the files of a numbered family, as detectors' templates build them.

Nothing is opened, and nothing on disk is looked at.
"""

from __future__ import annotations


def name_of_frame(template: str, folder: str, filename: str, *, number: int) -> str:
    """Return the path that areaDetector's file template gives a frame.

    Parameters
    ----------
    template : str
        In C's ``printf`` style, for folder, file name and number: ``"%s%s_%6.6d.tiff"``.
    folder : str
        Where the files are.
    filename : str
        The part of the name that all have.
    number : int
        The frame's number.

    Raises
    ------
    ValueError
        When the template does not take these three.
    """
    beginning = f"{folder.rstrip('/')}/" if folder else ""
    try:
        return template % (beginning, filename, number)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"template {template!r} must take a folder, a file name and a number, as '%s%s_%6.6d.tiff' does: {error}"
        ) from error
