"""Paths are mapped to this machine, and refused when they leave their roots; on real files and links."""

from __future__ import annotations

import os
import pickle
import socket
import warnings
from pathlib import Path

import pytest

from databroker_mongo.assets import Resource, Roots
from databroker_mongo.errors import AssetUnreadable, CatalogWarning, PathNotAllowed

unset = pytest.mark.filterwarnings("ignore:no allowed_roots are set:databroker_mongo.errors.CatalogWarning")


def resource(root: str | Path = "", path: str | Path = "", **kwargs) -> Resource:
    semantics = kwargs.pop("path_semantics", "posix")
    return Resource(uid="r1", spec="AD_TIFF", root=str(root), path=str(path), kwargs=kwargs, path_semantics=semantics)


def at_uri(uri: str) -> Resource:
    return Resource.from_stream_document({"uid": "s1", "mimetype": "application/x-hdf5", "uri": uri})


def check(roots: Roots, files: list, resource: Resource) -> None:
    roots.check_files(files, roots.locate(resource))


@pytest.fixture
def inside(tmp_path) -> Path:
    """A directory with a file ``a/scan.h5``, beside ``outside`` with ``secret.h5``."""
    for name in ("inside/a/scan.h5", "outside/secret.h5"):
        file = tmp_path / name
        file.parent.mkdir(parents=True)
        file.write_bytes(b"data")
    return tmp_path / "inside"


@pytest.fixture
def outside(inside) -> Path:
    return inside.parent / "outside"


class TestMapping:
    """Where a path is on this machine."""

    @pytest.mark.parametrize(
        ("key", "root", "path"),
        [
            ("/beamline", "/beamline", "a/scan.h5"),
            ("/beamline/", "/beamline", "a/scan.h5"),
            ("/beamline", "/beamline/", "a/scan.h5"),
            ("/beamline/2020", "/beamline", "2020/a/scan.h5"),
            ("/beamline", "/", "beamline/a/scan.h5"),
            ("/beamline", "", "/beamline/a/scan.h5"),
            ("/beamline", "/elsewhere", "/beamline/a/scan.h5"),
            ("file://localhost/beamline", "/beamline", "a/scan.h5"),
            ("", "", "a/scan.h5"),
        ],
    )
    def test_a_prefix_of_the_whole_path_is_replaced(self, inside, key, root, path):
        roots = Roots({key: str(inside)}, [str(inside)])

        assert roots.locate(resource(root, path)).path == inside / "a/scan.h5"

    def test_a_key_matches_whole_components_only(self, inside):
        roots = Roots({"/a/b": str(inside)}, ["/"])

        assert roots.locate(resource("/a/bc", "x")).path == Path("/a/bc/x")

    def test_the_longest_key_wins_in_any_order(self, inside, outside):
        maps = {"/a": str(outside), "/a/b": str(inside), "/": str(outside)}

        for order in (maps, dict(reversed(maps.items()))):
            assert Roots(order, ["/"]).locate(resource("/a", "b/c")).path == inside / "c"

    @pytest.mark.parametrize(("root", "path"), [("Z:\\Data", "a\\scan.h5"), ("z:/data", "a/scan.h5")])
    def test_windows_paths_are_mapped_whatever_their_case_and_slashes(self, inside, root, path):
        roots = Roots({"Z:\\data": str(inside)}, [str(inside)])

        assert roots.locate(resource(root, path, path_semantics="windows")).path == inside / "a/scan.h5"

    @pytest.mark.parametrize("key", ["file://detector7/share", "\\\\detector7\\share", "/share"])
    def test_a_uri_of_another_host_is_mapped(self, inside, key):
        roots = Roots({key: inside.as_uri()}, [str(inside)])

        assert roots.locate(at_uri("file://detector7/share/a/scan.h5")).path == inside / "a/scan.h5"

    def test_an_entry_for_the_host_comes_before_one_for_the_path(self, inside, outside):
        roots = Roots({"/share/a": str(outside), "file://detector7/share": str(inside)}, [str(inside)])

        assert roots.locate(at_uri("file://detector7/share/a/scan.h5")).path == inside / "a/scan.h5"

    def test_a_uri_of_this_host_is_local(self, inside):
        uri = f"file://{socket.gethostname()}{inside}/a/scan.h5"

        assert Roots(None, [str(inside)]).locate(at_uri(uri)).path == inside / "a/scan.h5"

    @pytest.mark.parametrize(
        "placed",
        [
            at_uri("file://detector7/share/scan.h5"),
            at_uri("s3://bucket/scan.h5"),
            resource("Z:\\data", "scan.h5", path_semantics="windows"),
        ],
        ids=["host", "bucket", "drive"],
    )
    @pytest.mark.skipif(os.name == "nt", reason="Windows opens shares and drives by itself")
    def test_a_place_that_is_not_on_this_machine_asks_for_an_entry_of_the_map(self, placed):
        with pytest.raises(AssetUnreadable, match="root_map") as caught:
            Roots(None, ["/"]).locate(placed)

        assert caught.value.resource_uid == placed.uid
        assert caught.value.host == socket.gethostname()

    def test_of_two_spellings_of_one_key_the_last_counts(self, inside, outside):
        """The maps of a site, of a catalog and of a program are put together in this order."""
        roots = Roots({"/a": str(outside), "/a/": str(inside)}, [str(inside)])

        assert roots.locate(resource("/a", "a/scan.h5")).path == inside / "a/scan.h5"


