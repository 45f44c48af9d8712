"""The parent process of a private ``mongod``: starts it, waits until nobody needs it, ends it.

Here belongs what must outlive the process that asked for the server. What decides whether and how to start one is in
``local.py``, which runs this file by its path in an interpreter of its own and hands it an order as JSON on
standard input. It uses the standard library alone, and nothing of this package, so that it starts in milliseconds,
stays small, and works whatever the path of imports of the asking process was.

The order holds ``command`` (how to start mongod), ``directory`` (where it runs), ``facts`` (to publish in the record),
``linger_seconds``, and the paths ``socket``, ``lock``, ``lease``, ``record``, ``keep`` and ``log``. Only who holds the
lock may touch the record and the log, because the process that asked may have been killed, and another may be asking
too.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import resource
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ALREADY_SUPERVISED = 3
LOCK_SECONDS = 2.0
SHUTDOWN_SECONDS = 100.0
"""Less than the STOP_SECONDS for which others wait (``launch.py``), so that they see it end."""
OPEN_FILES = 64000
PR_SET_PDEATHSIG = 1


def main() -> int:
    """Take the server's lock and go on in the background; the exit status says whether this process got it."""
    order = json.load(sys.stdin)
    lock = _take(Path(order["lock"]))
    if lock is None:
        return ALREADY_SUPERVISED
    for stale in ("record", "keep", "socket"):
        Path(order[stale]).unlink(missing_ok=True)
    _write_to(Path(order["log"]))
    if os.fork():
        return 0
    # Ctrl-C in the terminal of whoever asked, or its end, must not reach the server of everybody else.
    os.setsid()
    Supervisor(order, lock).run()
    return 0


def _take(path: Path) -> int | None:
    """Lock a file for this process and its forks; others look at the lock for an instant, hence the patience."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + LOCK_SECONDS
    while time.monotonic() < deadline:
        if _try_exclusive(lock):
            return lock
        time.sleep(0.005)
    return None


def _try_exclusive(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write_to(log: Path) -> None:
    """Let this process and mongod write to a new log; the one before is kept."""
    if log.exists():
        log.replace(log.with_name(f"{log.name}.1"))
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for standard in (1, 2):
        os.dup2(output, standard)
    os.close(output)


class Supervisor:
    """One mongod, and the rule by which it ends.

    Parameters
    ----------
    order : dict
        See the module's docstring.
    lock : int
        The open file whose lock says that a server runs here; the kernel frees it when this process ends in any way.
    """

    def __init__(self, order: dict[str, Any], lock: int):
        self.command: list[str] = order["command"]
        self.directory = str(order["directory"])
        self.facts: dict[str, Any] = order["facts"]
        self.linger_seconds = float(order["linger_seconds"])
        self.tick_seconds = min(1.0, 0.05 + self.linger_seconds / 4)
        self.socket = Path(order["socket"])
        self.record = Path(order["record"])
        self.keep = Path(order["keep"])
        self.lock_path = Path(order["lock"])
        self.lock = lock
        self.lease = os.open(order["lease"], os.O_RDWR | os.O_CREAT, 0o600)
        self.lease_seen = 0
        self.last_used = time.monotonic()
        self.has_listened = False
        self.is_told_to_stop = False

    def run(self) -> None:
        """Start mongod, stay until it may end or has ended, and leave nothing behind."""
        wake = self._catch_signals()
        _allow_many_open_files()
        parent = os.getpid()
        with contextlib.ExitStack() as at_the_end:
            at_the_end.callback(self._remove_socket)
            mongod = subprocess.Popen(  # noqa: S603
                self.command, cwd=self.directory, stdin=subprocess.DEVNULL, preexec_fn=lambda: _end_with(parent)
            )
            at_the_end.callback(_end, mongod)
            at_the_end.callback(self._withdraw)
            self._publish(mongod.pid)
            while mongod.poll() is None and not self._is_over():
                select.select([wake], [], [], self.tick_seconds)
                _drain(wake)

    def _catch_signals(self) -> int:
        """Let SIGTERM and the end of mongod wake the waiting loop; return what to wait for."""
        wake, waker = os.pipe()
        os.set_blocking(wake, False)
        os.set_blocking(waker, False)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._stop)
        # Blocked signals are inherited through fork and exec, from a program that knows nothing of this one.
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        return wake

    def _stop(self, *_: object) -> None:
        self.is_told_to_stop = True

    def _publish(self, mongod_pid: int) -> None:
        """Write the record in one step: a reader sees all of it or none."""
        facts = {**self.facts, "supervisor": os.getpid(), "mongod": mongod_pid}
        new = self.record.with_suffix(".new")
        new.write_text(json.dumps(facts))
        new.replace(self.record)

    def _is_over(self) -> bool:
        return self.is_told_to_stop or self._is_out_of_reach() or self._is_unused()

    def _is_out_of_reach(self) -> bool:
        """Whether the data directory or the socket is no longer there, so that nobody can find this server."""
        is_listening = self.socket.exists()
        self.has_listened |= is_listening
        return self._is_moved() or (self.has_listened and not is_listening)

    def _is_moved(self) -> bool:
        """Whether the data directory was deleted or moved; another one may have its name by now."""
        try:
            return not os.path.samestat(self.lock_path.stat(), os.fstat(self.lock))
        except OSError:
            return True

    def _is_unused(self) -> bool:
        """Whether nobody used the server for the linger time; if so the lease stays locked and new users wait."""
        is_free = _try_exclusive(self.lease)
        # By its time the lease tells of users who came and went between two looks.
        lease_changed = os.fstat(self.lease).st_mtime_ns
        if not is_free or self.keep.exists() or lease_changed != self.lease_seen:
            self.lease_seen = lease_changed
            self.last_used = time.monotonic()
        elif time.monotonic() - self.last_used >= self.linger_seconds:
            return True
        if is_free:
            fcntl.flock(self.lease, fcntl.LOCK_UN)
        return False

    def _withdraw(self) -> None:
        """Take the record away, so that who comes now waits for the end and starts afresh."""
        if not self._is_moved():
            self.record.unlink(missing_ok=True)
            self.keep.unlink(missing_ok=True)

    def _remove_socket(self) -> None:
        with contextlib.suppress(OSError):
            self.socket.unlink(missing_ok=True)
            # Fails, as it should, if something else lies there.
            self.socket.parent.rmdir()


def _allow_many_open_files() -> None:
    """Raise the soft limit, if the system lets us: mongod keeps a file open for every collection and index."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _end_with(parent: int) -> None:
    """In the child before it becomes mongod: ask Linux to end it cleanly when the supervisor is killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        # The parent may have been killed before the call above: then no signal comes any more, see prctl(2).
        if os.getppid() != parent:
            os._exit(1)


def _drain(wake: int) -> None:
    with contextlib.suppress(BlockingIOError):
        while os.read(wake, 512):
            pass


def _end(mongod: subprocess.Popen[bytes]) -> None:
    """Shut mongod down cleanly; after a long patience end it at once, which its journal survives."""
    mongod.terminate()
    try:
        mongod.wait(SHUTDOWN_SECONDS)
    except subprocess.TimeoutExpired:
        mongod.kill()
    status = mongod.wait()
    how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
    sys.stderr.write(f"mongod {how}\n")


if __name__ == "__main__":
    sys.exit(main())
