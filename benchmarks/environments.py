"""Environments of the packages that are compared with: made once from PyPI, in the versions that are compared with."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

REQUIREMENTS = {
    "databroker_1": (
        "databroker==1.2.5",
        "intake==0.6.4",
        "suitcase-mongo==0.7.0",
        "area-detector-handlers==0.0.10",
        "event-model==1.24.0",
        "hdf5plugin",
        "platformdirs",  # the list of indexes is this package's
        "pymongo<4.21",
    ),
    "databroker_2": (
        "databroker[all]==2.0.2",
        "tiled==0.2.20",
        "suitcase-mongo==0.7.0",
        "area-detector-handlers==0.0.10",
        "hdf5plugin",
    ),
}
PACKAGES = {
    "databroker_1": ("databroker", "intake", "suitcase-mongo", "area-detector-handlers", "pymongo", "dask", "xarray"),
    "databroker_2": ("databroker", "tiled", "area-detector-handlers", "pymongo", "dask", "xarray"),
}
"""What is worth telling the version of."""


def made(name: str, directory: Path) -> str:
    """Return the Python of the environment of a contestant, which is made in a directory unless it is there.

    Raises
    ------
    subprocess.CalledProcessError
        When the packages cannot be installed; what pip says is on the standard error.
    """
    environment = directory.resolve() / name
    python = environment / "bin" / "python"
    stamp = environment / "requirements.txt"
    requirements = "\n".join(REQUIREMENTS[name])
    if not stamp.exists() or stamp.read_text() != requirements:
        print(f"Making the environment {environment} ...", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", environment], check=True)
        pip = [python, "-m", "pip", "install", "--disable-pip-version-check", "--quiet", *REQUIREMENTS[name]]
        subprocess.run(pip, check=True)
        stamp.write_text(requirements)
    return str(python)


def versions(name: str, python: str) -> str:
    """Return the versions of packages in the environment of a contestant, as text."""
    ask = "import sys, importlib.metadata as m; print(', '.join(f'{name} {m.version(name)}' for name in sys.argv[1:]))"
    done = subprocess.run([python, "-c", ask, *PACKAGES[name]], capture_output=True, text=True, check=True)
    return done.stdout.strip()