def escapes(inside: Path, outside: Path) -> dict[str, Resource]:
    (inside / "link").symlink_to(outside)
    (inside / "a/link.h5").symlink_to(outside / "secret.h5")
    return {
        "dots": resource(inside, "../outside/secret.h5"),
        "dots further down": resource(inside, "a/../../outside/secret.h5"),
        "link to a directory": resource(inside, "link/secret.h5"),
        "link to a file": resource(inside, "a/link.h5"),
        "dots in the root": resource(inside / "../outside", "secret.h5"),
        "dots in a path without root": resource("", inside / "../outside/secret.h5"),
        "dots below the top": resource("/", f"{inside}/../outside/secret.h5"),
        "dots in a URI": at_uri(f"file://localhost{inside}/%2e%2e/outside/secret.h5"),
        "file name with dots": resource(inside, "a", template="%s%s_%d.tiff", filename="../../outside/secret"),
        "template with dots": resource(inside, "a", template="%s../../outside/%s_%d.tiff", filename="secret"),
        "absolute template": resource(inside, "a", template=f"{outside}/%s_%d.tiff", filename="secret"),
        "absolute template with braces": resource(inside, "a", template=f"{outside}/secret_{{:d}}.tiff"),
        "null character": resource(inside, "a\0b"),
    }


def absolute(inside: Path, outside: Path) -> dict[str, Resource]:
    return {
        "absolute path": resource(inside, outside / "secret.h5"),
        "root is the top": resource("/", str(outside / "secret.h5")[1:]),
        "no root": resource("", outside / "secret.h5"),
        "uri": at_uri((outside / "secret.h5").as_uri()),
    }


ESCAPES = [
    "dots", "dots further down", "link to a directory", "link to a file", "dots in the root",
    "dots in a path without root", "dots below the top", "dots in a URI", "file name with dots", "template with dots",
    "absolute template", "absolute template with braces", "null character",
]  # fmt: skip
ABSOLUTE = ["absolute path", "root is the top", "no root", "uri"]


