"""What the author of a kit does with it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

_PYTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir=.")


def run_kits(name: str, folder: Path) -> str:
    """Run the kits of a file here as ``test_mine.py``, with all as pytest has it by default; return what it prints."""
    shutil.copy(Path(__file__).with_name(name), folder / "test_mine.py")
    command = [sys.executable, *_PYTEST, "test_mine.py"]
    environment = {**os.environ, "COLUMNS": "1000"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=110).stdout
