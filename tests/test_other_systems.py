"""Each module of both distributions can be imported where Python lacks what only UNIX has."""

from __future__ import annotations

import pkgutil
import re
import subprocess
import sys

import pytest

# A program of its own, which is started on UNIX alone; what is served, whose tests have an environment of their own.
LEFT_OUT = re.compile(r"databroker_mongo\.(server\.supervisor|tiled\b.*)")

PROGRAM = """
import importlib, os, signal, socket, sys

for name in '''
    asyncio bson concurrent.futures dask.array entrypoints event_model fsspec getpass h5py hypothesis mcp mongomock
    msgpack multiprocessing numpy.testing pandas platformdirs pooch psutil pymongo pytest rich subprocess tempfile
    tifffile tqdm tzlocal uuid xarray yaml zoneinfo
'''.split():
    try:
        importlib.import_module(name)  # what others need is not asked here
    except ImportError:
        pass
for name in '''
    chown fchmod fork getgid getpgid getuid geteuid killpg mkfifo posix_fadvise pread preadv register_at_fork
    sched_getaffinity setsid statvfs sysconf uname O_CLOEXEC O_DIRECTORY O_NOFOLLOW O_NONBLOCK WNOHANG
'''.split():
    if hasattr(os, name):
        delattr(os, name)
for name in ("SIGKILL", "SIGHUP", "SIGCHLD", "SIGUSR1", "SIGALRM", "pthread_sigmask", "setitimer"):
    delattr(signal, name)
del socket.AF_UNIX
for name in ("fcntl", "resource", "pwd", "grp", "termios", "pty", "tty", "curses"):
    sys.modules[name] = None

for name in sys.argv[1:]:
    importlib.import_module(name)
print(len(sys.argv[1:]))
"""


def modules_of(package) -> list[str]:
    found = pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    return [
        module.name for module in found if not (LEFT_OUT.fullmatch(module.name) or module.name.endswith("__main__"))
    ]


@pytest.mark.parametrize("name", ["databroker_mongo", "databroker_mongo_handlers"])
def test_each_module_can_be_imported_without_what_only_unix_has(name):
    package = pytest.importorskip(name)
    modules = modules_of(package)
    assert len(modules) > 20
    done = subprocess.run([sys.executable, "-c", PROGRAM, *modules], capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{len(modules)}\n"
