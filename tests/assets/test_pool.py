"""Open handlers are bounded, locked, closed and never stale; with real files, threads and processes."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
import pytest

from databroker_mongo.assets import file_state
from databroker_mongo.assets.pool import HandlerPool, process_pool


class Text:
    """Reads a text file that it keeps open, and notices when it is used by two threads."""

    opened: list[Text]
    most_open = 0
    _open = 0
    _lock = threading.Lock()

    def __init__(self, path, **kwargs):
        self._file = open(path)  # noqa: PTH123, SIM115 - closed by close()
        self.kwargs = kwargs
        self.n_closed = 0
        self.n_users = 0
        self.most_users = 0
        self.opened.append(self)
        with self._lock:
            type(self)._open += 1
            type(self).most_open = max(self.most_open, self._open)

    def __call__(self):
        self.n_users += 1
        self.most_users = max(self.most_users, self.n_users)
        self._file.seek(0)
        time.sleep(0.0005)
        text = self._file.read()
        self.n_users -= 1
        return text

    def close(self):
        self._file.close()
        self.n_closed += 1
        with self._lock:
            type(self)._open -= 1


class Parallel(Text):
    """May be used by several threads."""

    parallel_reads = True

    def __call__(self):
        return Path(self._file.name).read_text()


@pytest.fixture(autouse=True)
def fresh_counts():
    for cls in (Text, Parallel):
        cls.opened, cls.most_open, cls._open = [], 0, 0


@pytest.fixture
def settled(monkeypatch):
    """Trust files at once, as if they had been written long ago."""
    monkeypatch.setattr(file_state, "SETTLING_SECONDS", -1.0)


@pytest.fixture
def files(tmp_path) -> list[str]:
    paths = [tmp_path / f"{i}.txt" for i in range(12)]
    for i, path in enumerate(paths):
        path.write_text(f"file {i}")
    return [str(path) for path in paths]


@pytest.fixture
def pool():
    pool = HandlerPool(limit=4)
    yield pool
    pool.close()


def read(pool, cls, path, **kwargs):
    with pool.open(cls, path, kwargs) as handler:
        return handler()


@pytest.mark.usefixtures("settled")
class TestKeeping:
    """Which handlers stay open."""

    def test_a_handler_is_opened_once_for_the_same_file_and_keywords(self, pool, files):
        assert [read(pool, Text, files[0], a=[1, {"b": 2}]) for _ in range(3)] == ["file 0"] * 3

        assert len(Text.opened) == len(pool) == 1

    def test_other_keywords_another_class_or_another_file_is_another_handler(self, pool, files):
        for cls, path, kwargs in [
            (Text, files[0], {"a": 1}),
            (Text, files[0], {"a": True}),
            (Parallel, files[0], {"a": 1}),
            (Text, files[1], {}),
        ]:
            read(pool, cls, path, **kwargs)

        assert len(pool) == 4
        assert [handler.kwargs for handler in Text.opened] == [{"a": 1}, {"a": True}, {}]

    def test_the_handler_not_used_for_longest_is_closed_to_make_room(self, pool, files):
        for path in (*files[:4], files[0], files[4]):
            read(pool, Text, path)

        assert [handler.n_closed for handler in Text.opened] == [0, 1, 0, 0, 0]
        assert len(pool) == 4

    def test_close_closes_all_and_the_pool_goes_on(self, pool, files):
        for path in files[:3]:
            read(pool, Text, path)

        pool.close()

        assert [handler.n_closed for handler in Text.opened] == [1, 1, 1]
        assert len(pool) == 0
        assert read(pool, Text, files[0]) == "file 0"

    @pytest.mark.parametrize("cls", [Text, Parallel])
    def test_a_handler_in_use_is_closed_when_it_is_given_back(self, pool, files, cls):
        with pool.open(cls, files[0], {}) as handler:
            pool.close()
            assert handler.n_closed == 0
        assert handler.n_closed == 1

    def test_a_handler_in_whose_use_something_failed_is_not_used_again(self, pool, files):
        with pytest.raises(RuntimeError), pool.open(Text, files[0], {}):
            raise RuntimeError

        assert Text.opened[0].n_closed == 1
        assert read(pool, Text, files[0]) == "file 0"
        assert len(Text.opened) == 2

    def test_a_handler_that_cannot_be_made_leaves_nothing_behind(self, pool, tmp_path):
        with pytest.raises(FileNotFoundError), pool.open(Text, tmp_path / "missing", {}):
            raise AssertionError("not reached")

        assert len(pool) == 0

    def test_handlers_without_close_or_with_a_bad_one_do_no_harm(self, pool, files):
        class Bare:
            def __init__(self, path):
                pass

        class Bad(Bare):
            def close(self):
                raise RuntimeError("cannot close")

        for cls in (Bare, Bad):
            with pool.open(cls, files[0], {}):
                pass
        pool.close()

        assert len(pool) == 0

    def test_a_limit_below_one_is_refused(self):
        with pytest.raises(ValueError, match="at least one"):
            HandlerPool(0)

    def test_a_forgotten_pool_closes_its_handlers(self, files):
        pool = HandlerPool()
        read(pool, Text, files[0])

        del pool

        assert Text.opened[0].n_closed == 1


class TestChanges:
    """A handler is never older than its file."""

    @pytest.mark.usefixtures("settled")
    def test_a_replaced_file_is_opened_again(self, pool, files, tmp_path):
        read(pool, Text, files[0])
        (tmp_path / "new").write_text("file X")
        (tmp_path / "new").replace(files[0])

        assert read(pool, Text, files[0]) == "file X"
        assert [handler.n_closed for handler in Text.opened] == [1, 0]

    def test_a_file_written_just_now_is_opened_each_time(self, pool, files):
        read(pool, Text, files[0])
        read(pool, Text, files[0])

        assert [handler.n_closed for handler in Text.opened] == [1, 0]

    @pytest.mark.usefixtures("settled")
    def test_a_prefix_that_is_no_file_is_opened_each_time(self, pool, files, tmp_path):
        class Prefix(Text):
            def __init__(self, path):
                super().__init__(f"{path}.txt")

        assert [read(pool, Prefix, tmp_path / "0") for _ in range(2)] == ["file 0"] * 2
        assert [handler.n_closed for handler in Text.opened] == [1, 0]

    @pytest.mark.usefixtures("settled")
    def test_a_linked_file_that_grows_is_noticed(self, pool, files):
        class Master(Text):
            def linked_files(self):
                return [files[1]]

        read(pool, Master, files[0])
        read(pool, Master, files[0])
        with Path(files[1]).open("a") as source:
            source.write("more")
        read(pool, Master, files[0])

        assert [handler.n_closed for handler in Text.opened] == [1, 0]

    @pytest.mark.usefixtures("settled")
    def test_parallel_readers_keep_an_old_handler_until_they_are_done(self, pool, files):
        with pool.open(Parallel, files[0], {}) as old:
            Path(files[0]).write_text("changed")
            with pool.open(Parallel, files[0], {}) as new:
                assert new is not old
                assert old.n_closed == 0
        assert (old.n_closed, new.n_closed) == (1, 0)

    @pytest.mark.usefixtures("settled")
    def test_all_handlers_of_a_grown_hdf5_file_see_it_at_once(self, pool, tmp_path):
        """HDF5 shows the old state as long as one handle of it stays open."""

        class Dataset:
            def __init__(self, path, dataset):
                self._file = h5py.File(path, "r", locking=False)
                self._dataset = dataset

            def __call__(self):
                return self._file[self._dataset].shape[0]

            def close(self):
                self._file.close()

        path = str(tmp_path / "scan.h5")
        with h5py.File(path, "w") as file:
            for name in "ab":
                file.create_dataset(name, data=np.zeros(2), maxshape=(None,))
        assert [read(pool, Dataset, path, dataset=name) for name in "ab"] == [2, 2]

        script = "import h5py, sys; f = h5py.File(sys.argv[1], 'a', locking=False); [f[n].resize((5,)) for n in 'ab']"
        subprocess.run([sys.executable, "-c", script, path], check=True)

        with ThreadPoolExecutor(2) as threads:
            assert list(threads.map(lambda name: read(pool, Dataset, path, dataset=name), "abab")) == [5] * 4


class TestThreads:
    """Fifty threads at once."""

    @pytest.mark.parametrize("cls", [Text, Parallel])
    @pytest.mark.parametrize("settling_seconds", [-1.0, 2.0], ids=["old files", "new files"])
    def test_fifty_threads_read_right_within_the_limit(self, pool, files, cls, settling_seconds, monkeypatch):
        monkeypatch.setattr(file_state, "SETTLING_SECONDS", settling_seconds)
        start = threading.Barrier(50)

        def work(seed: int) -> bool:
            order = np.random.default_rng(seed).integers(0, len(files), 10)
            start.wait()
            return all(read(pool, cls, files[i]) == f"file {i}" for i in order)

        with ThreadPoolExecutor(50) as threads:
            assert all(threads.map(work, range(50)))

        assert len(pool) <= 4
        assert all(handler.most_users <= 1 for handler in cls.opened)
        if cls is Text:
            assert cls.most_open <= 4

    def test_a_thread_that_holds_handlers_is_never_made_to_wait(self, files):
        pool = HandlerPool(limit=1)

        with pool.open(Text, files[0], {}) as first, pool.open(Text, files[1], {}) as second:
            assert (first(), second()) == ("file 0", "file 1")

        pool.close()
        assert [handler.n_closed for handler in Text.opened] == [1, 1]

    def test_a_thread_waits_while_all_handlers_are_in_use(self, files):
        pool = HandlerPool(limit=1)
        with ThreadPoolExecutor(1) as threads:
            with pool.open(Text, files[0], {}):
                waiting = threads.submit(read, pool, Text, files[1])
                time.sleep(0.05)
                assert not waiting.done()
            assert waiting.result(timeout=60) == "file 1"
        pool.close()


PROCESS = """
import os, sys
from pathlib import Path
from databroker_mongo.assets.pool import process_pool

