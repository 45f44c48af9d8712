"""A network that loses, delays or half-closes: nothing is lost, nothing is stored twice, and no call hangs."""

import time

import pytest

from databroker_mongo import Writer
from databroker_mongo.errors import DurabilityWarning

STOP = {"uid": "stop", "run_start": "run", "time": 9.0, "exit_status": "success"}
BREAKS = {
    "all is lost": lambda proxy: proxy.drop(),
    "requests are lost": lambda proxy: proxy.drop("requests"),
    "answers are lost": lambda proxy: proxy.drop("answers"),
    "half-closed": lambda proxy: proxy.half_close(),
    "connections are cut": lambda proxy: proxy.close_connections(),
    "slow": lambda proxy: setattr(proxy, "delay", 0.3),
}


def uris(mongod, proxy):
    return f"mongodb://{proxy.address}/test?directConnection=true", f"mongodb://{mongod.address}/test"


@pytest.mark.parametrize("how", BREAKS)
@pytest.mark.parametrize(("durable", "page_rows"), [("each", 0), ("each", 20), ("batch", 0)])
def test_a_network_that_heals_loses_nothing(mongod, proxy, new_load, meanwhile, how, durable, page_rows):
    through, straight = uris(mongod, proxy)
    lasts = 0.5

    def break_and_heal():
        for _ in range(2):
            load.wait_for_calls(10)
            BREAKS[how](proxy)
            time.sleep(lasts)
            proxy.heal()
        load.wait_for_calls(10)

    with Writer(through, durable=durable, on_failure="raise") as writer:
        load = new_load(writer, page_rows=page_rows)
        load.send_until(meanwhile(break_and_heal).is_over)
    assert load.lost_and_duplicates(straight) == (0, 0)
    assert writer.pending == 0
    assert load.longest < 15


@pytest.mark.parametrize("how", ["all is lost", "requests are lost", "answers are lost", "half-closed"])
@pytest.mark.parametrize("durable", ["each", "batch"])
def test_a_network_that_stays_broken_is_spooled_for_in_time(mongod, proxy, new_load, tmp_path, how, durable):
    through, straight = uris(mongod, proxy)
    with Writer(through, spool=tmp_path / "spool", retry_seconds=1.0, durable=durable) as writer:
        load = new_load(writer)
        load.send()
        BREAKS[how](proxy)
        with pytest.warns(DurabilityWarning, match=proxy.address):
            writer("stop", STOP)
        for _ in range(20):
            load.send()
        assert load.longest < 5
        assert writer.pending == 21
        proxy.heal()
        writer.flush()
        assert writer.pending == 0
    assert len(load.acknowledged) == 21
    assert load.lost_and_duplicates(straight) == (0, 0)
    with mongod.client() as client:
        assert client.test.run_stop.count_documents({}) == 1


def test_a_server_behind_a_broken_network_is_no_misspelt_host(proxy, tmp_path):
    proxy.drop()
    writer = Writer(f"mongodb://{proxy.address}/test", spool=tmp_path / "spool", retry_seconds=0.5)
    with pytest.warns(DurabilityWarning, match="not stored but kept"):
        writer("start", {"uid": "run", "time": 1.0})
    proxy.heal()
    writer.close()
    assert writer.pending == 0