class TestRefusal:
    """Which paths may not be read."""

    @pytest.mark.parametrize("case", [*ESCAPES, *ABSOLUTE])
    def test_nothing_outside_the_allowed_roots_is_read(self, inside, outside, case):
        planted = {**escapes(inside, outside), **absolute(inside, outside)}[case]

        with pytest.raises(PathNotAllowed):
            Roots(None, [str(inside)]).locate(planted)

    @unset
    @pytest.mark.parametrize("case", ESCAPES)
    def test_without_allowed_roots_a_path_may_not_leave_its_root(self, inside, outside, case):
        with pytest.raises(PathNotAllowed):
            Roots().locate(escapes(inside, outside)[case])

    @unset
    @pytest.mark.parametrize("case", ABSOLUTE)
    def test_without_allowed_roots_the_rights_of_the_process_hold(self, inside, outside, case):
        assert Roots().locate(absolute(inside, outside)[case]).path == outside / "secret.h5"

    @unset
    @pytest.mark.parametrize(
        ("root", "path"),
        [
            ("/old", "../outside/secret.h5"),
            ("/old/../outside", "secret.h5"),
            ("/", "old/../outside/secret.h5"),
            ("", "/old/../outside/secret.h5"),
            ("/old", "link/secret.h5"),
        ],
    )
    def test_without_allowed_roots_a_path_may_not_leave_the_target_of_the_map(self, inside, outside, root, path):
        escapes(inside, outside)

        with pytest.raises(PathNotAllowed):
            Roots({"/old": str(inside)}).locate(resource(root, path))

    def test_no_allowed_root_allows_nothing(self, inside):
        with pytest.raises(PathNotAllowed, match="allowed_roots is empty"):
            Roots(None, []).locate(resource(inside, "a/scan.h5"))

    def test_a_name_that_begins_like_an_allowed_root_is_outside(self, inside):
        (inside.parent / "inside2").mkdir()

        with pytest.raises(PathNotAllowed):
            Roots(None, [str(inside)]).locate(resource(inside.parent, "inside2/x"))

    def test_links_are_followed_on_both_sides(self, inside):
        alias = inside.parent / "alias"
        alias.symlink_to(inside)

        assert Roots(None, [str(alias)]).locate(resource(inside, "a/scan.h5")).path == inside / "a/scan.h5"
        assert Roots(None, [str(inside)]).locate(resource(alias, "a/scan.h5")).path == alias / "a/scan.h5"

    def test_dots_that_stay_inside_are_read(self, inside):
        assert Roots(None, [str(inside)]).locate(resource(inside, "a/../a/scan.h5")).path.samefile(inside / "a/scan.h5")

    @pytest.mark.parametrize(
        "keywords",
        [
            {"template": "%s%s_%6.6d.tiff", "filename": "image"},
            {"template": "%s/%s_%d.tiff", "filename": "sub/image..1"},
            {"dataset": "/entry/data/data"},
            {"key": "entry/instrument/detector/data", "frame_per_point": 1},
        ],
    )
    def test_ordinary_keywords_are_no_paths(self, inside, keywords):
        assert Roots(None, [str(inside)]).locate(resource(inside, "a", **keywords)).path == inside / "a"

    @pytest.mark.parametrize("template", ["%06d.tiff", "image_{:06d}.tiff"])
    def test_an_absolute_template_inside_is_read(self, inside, template):
        keywords = {"template": f"{inside}/{template}"}
        assert Roots(None, [str(inside)]).locate(resource(inside, "a", **keywords)).path == inside / "a"

    def test_the_error_names_both_paths_and_where_it_happened(self, inside, outside):
        roots = Roots({"/old": str(inside)}, [str(inside)])

        with pytest.raises(PathNotAllowed) as caught:
            roots.locate(resource("/old", "../outside/secret.h5"))

        error = caught.value
        assert error.path == f"{inside}/../outside/secret.h5"
        assert error.document_path == "/old/../outside/secret.h5"
        assert (error.root, error.spec, error.resource_uid) == ("/old", "AD_TIFF", "r1")
        assert error.host == socket.gethostname()
        assert os.path.ismount(error.mount)
        assert str(inside).startswith(error.mount)
        assert str(outside / "secret.h5") in str(error)
        assert str(inside) in str(error)