class Text:
    def __init__(self, path):
        self.path, self.pid, self.file = path, os.getpid(), open(path)
    def __call__(self):
        self.file.seek(0)
        return self.file.read()
    def close(self):
        with open(self.path + ".closed", "a") as log:
            log.write(f"{self.pid} by {os.getpid()} ")
        self.file.close()

pool, path = process_pool(), sys.argv[1]
"""


class TestProcesses:
    """Each process has its own."""

    def run(self, code: str, path: str) -> str:
        command = [sys.executable, "-W", "error", "-c", PROCESS + code, path]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert (done.stderr, done.returncode) == ("", 0)
        return done.stdout

    def test_what_is_open_is_closed_silently_when_the_interpreter_ends(self, files):
        self.run("with pool.open(Text, path, {}) as handler: handler()", files[0])

        assert len(Path(files[0] + ".closed").read_text().split()) == 3

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
    @pytest.mark.parametrize("end", ["os._exit(0)", "sys.exit(0)"])
    def test_a_forked_process_opens_its_own_and_closes_nothing_of_its_parent(self, files, end):
        code = f"""
with pool.open(Text, path, {{}}) as handler:
    handler()
pids = []
for _ in range(4):
    pid = os.fork()
    if not pid:
        assert len(pool) == 0
        with pool.open(Text, path, {{}}) as handler:
            assert (handler(), handler.pid) == ("file 0", os.getpid())
        {end}
    pids.append(pid)
