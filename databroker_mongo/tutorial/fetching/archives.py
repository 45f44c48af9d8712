"""Unpack a ZIP archive from the network: whole or not at all, and never outside its directory.

What does not belong here: where the archive comes from (``downloads``) and what is in it (``packs``).
"""

from __future__ import annotations

import shutil
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from ...errors import SampleDataUnavailable
from .progress import progress_bar

_BLOCK_BYTES = 1 << 20
# Bytes that the disk should still have when all is unpacked.
_SPARE_BYTES = 100 << 20
_ARCHIVE_OF = ".unpacked-from"


def unpack(archive: Path, directory: Path, *, label: str) -> None:
    """Unpack an archive into a directory of its own, unless that was done before.

    Parameters
    ----------
    archive : Path
        A ZIP file.
    directory : Path
        Where its members go. What was there before is replaced when all has been unpacked, not before.
    label : str
        Says which archive it is (its checksum); a directory with the same label is left alone.

    Raises
    ------
    SampleDataUnavailable
        When the file is no ZIP archive or is damaged (it is deleted then), when a member would be written outside the
        directory, or when the disk has no room for all.
    """
    if is_unpacked(directory, label=label):
        return
    part = directory.with_name(f"{directory.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        with zipfile.ZipFile(archive) as file:
            members = [member for member in file.infolist() if not member.is_dir()]
            _check(members, archive, directory)
            _extract(file, members, part)
            (part / _ARCHIVE_OF).write_text(label)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        shutil.rmtree(part, ignore_errors=True)
        archive.unlink()
        raise SampleDataUnavailable(
            f"The archive is damaged, and was deleted: {error}. Call again to download it again.", path=archive
        ) from error
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        if isinstance(error, SampleDataUnavailable):
            raise
        raise SampleDataUnavailable(f"The archive cannot be unpacked: {error}", path=archive) from error
    shutil.rmtree(directory, ignore_errors=True)
    part.replace(directory)


def is_unpacked(directory: Path, *, label: str) -> bool:
    """Whether the archive of this label was unpacked into the directory, to its end."""
    file = directory / _ARCHIVE_OF
    return file.exists() and file.read_text() == label


def _check(members: list[zipfile.ZipInfo], archive: Path, directory: Path) -> None:
    for member in members:
        path = PurePosixPath(member.filename.replace("\\", "/"))
        is_inside = path.parts and not path.is_absolute() and ".." not in path.parts
        if not is_inside or stat.S_ISLNK(member.external_attr >> 16):
            raise SampleDataUnavailable(
                "The archive holds a link, or a file that would lie outside the directory; nothing was unpacked.",
                path=archive,
                member=member.filename,
            )
    needed, free = sum(member.file_size for member in members), shutil.disk_usage(directory.parent).free
    if free < needed + _SPARE_BYTES:
        raise SampleDataUnavailable(
            f"Unpacked, the archive takes {needed / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free. Free some, or set "
            "BLUESKY_TUTORIAL_DATA to a directory on a larger disk.",
            path=directory,
        )


def _extract(file: zipfile.ZipFile, members: list[zipfile.ZipInfo], part: Path) -> None:
    with progress_bar("Unpacking", sum(member.file_size for member in members), unit="B") as advance:
        for member in members:
            path = part / member.filename
            path.parent.mkdir(parents=True, exist_ok=True)
            with file.open(member) as source, path.open("wb") as target:
                while block := source.read(_BLOCK_BYTES):
                    target.write(block)
                    advance(len(block))
