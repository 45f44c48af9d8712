"""The absorption runs hold what the published tutorial reads and looks for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from databroker_mongo.tutorial import bmm_documents

SPLIT = datetime(2020, 3, 5, tzinfo=UTC).timestamp()
DAY = 86400.0


class Recorded:
    """The documents by kind, to ask them as a catalog would be asked."""

    def __init__(self) -> None:
        self.documents = list(bmm_documents())

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [document for name, document in self.documents if name == kind]

    def start(self, scan_id: int) -> dict[str, Any]:
        return [start for start in self.of("start") if start["scan_id"] == scan_id][-1]

    def descriptor(self, scan_id: int, stream: str) -> dict[str, Any]:
        uid = self.start(scan_id)["uid"]
        return next(d for d in self.of("descriptor") if (d["run_start"], d["name"]) == (uid, stream))

    def column(self, scan_id: int, key: str) -> Any:
        uid = self.descriptor(scan_id, "primary")["uid"]
        return np.array([event["data"][key] for event in self.of("event") if event["descriptor"] == uid])


def ripple(values: Any) -> float:
    points = np.arange(len(values))
    return float(np.std(values - np.polynomial.Polynomial.fit(points, values, 1)(points)))


@pytest.fixture(scope="module")
def bmm() -> Recorded:
    return Recorded()


def test_the_run_of_the_tutorial_is_a_nickel_k_edge_of_411_points(bmm):
    start = bmm.start(23463)
    assert start["XDI"]["Element"] == {"edge": "K", "symbol": "Ni"}
    assert start["XDI"]["Scan"]["edge_energy"] == 8332.8
    assert start["num_points"] == 411
    assert bmm.column(23463, "I0").shape == (411,)


def test_the_energies_go_in_steps_of_10_then_2_then_a_third_of_an_electronvolt_then_equal_wavenumbers(bmm):
    above = bmm.column(23463, "dcm_energy_setpoint") - 8332.8
    steps = np.diff(above)
    assert above[0] == pytest.approx(-200.0)
    np.testing.assert_allclose(steps[above[:-1] < -30.1], 10.0)
    np.testing.assert_allclose(steps[(above[:-1] > -30.1) & (above[:-1] < -10.1)], 2.0)
    np.testing.assert_allclose(steps[(above[:-1] > -10.1) & (above[:-1] < 15.4)], 0.3)
    wavenumbers = np.sqrt(0.2624683 * above[above > 15.4])
    assert wavenumbers[-1] == pytest.approx(15.0, abs=1e-3)
    np.testing.assert_allclose(np.diff(wavenumbers), np.diff(wavenumbers).mean(), atol=0.003)


def test_the_incident_current_is_near_135_nanoampere_and_falls(bmm):
    incident = bmm.column(23463, "I0")
    assert incident[0] == pytest.approx(135.0, abs=0.5)
    assert 100.0 < incident[-1] < incident[0]


def test_the_absorption_shows_an_edge_and_fine_structure_that_fades(bmm):
    energies = bmm.column(23463, "dcm_energy")
    absorption = np.log(bmm.column(23463, "I0") / bmm.column(23463, "It"))
    edge = energies[np.argmax(np.gradient(absorption, energies))]
    assert edge == pytest.approx(8332.8, abs=8.0)
    assert absorption[(energies > 8400)].mean() - absorption[energies < 8320].mean() > 0.7
    assert ripple(absorption[(energies > 8400) & (energies < 8550)]) > 10 * ripple(absorption[energies > 9040]) > 0


def test_the_reference_foil_has_its_edge_too(bmm):
    absorption = np.log(bmm.column(23463, "It") / bmm.column(23463, "Ir"))
    assert absorption.max() - absorption.min() > 0.7


def test_the_columns_are_those_of_the_tutorial_in_its_order(bmm):
    keys = list(bmm.descriptor(23463, "primary")["data_keys"])
    assert keys == [
        *("I0", "It", "Ir", "dwti_dwell_time", "dwti_dwell_time_setpoint", "dcm_energy", "dcm_energy_setpoint")
    ]


def test_the_electrometer_has_configuration_and_the_monochromator_has_none(bmm):
    descriptor = bmm.descriptor(23463, "primary")
    assert descriptor["data_keys"]["I0"]["object_name"] == "quadem1"
    configuration = descriptor["configuration"]["quadem1"]
    assert set(configuration["data"]) == set(configuration["data_keys"]) == set(configuration["timestamps"]) != set()
    assert descriptor["configuration"]["dcm_energy"] == {"data": {}, "timestamps": {}, "data_keys": {}}


def test_the_baseline_has_many_columns_and_two_rows(bmm):
    descriptor = bmm.descriptor(23463, "baseline")
    assert len(descriptor["data_keys"]) > 40
    assert sum(event["descriptor"] == descriptor["uid"] for event in bmm.of("event")) == 2


def test_the_start_document_describes_the_scan(bmm):
    start = bmm.start(23463)
    assert start["motors"] == ["dcm_energy", "dwti_dwell_time"]
    assert start["hints"]["dimensions"] == [[["dcm_energy", "dwti_dwell_time"], "primary"]]
    assert start["XDI"]["Mono"]["d_spacing"] == "3.1353241"
    assert start["XDI"]["Column"] == {}
    assert {"Beamline", "Detector", "Facility", "Sample"} < set(start["XDI"])


def test_there_are_a_couple_of_dozen_runs_on_both_sides_of_the_date_searched_for(bmm):
    times = [start["time"] for start in bmm.of("start")]
    assert len(times) == 24
    assert times == sorted(times)
    assert min(abs(time - SPLIT) for time in times) > 1.5 * DAY
    assert 0 < sum(time > SPLIT for time in times) < len(times)


def test_every_search_of_the_tutorial_finds_some_runs_and_not_all(bmm):
    starts = bmm.of("start")
    recent = [start for start in starts if start["time"] > SPLIT]
    manganese = [start for start in starts if start["XDI"]["Element"]["symbol"] == "Mn"]
    assert 0 < sum(start["num_points"] > 400 for start in recent) < len(recent)
    assert 1 < len(manganese) < len(starts)
    assert 0 < sum(start["XDI"]["Scan"]["edge_energy"] <= 6539.0 for start in manganese) < len(manganese)


def test_the_uids_that_the_tutorial_types_are_there(bmm):
    uids = [start["uid"] for start in bmm.of("start")]
    assert "c07e765b-ce5c-4c75-a16e-06f66546c1d4" in uids
    assert sum(uid.startswith("c07e765") for uid in uids) == 1
    assert sum(uid.startswith("a") for uid in uids) == 2


def test_one_run_was_aborted_and_one_scan_id_was_used_twice(bmm):
    assert [stop["exit_status"] for stop in bmm.of("stop")].count("abort") == 1
    scan_ids = [start["scan_id"] for start in bmm.of("start")]
    assert len(scan_ids) - len(set(scan_ids)) == 1
    assert scan_ids.count(23463) == 1