assert all(os.waitpid(pid, 0)[1] == 0 for pid in pids)
with pool.open(Text, path, {{}}) as handler:
    print(handler(), end="")
"""
        assert self.run(code, files[0]) == "file 0"

        closed = Path(files[0] + ".closed").read_text().split()
        assert closed[0::3] == closed[2::3]

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
    def test_a_fork_while_other_threads_use_the_pool_does_not_hang_the_child(self, files):
        code = """
import threading, time
def busy():
    while True:
        with pool.open(Text, path, {}) as handler:
            handler()
for _ in range(4):
    threading.Thread(target=busy, daemon=True).start()
import warnings
warnings.simplefilter("ignore", DeprecationWarning)
for _ in range(20):
    with pool.open(Text, path + "2", {}):
        pid = os.fork()
        if not pid:
            with pool.open(Text, path, {}) as handler:
                assert handler() == "file 0"
    if not pid:
        os._exit(0)
    for _ in range(4000):
        if os.waitpid(pid, os.WNOHANG) == (pid, 0):
            break
        time.sleep(0.01)
    else:
        os._exit(1)
print("done", end="", flush=True)
os._exit(0)
"""
        Path(files[0] + "2").write_text("another")

        assert self.run(code, files[0]) == "done"

    def test_a_pool_is_never_pickled(self, pool):
        with pytest.raises(TypeError, match="process_pool"):
            pickle.dumps(pool)

    def test_there_is_one_pool_for_the_process(self):
        assert process_pool() is process_pool()
        assert process_pool().limit == 64


class Lent(Text):
    """Takes down in which order it is made, asked for links, used and left."""

    def __init__(self, path, **kwargs):
        super().__init__(path, **kwargs)
        self.order = ["made"]

    @contextmanager
    def keep_open(self):
        self.order.append("kept open")
        try:
            yield
        finally:
            self.order.append("may be closed")

    def close(self):
        super().close()
        self.order.append("closed")

    def linked_files(self):
        self.order.append("links")
        return []


def test_a_handler_may_keep_its_files_open_for_as_long_as_it_is_lent(pool, files):
    with pool.open(Lent, files[0], {}) as handler:
        handler.order.append("used")
    assert handler.order == ["made", "kept open", "links", "used", "may be closed"]


def test_a_handler_in_whose_use_something_went_wrong_leaves_its_files_before_it_is_closed(pool, files):
    with pytest.raises(ZeroDivisionError), pool.open(Lent, files[0], {}) as handler:
        raise ZeroDivisionError
    assert handler.order == ["made", "kept open", "links", "may be closed", "closed"]


def test_handlers_keep_their_files_open_from_one_loan_to_the_next_if_that_is_wished(pool, files):
    with pool.keep_open():
        with pool.keep_open(), pool.open(Lent, files[0], {}):
            pass
        with pool.open(Lent, files[0], {}) as handler:
            handler.order.append("used")
    assert handler.order == ["made", "kept open", "links", "used", "may be closed"]


def test_of_many_handlers_the_last_few_keep_their_files_open(pool, files):
    handlers = []
    with pool.keep_open():
        for number in range(20):
            with pool.open(Lent, files[0], {"number": number}) as handler:
                handlers.append(handler)
        assert ["may be closed" in handler.order for handler in handlers] == [True] * 4 + [False] * 16
    assert all(handler.order.count("may be closed") == 1 for handler in handlers)
