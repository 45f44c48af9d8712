"""Text that a terminal shows and does not obey. Nothing else."""

from __future__ import annotations


def printable(text: str, *, keep: str = "") -> str:
    r"""Return a text with its control characters, and halves of surrogate pairs, written as escapes.

    Parameters
    ----------
    text : str
        What came from a document or a user.
    keep : str, optional
        Characters to leave as they are.

    Examples
    --------
    >>> printable("primary\x1b[31m")
    'primary\\x1b[31m'
    """
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() or letter in keep else letter.encode("unicode_escape").decode()
        for letter in text
    )
