"""kill -9 of servers under load: what was acknowledged is there, once, and the caller saw no error.

The figures of each case are shown with ``--log-cli-level=INFO``; ``-m endurance`` runs the long ones.
"""

import logging
import random
import time

import pytest

from databroker_mongo import Writer
from databroker_mongo.errors import DurabilityWarning

log = logging.getLogger(__name__)


def kill_single(mongod, load, chance, n_kills):
    for _ in range(n_kills):
        load.wait_for_calls(chance.randint(20, 200))
        time.sleep(chance.uniform(0, 0.01))
        mongod.kill()
        mongod.start()
        mongod.wait()
    load.wait_for_calls(20)


KILLS = [(3, 0, "each", 1), (3, 0, "each", 8), (2, 20, "each", 1), (2, 0, "batch", 1)]
FAILOVERS = [(2.0, 1, 0, "each", 1), (2.0, 1, 0, "each", 8), (2.0, 1, 20, "each", 1), (2.0, 1, 0, "batch", 1)]


def test_enough_servers_are_killed_each_time():
    assert sum(n_kills for n_kills, *_ in KILLS) >= 10
    assert sum(n_kills for _, n_kills, *_ in FAILOVERS) >= 2


@pytest.mark.parametrize(
    ("n_kills", "page_rows", "durable", "n_threads"),
    [
        *KILLS,
        pytest.param(30, 0, "each", 1, marks=pytest.mark.endurance),
        pytest.param(30, 0, "each", 8, marks=pytest.mark.endurance),
        pytest.param(20, 20, "each", 1, marks=pytest.mark.endurance),
        pytest.param(20, 0, "batch", 1, marks=pytest.mark.endurance),
    ],
)
@pytest.mark.timeout(1200)
def test_no_acknowledged_event_is_lost_when_a_single_server_is_killed(
    mongod, new_load, meanwhile, n_kills, page_rows, durable, n_threads
):
    uri = f"mongodb://{mongod.address}/test"
    chance = random.Random(f"single {n_kills} {page_rows} {durable} {n_threads}")
    with Writer(uri, durable=durable, on_failure="raise") as writer:
        load = new_load(writer, page_rows=page_rows, n_threads=n_threads)
        load.send_until(meanwhile(lambda: kill_single(mongod, load, chance, n_kills)).is_over)
    log.info("%d kills, %d events, longest call %.1f s", n_kills, len(load.acknowledged), load.longest)
    assert load.lost_and_duplicates(uri) == (0, 0)
    assert writer.pending == 0


def test_without_the_journal_the_same_test_finds_loss(mongod, new_load, meanwhile):
    uri = f"mongodb://{mongod.address}/test"
    chance = random.Random("unjournalled")
    with pytest.warns(DurabilityWarning, match="journal=false"):
        writer = Writer(f"{uri}?w=1&journal=false", on_failure="raise")
    load = new_load(writer)
    n_lost = 0
    for _ in range(10):
        load.send_until(meanwhile(lambda: kill_single(mongod, load, chance, 1)).is_over)
        n_lost, _ = load.lost_and_duplicates(uri)
        if n_lost:
            break
    assert n_lost > 0


def kill_primaries(replica_set, load, chance, n_kills):
    for _ in range(n_kills):
        load.wait_for_calls(chance.randint(20, 100))
        primary = replica_set.primary()
        primary.kill()
        replica_set.primary()
        load.wait_for_calls(20)
        primary.start()
        primary.wait()
        replica_set.wait()
    load.wait_for_calls(20)


@pytest.mark.parametrize(
    ("replica_set", "n_kills", "page_rows", "durable", "n_threads"),
    [
        *FAILOVERS,
        pytest.param(10.0, 5, 0, "each", 1, marks=pytest.mark.endurance),
        pytest.param(10.0, 5, 0, "each", 8, marks=pytest.mark.endurance),
        pytest.param(10.0, 5, 20, "each", 1, marks=pytest.mark.endurance),
        pytest.param(10.0, 5, 0, "batch", 1, marks=pytest.mark.endurance),
    ],
    indirect=["replica_set"],
)
@pytest.mark.timeout(1200)
def test_no_acknowledged_event_is_lost_in_a_failover(
    replica_set, new_load, meanwhile, n_kills, page_rows, durable, n_threads
):
    chance = random.Random(f"failover {n_kills} {page_rows} {durable} {n_threads}")
    with Writer(replica_set.uri, durable=durable, on_failure="raise") as writer:
        load = new_load(writer, page_rows=page_rows, n_threads=n_threads)
        load.send_until(meanwhile(lambda: kill_primaries(replica_set, load, chance, n_kills)).is_over)
    log.info("%d failovers, %d events, longest call %.1f s", n_kills, len(load.acknowledged), load.longest)
    assert load.lost_and_duplicates(replica_set.uri) == (0, 0)
    assert load.longest < 15
    assert writer.pending == 0
