"""What is kept between requests: for seconds, and up to a number of bytes."""

from __future__ import annotations

import threading

import pytest

from databroker_mongo.tiled.paging import Cache, Made, next_cursor


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def keep(cache, key, value, n_bytes=10, seconds=5.0):
    return cache.get(key, lambda: Made(value, n_bytes, seconds))


def test_what_is_kept_is_given_until_its_time_is_over():
    clock = Clock()
    cache = Cache(n_bytes=100, clock=clock)
    assert keep(cache, "a", 1) == keep(cache, "a", 2) == 1
    clock.now = 5.0
    assert keep(cache, "a", 3) == 3
    assert cache.n_bytes == 10


def test_what_was_not_used_goes_when_there_is_too_much():
    cache = Cache(n_bytes=35, clock=Clock())
    for name in "abc":
        keep(cache, name, name)
    keep(cache, "a", "used")
    keep(cache, "d", "d")
    assert cache.n_bytes == 30
    assert [keep(cache, name, "anew") for name in "acd"] == ["a", "c", "d"]
    assert keep(cache, "b", "anew") == "anew"


def test_what_is_larger_than_the_limit_is_given_and_not_kept():
    cache = Cache(n_bytes=35)
    assert keep(cache, "large", "x", n_bytes=36) == "x"
    assert cache.n_bytes == 0


def test_what_grows_is_counted_as_long_as_it_is_kept():
    cache = Cache(n_bytes=35, clock=Clock())
    value, other = object(), object()
    keep(cache, "a", value)
    cache.grow("a", other, 1000)
    assert cache.n_bytes == 10
    cache.grow("a", value, 20)
    assert cache.n_bytes == 30
    keep(cache, "b", other)
    assert cache.n_bytes == 10
    cache.grow("a", value, 20)
    assert cache.n_bytes == 10


def test_an_error_is_not_kept():
    cache = Cache(n_bytes=35)

    def fail():
        raise OSError("away")

    for _ in range(2):
        with pytest.raises(OSError, match="away"):
            cache.get("a", fail)
    assert keep(cache, "a", 1) == 1


def test_what_several_threads_want_is_made_once():
    cache, made, both = Cache(n_bytes=35), [], threading.Event()

    def make():
        made.append(1)
        assert both.wait(10)
        return Made("x", 1, 5.0)

    found = []
    threads = [threading.Thread(target=lambda: found.append(cache.get("a", make))) for _ in range(4)]
    for thread in threads:
        thread.start()
    both.set()
    for thread in threads:
        thread.join(10)
    assert found == ["x"] * 4
    assert made == [1]


@pytest.mark.parametrize(("n_found", "expected"), [(0, None), (9, None), (10, None), (11, 30)])
def test_a_page_tells_whether_there_is_another(n_found, expected):
    assert next_cursor(20, 10, n_found) == expected
