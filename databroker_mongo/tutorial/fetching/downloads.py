"""Download one file: through pooch, with a progress bar, and from where it stopped the last time.

What does not belong here: what is in the file (``archives``, ``packs``) and where it comes from (``tutorial_utils``).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pooch
import requests

from ...errors import SampleDataUnavailable
from .progress import progress_bar

# Of a block that breaks off, nothing is kept.
_BLOCK_BYTES = 1 << 14
_TIMEOUTS_SECONDS = (10.0, 60.0)
_PARTIAL_CONTENT = 206
_RANGE_NOT_SATISFIABLE = 416


def download(url: str, path: Path, *, sha256: str | None) -> str:
    """Download a file, unless it is there with the right checksum.

    What came before a break is kept in a file with the suffix ``.part`` beside it. If the server can, and its file is
    still the same, the download goes on from there: at once, and if that fails, when it is called again.

    Parameters
    ----------
    url : str
        Where it is, ``http`` or ``https``.
    path : Path
        Where it goes; the directory is made if missing.
    sha256 : str or None
        Checksum that it must have; None when it is not known yet, then a file that is there is taken as it is.

    Returns
    -------
    str
        The checksum.

    Raises
    ------
    SampleDataUnavailable
        When there is no network, when the server refuses or breaks off, or when the checksum is another one.
    """
    known = None if sha256 is None else f"sha256:{sha256}"
    try:
        with _quiet(pooch.get_logger()):
            pooch.retrieve(url, known, fname=path.name, path=path.parent, downloader=_download_the_rest)
    except requests.RequestException as error:
        raise SampleDataUnavailable(
            f"The download failed: {_in_words(error)}. Call again to go on from where it stopped.", url=url
        ) from error
    except ValueError as error:
        raise SampleDataUnavailable(
            "The checksum of the download differs from that of the first time. Call again; if the file was renewed on "
            "purpose, delete the kept checksum first.",
            url=url,
            kept_checksum=sha256,
        ) from error
    return str(pooch.file_hash(str(path), alg="sha256"))


def _download_the_rest(url: str, output_file: str, manager: Any) -> None:
    """Download as pooch has its downloaders do, by way of a file that outlives a break."""
    # Pooch gives a temporary name, new each time, in the directory where the file will be.
    part = Path(output_file).with_name(f"{urlsplit(url).path.rpartition('/')[2]}.part")
    tag = part.with_suffix(".tag")
    longest = _size(part)
    while (error := _go_on(url, part, tag=tag)) is not None:
        if _size(part) <= longest:
            raise error
        longest = _size(part)
    part.replace(output_file)
    tag.unlink(missing_ok=True)


def _go_on(url: str, part: Path, *, tag: Path) -> requests.RequestException | None:
    """Receive what is missing of the part; return the error when it broke off, None when the part is whole."""
    kept = tag.read_text() if tag.exists() else ""
    begin = _size(part) if kept else 0
    # Without If-Range the end of a renewed file could be put after the beginning of the old one.
    resume = {"Range": f"bytes={begin}-", "If-Range": kept} if begin else {}
    headers = {"Accept-Encoding": "identity", **resume}
    with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUTS_SECONDS) as response:
        if response.status_code == _RANGE_NOT_SATISFIABLE and begin:
            part.unlink()
            return _go_on(url, part, tag=tag)
        response.raise_for_status()
        tag.write_text(response.headers.get("ETag") or response.headers.get("Last-Modified") or "")
        return _receive(response, part, begin=begin if response.status_code == _PARTIAL_CONTENT else 0)


def _receive(response: requests.Response, part: Path, *, begin: int) -> requests.RequestException | None:
    n_missing = int(response.headers.get("Content-Length", 0))
    n_received = 0
    total = begin + n_missing if n_missing else None
    with (
        part.open("ab" if begin else "wb") as file,
        progress_bar("Downloading", total, initial=begin, unit="B") as advance,
    ):
        try:
            for block in response.iter_content(_BLOCK_BYTES):
                file.write(block)
                n_received += len(block)
                advance(len(block))
        except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError) as error:
            return error
    if n_received < n_missing:
        return requests.ConnectionError("the connection was closed too early")
    return None


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _in_words(error: requests.RequestException) -> str:
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"the server answered {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.Timeout):
        return "the server did not answer in time"
    if isinstance(error, requests.ConnectionError):
        return "there is no connection to the server, or it broke"
    return str(error)


@contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    """Silence a logger below warnings; pooch tells newcomers how its own functions should be called."""
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
