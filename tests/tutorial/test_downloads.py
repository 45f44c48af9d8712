"""Downloads end whole and checked, or say why not; what came before a break is not asked for again."""

from __future__ import annotations

import hashlib
import random

import pooch
import pytest

from databroker_mongo.errors import SampleDataUnavailable
from databroker_mongo.tutorial import download

CONTENT = random.Random(1).randbytes(300_000)
BLOCK = 1 << 14
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def served(web_server):
    return web_server.serve("data.zip", CONTENT)


@pytest.fixture
def url(web_server):
    return web_server.url_of("data.zip")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "kept" / "data.zip"


def test_the_file_and_its_checksum_come_back_and_nothing_else_is_left(served, url, path):
    assert download(url, path, sha256=None) == SHA256
    assert path.read_bytes() == CONTENT
    assert list(path.parent.iterdir()) == [path]


def test_a_file_with_the_right_checksum_is_not_downloaded_again(served, url, path):
    download(url, path, sha256=None)
    download(url, path, sha256=SHA256)
    assert len(served.ranges) == 1


def test_a_damaged_file_is_downloaded_again(served, url, path):
    download(url, path, sha256=None)
    path.write_bytes(CONTENT[:100])
    download(url, path, sha256=SHA256)
    assert path.read_bytes() == CONTENT


def test_a_break_is_overcome_at_once_by_asking_for_the_rest(served, url, path):
    served.breaks_after = [BLOCK * 12, BLOCK * 3]
    assert download(url, path, sha256=None) == SHA256
    assert served.ranges == [None, f"bytes={BLOCK * 12}-", f"bytes={BLOCK * 15}-"]


def test_after_breaks_that_bring_nothing_the_next_call_goes_on_from_there(served, url, path):
    served.breaks_after = [BLOCK * 12, 0]
    with pytest.raises(SampleDataUnavailable, match="Call again") as caught:
        download(url, path, sha256=None)
    assert caught.value.url == url
    assert not path.exists()
    assert download(url, path, sha256=None) == SHA256
    assert served.ranges == [None, f"bytes={BLOCK * 12}-", f"bytes={BLOCK * 12}-"]


def test_the_rest_of_a_renewed_file_is_not_put_after_the_old_beginning(served, url, path):
    served.breaks_after = [BLOCK * 12, 0]
    with pytest.raises(SampleDataUnavailable):
        download(url, path, sha256=None)
    served.content, served.tag = CONTENT[::-1], '"2"'
    download(url, path, sha256=None)
    assert path.read_bytes() == CONTENT[::-1]


@pytest.mark.parametrize(("serves_ranges", "tag"), [(False, '"1"'), (True, None)])
def test_a_server_that_cannot_send_the_rest_is_asked_for_all_of_it(served, url, path, serves_ranges, tag):
    served.serves_ranges, served.tag = serves_ranges, tag
    served.breaks_after = [BLOCK * 12]
    assert download(url, path, sha256=None) == SHA256


def test_a_server_that_breaks_off_at_the_same_place_is_not_asked_for_ever(served, url, path):
    served.serves_ranges = False
    served.breaks_after = [BLOCK * 12] * 50
    with pytest.raises(SampleDataUnavailable, match="broke"):
        download(url, path, sha256=None)
    assert len(served.ranges) == 2


def test_more_kept_than_the_server_has_is_thrown_away(served, url, path):
    path.parent.mkdir()
    (path.parent / "data.zip.part").write_bytes(CONTENT + b"more")
    (path.parent / "data.zip.tag").write_text('"1"')
    assert download(url, path, sha256=None) == SHA256


def test_another_checksum_is_refused_and_the_file_is_not_kept(served, url, path):
    with pytest.raises(SampleDataUnavailable, match="checksum") as caught:
        download(url, path, sha256="0" * 64)
    assert caught.value.kept_checksum == "0" * 64
    assert list(path.parent.iterdir()) == []


def test_a_refusal_is_told_in_words(served, url, path):
    served.status = 404
    with pytest.raises(SampleDataUnavailable, match="the server answered 404"):
        download(url, path, sha256=None)


def test_without_a_network_the_error_says_so(path):
    with pytest.raises(SampleDataUnavailable, match="no connection"):
        download("http://127.0.0.1:9/data.zip", path, sha256=None)


def test_pooch_does_not_advise_those_who_do_not_call_it(served, url, path, capsys):
    level = pooch.get_logger().level
    download(url, path, sha256=None)
    assert "known_hash" not in capsys.readouterr().err
    assert pooch.get_logger().level == level
