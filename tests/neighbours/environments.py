"""Environments with packages that cannot live in ours, built from PyPI once and kept."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import platformdirs
import pytest


def environment_of(name: str, requirements: tuple[str, ...]) -> Path:
    """Return the Python of an environment that holds exactly these requirements.

    It is kept in the user's cache, or in the directory that ``DATABROKER_MONGO_NEIGHBOURS`` names.
    """
    kept = os.environ.get("DATABROKER_MONGO_NEIGHBOURS")
    directory = (Path(kept) if kept else platformdirs.user_cache_path("databroker_mongo") / "neighbours") / name
    directory.parent.mkdir(parents=True, exist_ok=True)
    with directory.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of several test processes, one makes it
        return _made(directory, requirements)


def _made(directory: Path, requirements: tuple[str, ...]) -> Path:
    python = directory / "bin" / "python"
    stamp = directory / "requirements.txt"
    if python.exists() and stamp.exists() and stamp.read_text() == "\n".join(requirements):
        return python
    try:
        subprocess.run([sys.executable, "-m", "venv", "--clear", directory], check=True, capture_output=True)
        install = [python, "-m", "pip", "install", "--disable-pip-version-check", *requirements]
        subprocess.run(install, check=True, capture_output=True, timeout=600)
    except (subprocess.SubprocessError, OSError) as error:
        reason = f"cannot install {', '.join(requirements)}: {getattr(error, 'stderr', b'') or error!r}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    stamp.write_text("\n".join(requirements))
    return python
