"""What is printed of tables of columns and files: faults first, the same told once, and how many are ok."""

from __future__ import annotations

import pickle

import pandas
import pytest

from databroker_mongo.health.tables import FilesTable, HealthTable

HEALTH = ["stream", "data_key", "status", "shape", "dtype", "reason", "facts"]
FILES = ["path", "exists", "size_bytes", "spec", "resource_uid", "reason", "facts"]
REMEDY = "On lab1 /nsls2/data is not there. Mount it, or say where it is with root_map: {'/nsls2/data': '/where'}"


@pytest.fixture(autouse=True)
def narrow(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")


def column(stream, key, status="ok", reason="", **facts):
    return (stream, key, status, (5,), "float64", reason, facts)


def health(*rows):
    return HealthTable(list(rows), columns=HEALTH)


def file(path, exists=True, size=1000, reason="", spec="AD_TIFF", **facts):
    return (path, exists, size if exists else None, spec, "r1", reason, facts)


def files(*rows):
    return FilesTable(list(rows), columns=FILES).astype({"size_bytes": "Int64"})


def lost(stream, key, uid, path):
    reason = f"the data of resource {uid!r} cannot be read: {path} is missing. {REMEDY}"
    facts = {"run_uid": "run", "resource_uid": uid, "path": "/nsls2/data", "host": "lab1", "mount": "/"}
    return column(stream, key, "unreadable", reason, missing_directory="/nsls2/data", **facts)


def test_of_a_healthy_run_one_line_is_printed():
    rows = [column("baseline", f"m{n}") for n in range(50)] + [column("primary", f"d{n}") for n in range(7)]
    assert repr(health(*rows)) == "57 columns in 2 streams: all ok"
    assert repr(health(column("primary", "x"))) == "1 column in 1 stream: all ok"
    assert repr(health()) == "0 columns in 0 streams"


def test_columns_that_miss_one_directory_are_told_together_with_the_remedy_once():
    rows = [column("primary", "I0")]
    rows += [lost("primary", "saxs", "r1", "/nsls2/data/a"), lost("primary", "waxs", "r2", "/nsls2/data/b")]
    rows.append(lost("dark", "saxs", "r1", "/nsls2/data/c"))
    finding = {"missing-files": {"missing_directory": "/nsls2/data", "n": 3, "paths": ["/nsls2/data/a"] * 10}}
    rows.append(column("", "", "note", f"3 of 3 files below '/nsls2/data' are not there. {REMEDY}.", **finding))
    printed = repr(health(*rows))
    assert printed.splitlines()[0] == "4 columns in 2 streams: 3 unreadable, 1 ok; 1 note on the run or a stream"
    assert printed.count("unreadable") == 2
    assert "  primary  saxs, waxs\n  dark     saxs\n" in printed
    assert printed.count("root_map") == printed.count("Mount it") == 1
    assert printed.count("/nsls2/data/") == 1
    assert "host: lab1" in printed
    assert "resource uid" not in printed, "they differ"
    assert printed.index("unreadable\n") < printed.index("note\n  the run\n") < printed.index("ok: 1 of primary")
    assert max(map(len, printed.splitlines())) <= 80


def test_faults_stand_before_notes_and_notes_before_what_is_ok():
    rows = [column("primary", "a"), column("primary", "b", "note", "declared otherwise")]
    rows += [
        column("primary", "c", "unreadable", "it is broken", path="/x"),
        column("dark", "b", "note", "declared otherwise"),
    ]
    assert repr(health(*rows)).splitlines() == [
        "4 columns in 2 streams: 1 unreadable, 2 with a note, 1 ok",
        "unreadable",
        "  primary  c",
        "      it is broken",
        "        path: /x",
        "note",
        "  primary  b",
        "  dark     b",
        "      declared otherwise",
        "ok: 1 of primary",
    ]


def test_what_is_found_about_an_unreadable_column_is_told_with_it():
    finding = {"missing-datum": {"datum_ids": ["a", "b", "c", "d"]}}
    rows = [column("primary", key, "unreadable", "no datum", **finding) for key in ("x", "y")]
    rows.append(column("primary", "z", "unreadable", "no datum"))
    printed = repr(health(*rows))
    assert printed.count("missing datum") + printed.count("missing-datum") == 1
    assert "datum_ids a, b, c, ..." in printed
    assert "  primary  x, y\n" in printed
    assert "  primary  z\n" in printed


def test_many_reasons_are_cut_and_counted():
    printed = repr(health(*(column("primary", f"x{n}", "unreadable", f"reason {n}") for n in range(50))))
    assert printed.splitlines()[0] == "50 columns in 1 stream: 50 unreadable"
    assert printed.endswith("and 20 more")


def test_many_names_are_wrapped_and_none_is_left_out():
    rows = [column("primary", f"a_rather_long_name_{n}", "note", "the same") for n in range(40)]
    printed = repr(health(*rows))
    assert all(f"a_rather_long_name_{n}" in printed for n in range(40))
    assert max(map(len, printed.splitlines())) <= 80


def test_files_have_a_line_a_folder_and_those_that_are_missing_come_first():
    rows = [file(f"/data/a/{n}.tiff") for n in range(120)] + [file("/data/b/x.h5", spec="AD_HDF5", size=5_200_000)]
    assert repr(files(*rows)).splitlines() == [
        "121 files, 5.32 MB: all there",
        "  120  120 kB  AD_TIFF  /data/a",
        "    1  5.2 MB  AD_HDF5  /data/b/x.h5",
    ]
    rows += [file(f"/data/a/{n}.tiff", exists=False) for n in range(200, 203)]
    printed = repr(files(*rows)).splitlines()
    assert printed[0] == "124 files, 5.32 MB: 3 missing"
    assert printed[1].split() == ["missing", "3", "AD_TIFF", "/data/a"]
    assert len(printed) == 4


def test_files_of_an_absent_directory_tell_the_remedy_once():
    facts = {"reason": REMEDY, "missing_directory": "/nsls2/data"}
    rows = [file(f"/nsls2/data/{day}/{n}", exists=False, **facts) for day in (1, 2) for n in range(3)]
    printed = repr(files(*rows))
    assert printed.splitlines()[0] == "6 files: none is there"
    assert printed.count("root_map") == 1
    assert "/nsls2/data/1\n" in printed
    assert "/nsls2/data/2" in printed


def test_no_files_and_folders_without_a_size_and_odd_paths_are_shown():
    assert repr(files()) == "no files"
    assert "\\x1b" in repr(files(file("/data/\x1b[31m")))
    assert repr(files(file("/data/folder", size=None))).splitlines()[1].split() == ["1", "AD_TIFF", "/data/folder"]
    assert repr(files(*(file(f"/data/{n}/a") for n in range(50)))).endswith("and 20 more folders")


@pytest.mark.parametrize("table", [health(column("primary", "x", "note", "<b>")), files(file("/a", reason="<b>"))])
def test_a_report_is_a_data_frame_that_can_be_cut_pickled_and_shown_on_a_page(table):
    assert isinstance(table, pandas.DataFrame)
    again = pickle.loads(pickle.dumps(table))
    assert repr(again) == repr(table)
    assert repr(table[:1]) == repr(table)
    for name in table.columns:
        part = table[[name]]
        assert repr(part) == repr(pandas.DataFrame(part))
        assert part._repr_html_().count("<table") == 1
    page = table._repr_html_()
    assert "&lt;b&gt;" in page
    assert "<b>" not in page
    assert page.startswith("<p>1 ")


@pytest.mark.parametrize("drop", [True, False])
@pytest.mark.parametrize("names", [["data_key"], ["stream", "data_key"], ["status"], ["shape"]])
def test_rows_may_be_put_under_the_names_of_columns(names, drop):
    table = health(column("primary", "I0"), column("primary", "image", "unreadable", "it is short", path="/a.h5"))
    indexed = table.set_index(names, drop=drop)
    assert repr(indexed) == repr(table)
    assert "path: /a.h5" in repr(indexed)
    assert indexed._repr_html_() == table._repr_html_()


def test_files_may_be_put_under_their_paths():
    table = files(file("/data/a.tiff"), file("/data/b.tiff", exists=False))
    assert repr(table.set_index("path")) == repr(table)


def test_a_status_of_the_users_own_comes_last():
    table = health(column("primary", "a", "mine", "looked at"), column("primary", "b", "offline", "on tape"))
    shown = repr(table)
    assert shown.index("on tape") < shown.index("looked at")


def test_all_rows_stay_in_the_table():
    table = health(*(column("primary", f"x{n}") for n in range(57)))
    assert len(table) == 57
    assert list(table.columns) == HEALTH
    assert table.set_index("data_key").loc["x7", "shape"] == (5,)
