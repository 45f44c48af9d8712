"""A real RunEngine whose documents are stored as they are emitted, and read back: ophyd's simulated devices."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import event_model
import numpy as np
import pytest

from databroker_mongo import Catalog, Run, Writer
from databroker_mongo.errors import NotAuthorized
from databroker_mongo.store.writable_normalized import WritableNormalizedStore

from .required import required

bluesky = required("bluesky")
sim = required("ophyd.sim")
bp = required("bluesky.plans")
bps = required("bluesky.plan_stubs")
bpp = required("bluesky.preprocessors")

pytestmark = [
    pytest.mark.usefixtures("installed_handlers"),
    pytest.mark.filterwarnings("ignore:no allowed_roots"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


class Laboratory:
    """A RunEngine, a catalog that stores what it emits, and what it emitted."""

    def __init__(self, uri: str):
        self.catalog = Catalog.from_uri(uri)
        self.documents: list[tuple[str, dict[str, Any]]] = []
        self.engine = bluesky.RunEngine({}, during_task=bluesky.run_engine.DuringTask())
        self.engine.subscribe(Writer(uri))
        self.engine.subscribe(lambda name, doc: self.documents.append((name, doc)))

    def run(self, plan: Any, **metadata: Any) -> Run:
        """Execute a plan of one run, and return the run from the catalog."""
        (uid,) = self.engine(plan, **metadata)
        return self.catalog[uid]

    def emitted(self, stream: str) -> list[dict[str, Any]]:
        """Return the events of a stream, in the order of emission."""
        uids = {doc["uid"] for name, doc in self.documents if name == "descriptor" and doc["name"] == stream}
        pages = [event_model.unpack_event_page(doc) for name, doc in self.documents if name == "event_page"]
        events = [doc for name, doc in self.documents if name == "event"]
        return [event for event in itertools.chain(events, *pages) if event["descriptor"] in uids]

    def require_equal(self, run: Run, stream: str) -> None:
        """Insist that what is read of a stream, at once and lazily, is what was emitted."""
        events = self.emitted(stream)
        loaded = run[stream].read()
        assert loaded.identical(run[stream].to_dask().compute())
        np.testing.assert_array_equal(loaded["time"], [event["time"] for event in events])
        for key, column in loaded.items():
            assert column.dtype != object
            if "external" not in run[stream].data_keys[key]:
                np.testing.assert_array_equal(column, [event["data"][key] for event in events])


@pytest.fixture
def laboratory(mongod_database_uri: str) -> Laboratory:
    return Laboratory(mongod_database_uri)


@pytest.fixture
def hardware(tmp_path: Path) -> Any:
    """ophyd's simulated devices; images are written to files."""
    return sim.hw(save_path=str(tmp_path))


def test_a_scan_with_images_and_a_baseline_is_read_as_it_was_emitted(laboratory, hardware):
    baseline = bpp.SupplementalData(baseline=[hardware.motor1, hardware.motor2])
    laboratory.engine.preprocessors.append(baseline)
    run = laboratory.run(bp.scan([hardware.det, hardware.img], hardware.motor, -1, 1, 5), sample="gold")
    assert list(run) == ["baseline", "primary"]
    assert run.start["sample"] == "gold"
    assert run.stop["exit_status"] == "success"
    laboratory.require_equal(run, "primary")
    laboratory.require_equal(run, "baseline")
    images = run.primary.to_dask()["img"]
    assert images.shape == (5, 10, 10)
    np.testing.assert_array_equal(images[3, 2:4].compute(), np.ones((2, 10)))
    assert run.primary.config["motor"].read()["motor_velocity"].values.tolist() == [1] * 5
    assert (run.health()["status"] == "ok").all()
    assert run.files()["exists"].tolist() == [True] * 5


def test_rows_that_a_rewound_plan_took_again_are_kept_or_dropped_as_asked(laboratory, hardware):
    @bpp.run_decorator()
    def plan():
        yield from bps.checkpoint()
        yield from bps.trigger_and_read([hardware.det, hardware.motor])
        yield from bps.trigger_and_read([hardware.det, hardware.motor])
        yield from bps.pause()
        yield from bps.checkpoint()
        yield from bps.trigger_and_read([hardware.det, hardware.motor])

    with pytest.raises(bluesky.utils.RunEngineInterrupted):
        laboratory.engine(plan())
    laboratory.engine.resume()
    primary = laboratory.catalog[-1].primary
    emitted = laboratory.emitted("primary")
    assert [event["seq_num"] for event in emitted] == [1, 2, 1, 2, 3]
    assert primary.read().sizes["time"] == 5
    kept = primary.read(dedupe="last")
    np.testing.assert_array_equal(kept["time"], [event["time"] for event in emitted[2:]])


def test_a_run_in_progress_shows_the_events_that_it_has(laboratory, hardware):
    seen = []

    def look(name, doc):
        if name == "event":
            run = laboratory.catalog[-1]
            assert run.stop is None
            seen.append(run.primary.read()["det"].size)

    laboratory.engine.subscribe(look)
    run = laboratory.run(bp.count([hardware.det], num=3))
    assert seen == [1, 2, 3]
    assert run.stop is not None


def test_a_flyer_and_a_monitored_signal_have_streams_of_their_own(laboratory, hardware):
    flown = laboratory.run(bp.fly([hardware.flyer1]))
    for stream in flown:
        laboratory.require_equal(flown, stream)
    monitored = bpp.monitor_during_wrapper(bp.scan([hardware.det], hardware.motor, 0, 1, 3), [hardware.motor.readback])
    run = laboratory.run(monitored)
    (stream,) = set(run) - {"primary"}
    assert run[stream].read().sizes["time"] >= 3
    laboratory.require_equal(run, stream)


@pytest.mark.parametrize("durable", ["each", "batch"])
def test_a_plan_whose_documents_can_never_be_stored_ends_before_it_measures(hardware, tmp_path, monkeypatch, durable):
    def refuse(*_: Any, **__: Any) -> None:
        raise NotAuthorized("the account may not store")

    monkeypatch.setattr(WritableNormalizedStore, "insert", refuse)
    engine = bluesky.RunEngine({}, during_task=bluesky.run_engine.DuringTask())
    engine.subscribe(Writer("mongodb://nowhere.invalid/db", spool=tmp_path / "spool", durable=durable))
    emitted: list[str] = []
    engine.subscribe(lambda name, doc: emitted.append(name))
    with pytest.raises(NotAuthorized, match="may not store"):
        engine(bp.count([hardware.det], num=3))
    assert "event" not in emitted
    assert list(tmp_path.rglob("*.bson")) == []
