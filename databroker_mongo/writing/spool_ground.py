"""What a spool stands on: a disk that is there tomorrow, or not, with how much room.

What does not belong here: which kinds of file systems there are (``file_locks``), the files of a spool (``spool``).
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from ..errors import ConfigurationError
from ..file_locks import (
    IN_MEMORY,
    LAYERED,
    SHARED_BY_MACHINES,
    filesystem_of,
    has_locks_of_its_own,
    try_lock,
    unlock,
)
from .files import exists, numbered_name

_GIGABYTE = 1e9


@dataclass(frozen=True)
class Ground:
    """Where a directory is, or would be made.

    Attributes
    ----------
    directory : pathlib.Path
        The directory, without symbolic links.
    filesystem : str or None
        The kind of the file system; None where the system does not tell it.
    free_bytes : int or None
        How much room there is for its user; None where the system does not tell it.
    obstacle : str or None
        Why no file can be made there, in the words of the system; None where one can be.
    """

    directory: Path
    filesystem: str | None
    free_bytes: int | None
    obstacle: str | None

    @property
    def shown(self) -> str:
        """File system and room, in words."""
        room = "an unknown amount" if self.free_bytes is None else f"{self.free_bytes / _GIGABYTE:.1f} GB"
        return f"{self.filesystem or 'a file system of unknown kind'}, {room} free"


def ground_of(directory: Path) -> Ground:
    """Look where a directory is, without making it.

    For a moment an empty file is made in it, or in the directory that it would be made in.
    """
    real = Path(os.path.realpath(directory))
    existing = next(path for path in (real, *real.parents) if exists(path))
    try:
        system = os.statvfs(existing)
        free_bytes = system.f_bavail * system.f_frsize
    except (OSError, AttributeError):
        free_bytes = None
    return Ground(real, filesystem_of(real), free_bytes, _obstacle(existing))


def _obstacle(directory: Path) -> str | None:
    # The rights alone do not tell: root has them in /proc and on media that cannot be written.
    probe = directory / f".{numbered_name('probe')}"
    try:
        os.close(os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        probe.unlink()
    except OSError as error:
        return error.strerror or str(error)
    return None


def doubts_about(ground: Ground, *, anywhere: bool) -> str | None:
    """Return what may be lost with a spool there, if something may be.

    Parameters
    ----------
    ground : Ground
        Where it is.
    anywhere : bool
        Whether its user has said that any place will do: then there is no doubt where something can be written, but
        locks must hold all the same.

    Raises
    ------
    ConfigurationError
        Documents would be lost when the machine restarts, or locks do not hold there.
    """
    kind = ground.filesystem
    if kind in IN_MEMORY and not anywhere:
        raise _unfit(
            ground,
            f"it is in the memory of this machine ({kind}) and is lost when the machine restarts",
            ", or accept this one with spool_anywhere=True",
        )
    if kind in SHARED_BY_MACHINES and ground.obstacle is None:
        _require_locks(ground)
    if ground.obstacle is not None:
        where = f"{kind}: {ground.obstacle}" if kind else ground.obstacle
        return (
            f"{ground.directory} cannot be written ({where}): should the server go away, no document can wait there "
            "and the plan stops. Name a directory on a disk of this machine: spool=DIRECTORY."
        )
    if anywhere:
        return None
    if kind in LAYERED:
        return (
            f"Documents that cannot be stored will wait in {ground.directory}, which belongs to this container "
            f"({kind}) and is lost with it. Name a directory outside of it with spool=DIRECTORY, or accept this one "
            "with spool_anywhere=True."
        )
    if kind in SHARED_BY_MACHINES:
        return (
            f"Documents that cannot be stored will wait in {ground.directory}, on a network disk ({kind}): if its "
            "server fails as well, they cannot be kept and the plan stops. Name a directory on a disk of this machine "
            "with spool=DIRECTORY, or accept this one with spool_anywhere=True."
        )
    return None


def _require_locks(ground: Ground) -> None:
    """Lock a file twice, which must not succeed: else two writers could empty each other's files."""
    path = ground.directory / f".{numbered_name('lock')}"
    locks: list[int | None] = []
    try:
        ground.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        locks = [try_lock(path), try_lock(path)]
    except OSError as error:
        found = f"files cannot be locked on this network disk ({ground.filesystem}: {error.strerror})"
        raise _unfit(ground, found) from error
    finally:
        for lock in locks:
            if lock is not None:
                unlock(lock)
        with contextlib.suppress(OSError):
            path.unlink()
    if locks[0] is None or locks[1] is not None or has_locks_of_its_own(ground.directory):
        raise _unfit(ground, f"locks do not hold on this network disk ({ground.filesystem})")


def _unfit(ground: Ground, found: str, otherwise: str = "") -> ConfigurationError:
    return ConfigurationError(
        f"Documents that cannot be stored must not wait in {ground.directory}: {found}. Name a directory on a disk of "
        f"this machine: Writer(..., spool=DIRECTORY){otherwise}.",
        path=str(ground.directory),
        filesystem=ground.filesystem,
    )
