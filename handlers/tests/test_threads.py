"""Parts that are read side by side: each once, by several threads where that pays, and no error is lost."""

import threading

import pytest
from databroker_mongo_handlers.rows.threads import read_side_by_side

MUCH = 10**8


@pytest.mark.parametrize("n_bytes", [1, MUCH])
@pytest.mark.parametrize("n_parts", [0, 1, 2, 7])
def test_each_part_is_read_once(n_parts, n_bytes):
    found = []
    read_side_by_side(found.append, list(range(n_parts)), n_bytes=n_bytes)
    assert sorted(found) == list(range(n_parts))


def test_two_threads_read_at_the_same_time():
    both = threading.Barrier(2, timeout=10)
    read_side_by_side(lambda part: both.wait(), [0, 1], n_bytes=MUCH)


def test_little_is_read_by_the_thread_that_asks():
    found = []
    read_side_by_side(lambda part: found.append(threading.current_thread()), [0, 1, 2], n_bytes=1000)
    assert set(found) == {threading.current_thread()}


@pytest.mark.parametrize("n_bytes", [1, MUCH])
@pytest.mark.parametrize("bad", [0, 1, 2])
def test_what_goes_wrong_in_any_part_is_raised(bad, n_bytes):
    def read(part):
        if part == bad:
            raise OSError(f"part {part}")

    with pytest.raises(OSError, match=f"part {bad}"):
        read_side_by_side(read, [0, 1, 2], n_bytes=n_bytes)


def test_as_many_threads_as_are_asked_for_read_at_the_same_time():
    all_of_them = threading.Barrier(5, timeout=10)
    read_side_by_side(lambda part: all_of_them.wait(), range(5), n_bytes=MUCH, n_threads=8)


def test_parts_of_a_part_are_read_by_the_thread_that_reads_it():
    pairs = []

    def read(part):
        reader = threading.current_thread()
        read_side_by_side(lambda _: pairs.append((reader, threading.current_thread())), [0, 1, 2], n_bytes=MUCH)

    read_side_by_side(read, [0, 1, 2], n_bytes=MUCH)

    assert len(pairs) == 9
    assert all(reader is inner for reader, inner in pairs)
    assert threading.current_thread() not in {reader for reader, _ in pairs}