@unset
class TestFiles:
    """Files that a handler is going to open."""

    def test_a_file_under_the_allowed_roots_is_read(self, inside):
        check(Roots(None, [str(inside)]), [inside / "other/image_1.tiff"], resource(inside, "a"))

    def test_a_file_outside_the_allowed_roots_is_refused(self, inside, outside):
        with pytest.raises(PathNotAllowed) as caught:
            check(Roots(None, [str(inside)]), [outside / "secret.h5"], resource(inside, "a"))

        assert caught.value.path == str(outside / "secret.h5")

    def test_a_link_to_outside_is_refused(self, inside, outside):
        (inside / "image_1.tiff").symlink_to(outside / "secret.h5")

        with pytest.raises(PathNotAllowed):
            check(Roots(None, [str(inside)]), [str(inside / "image_1.tiff")], resource(inside, "a"))

    def test_without_allowed_roots_files_stay_under_the_mapped_root(self, inside, outside):
        roots = Roots({"/old": str(inside)})

        check(roots, [inside / "other/image_1.tiff"], resource("/old", "a"))
        with pytest.raises(PathNotAllowed):
            check(roots, [outside / "secret.h5"], resource("/old", "a"))

    @pytest.mark.parametrize("placed", ["root is the top", "no root", "uri"])
    def test_without_any_root_files_stay_in_the_directory_of_the_resource(self, inside, outside, placed):
        located = absolute(inside, outside)[placed]

        check(Roots(), [outside / "image_1.tiff"], located)
        with pytest.raises(PathNotAllowed):
            check(Roots(), [inside / "a/scan.h5"], located)

    def test_sources_beside_the_target_of_a_link_are_read(self, inside, outside):
        (inside / "master.h5").symlink_to(outside / "secret.h5")

        check(Roots(), [outside / "image_1.h5"], at_uri((inside / "master.h5").as_uri()))


class TestWarning:
    """What the owner of a catalog is told."""

    def test_a_catalog_without_allowed_roots_warns_once(self, inside):
        roots = Roots()

        with pytest.warns(CatalogWarning, match="allowed_roots"):
            roots.locate(resource(inside, "a/scan.h5"))
        with warnings.catch_warnings(action="error"):
            roots.locate(resource(inside, "a/scan.h5"))

    def test_a_catalog_with_allowed_roots_does_not_warn(self, inside):
        with warnings.catch_warnings(action="error"):
            Roots(None, [str(inside)]).locate(resource(inside, "a/scan.h5"))


class TestExplanation:
    """The text of what is tried."""

    def test_it_tells_entry_path_and_whether_the_file_is_there(self, inside):
        text = Roots({"/old": str(inside)}, [str(inside)]).explain(resource("/old", "a/scan.h5"))

        assert f"/old -> {inside}" in text
        assert str(inside / "a/scan.h5") in text
        assert "it is there" in text
        assert "refused" not in text

    def test_it_tells_why_a_path_is_refused(self, inside, outside):
        text = Roots(None, [str(inside)]).explain(resource(outside, "secret.h5"))

        assert "no entry" in text
        assert "refused" in text
        assert str(outside) in text

    def test_it_names_the_entries_that_do_not_match(self):
        text = Roots({"/old": "/new"}, ["/"]).explain(at_uri("s3://bucket/x"))

        assert "/old" in text
        assert "nowhere" in text
        assert "root_map" in text

    def test_it_does_not_warn(self, inside):
        with warnings.catch_warnings(action="error"):
            Roots().explain(resource(inside, "a/scan.h5"))


def test_roots_travel(inside):
    roots = pickle.loads(pickle.dumps(Roots({"/old": str(inside)}, [str(inside)])))

    assert roots.locate(resource("/old", "a/scan.h5")).path == inside / "a/scan.h5"


class TestOnceMore:
    """The route to a resource is kept; what is on the disk, and where this process works, is looked at each time."""

    def test_a_link_that_was_changed_since_is_refused(self, inside, outside):
        link = inside / "b"
        link.symlink_to(inside / "a")
        roots = Roots(None, [str(inside)])
        assert roots.locate(resource(inside, "b/scan.h5")).path == link / "scan.h5"

        link.unlink()
        link.symlink_to(outside)

        with pytest.raises(PathNotAllowed, match=str(outside)):
            roots.locate(resource(inside, "b/secret.h5"))
        with pytest.raises(PathNotAllowed, match=str(outside)):
            check(roots, [link / "secret.h5"], resource(inside, "a/scan.h5"))

    def test_an_allowed_root_that_was_changed_since_allows_what_it_leads_to_now(self, inside, outside):
        alias = inside.parent / "alias"
        alias.symlink_to(inside)
        roots = Roots(None, [str(alias)])
        assert roots.locate(resource(inside, "a/scan.h5")).path == inside / "a/scan.h5"

        alias.unlink()
        alias.symlink_to(outside)

        with pytest.raises(PathNotAllowed):
            roots.locate(resource(inside, "a/scan.h5"))
        assert roots.locate(resource(outside, "secret.h5")).path == outside / "secret.h5"

    def test_a_relative_path_is_one_of_the_directory_worked_in_now(self, inside, outside, monkeypatch):
        roots = Roots(None, [str(inside), str(outside)])
        for folder, name in ((inside, "a/scan.h5"), (outside, "a/scan.h5")):
            monkeypatch.chdir(folder)
            assert roots.locate(resource("", name)).path == folder / name

    def test_resources_of_one_path_and_several_roots_are_told_apart(self, inside, outside):
        roots = Roots(None, ["/"])
        for folder in (inside, outside, inside):
            assert roots.locate(resource(folder, "x.h5")).path == folder / "x.h5"


class TestAbsence:
    """A whole root that is not on this machine, as when nothing is mounted."""

    @pytest.mark.parametrize(
        ("root", "path", "directory"),
        [
            ("gone/data", "a/scan.h5", "gone/data"),
            ("gone/data", "scan.h5", "gone/data"),
            (None, "gone/data/a/scan.h5", "gone"),
            ("URI", "gone/data/a/scan.h5", "gone"),
            ("here", "a/b/scan.h5", "here/a"),
            ("empty", "a/scan.h5", "empty"),
            ("empty", "", "empty"),
            (None, "empty/scan.h5", "empty"),
            ("URI", "empty/scan.h5", "empty"),
        ],
    )
    def test_the_remedy_is_the_entry_of_the_directory_that_is_not_there(self, tmp_path, root, path, directory):
        for name in ("here", "here/else", "empty"):
            (tmp_path / name).mkdir()
        if root == "URI":
            document = at_uri(f"file://localhost{tmp_path / path}")
        else:
            document = resource("", tmp_path / path) if root is None else resource(tmp_path / root, path)
        absence = Roots(allowed_roots=["/"]).absence(document)
        assert absence.directory == tmp_path / directory
        assert f"root_map: {{'{tmp_path / directory}': '/where/it/is/here'}}" in absence.remedy
        assert socket.gethostname() in absence.remedy
        assert ("empty," in absence.remedy) is (directory == "empty")

    @pytest.mark.parametrize("path", ["a/scan.h5", "a/another.h5", "a"])
    def test_a_file_alone_that_is_missing_has_none(self, inside, path):
        assert Roots(allowed_roots=["/"]).absence(resource(inside, path)) is None

    def test_an_entry_that_leads_nowhere_is_to_be_corrected(self, tmp_path):
        nowhere = str(tmp_path / "mnt/gone")
        for document in (resource("/nsls2/data", "x/a.h5"), at_uri("file://localhost/nsls2/data/a.h5")):
            absence = Roots({"/nsls2": nowhere}, ["/"]).absence(document)
            assert f"correct the entry of root_map that leads there: {{'/nsls2': '{nowhere}'}}" in absence.remedy

    def test_below_an_entry_that_is_there_a_longer_one_is_the_remedy(self, inside):
        absence = Roots({"/nsls2": str(inside)}, ["/"]).absence(resource("/nsls2/data", "x/a.h5"))
        assert absence.directory == inside / "data"
        assert "root_map: {'/nsls2/data': '/where/it/is/here'}" in absence.remedy

    def test_a_directory_that_may_not_be_looked_at_is_not_called_absent(self, inside, monkeypatch):
        def refuse(path, **_):
            raise PermissionError(13, "Permission denied", str(path))

        monkeypatch.setattr(Path, "stat", refuse)
        assert Roots(allowed_roots=["/"]).absence(resource("/gone", "a.h5")) is None

    @pytest.mark.parametrize("path", ["a\0b/c", "../../a/b"])
    def test_what_is_no_path_has_none(self, inside, path):
        with pytest.raises(PathNotAllowed, match=r"not a path|not under|leads out"):
            Roots(allowed_roots=[str(inside)]).locate(resource(inside, path))

    def test_a_root_that_is_neither_here_nor_allowed_is_a_matter_of_the_root_map(self, inside):
        with pytest.raises(PathNotAllowed, match=r"root_map: \{'/nsls2/data': ") as caught:
            Roots(allowed_roots=[str(inside)]).locate(resource("/nsls2/data", "a/scan.h5"))
        assert caught.value.missing_directory == "/nsls2/data"
