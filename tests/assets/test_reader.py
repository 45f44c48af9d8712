"""Handlers of all levels, good and bad, read into a buffer."""

import numpy as np
import pytest

from databroker_mongo.assets import AssetReader, DatumStructure, HandlerRegistry, Resource, Roots
from databroker_mongo.errors import AssetError, AssetUnreadable, PathNotAllowed, ShapeMismatch, UnknownSpec

PROMISED = DatumStructure((1, 4, 6), np.dtype("u2"))
WHOLE = (slice(0, 1), slice(0, 4), slice(0, 6))


def frame(point):
    return np.arange(24, dtype="u2").reshape(1, 4, 6) + np.uint16(100 * point)


class Classic:
    def __init__(self, path, **kwargs):
        self.path = path

    def __call__(self, point):
        return frame(point)


class Lazy(Classic):
    def __call__(self, point):
        import dask.array

        return dask.array.from_array(frame(point), chunks=2)


class Capable(Classic):
    def structure(self, point):
        return (1, 4, 6), "u2", None

    def read_into(self, out, datums, region):
        for row, datum in zip(out, datums, strict=True):
            row[...] = frame(**datum)[region]


def reader(handler_class, tmp_path, **kwargs):
    return AssetReader(HandlerRegistry({"S": handler_class}, discover=False), Roots(allowed_roots=[str(tmp_path)]))


def resource(tmp_path, spec="S", path="a.dat", **kwargs):
    return Resource(uid="r1", spec=spec, root=str(tmp_path), path=path, kwargs=kwargs)


def read(one, res, region=WHOLE, points=(0, 1)):
    out = np.empty((len(points), *(part.stop - part.start for part in region)), "u2")
    one.read_rows(out, res, [{"point": point} for point in points], region, promised=PROMISED)
    return out


@pytest.mark.parametrize("handler_class", [Classic, Lazy, Capable])
def test_each_level_gives_the_same_numbers(handler_class, tmp_path):
    one = reader(handler_class, tmp_path)
    assert one.structure(resource(tmp_path), {"point": 0})[:2] == ((1, 4, 6), np.dtype("u2"))
    region = (slice(0, 1), slice(1, 3), slice(2, 5))
    points = (3, 0, 3)
    expected = np.stack([frame(point) for point in points])
    np.testing.assert_array_equal(read(one, resource(tmp_path), points=points), expected)
    np.testing.assert_array_equal(read(one, resource(tmp_path), region, points), expected[:, :, 1:3, 2:5])


def failing(where, error):
    class Failing(Classic):
        def __init__(self, path, **kwargs):
            if where == "init":
                raise error

        def __call__(self, point):
            raise error

    return Failing


@pytest.mark.parametrize("where", ["init", "call"])
@pytest.mark.parametrize("error", [RuntimeError("broken"), KeyError("entry"), FileNotFoundError("a.dat"), ValueError()])
def test_whatever_a_handler_raises_is_told_with_all_that_is_known(where, error, tmp_path):
    with pytest.raises(AssetUnreadable, match="resource 'r1' cannot be read") as caught:
        read(reader(failing(where, error), tmp_path), resource(tmp_path))
    assert caught.value.__cause__ is error
    assert caught.value.path == str(tmp_path / "a.dat")
    assert caught.value.spec == "S"
    assert caught.value.resource_uid == "r1"
    assert "Failing" in caught.value.handler
    assert "'point': 0" in caught.value.datum


@pytest.mark.parametrize("handler_class", [Classic, Capable])
def test_of_many_datums_that_are_read_together_the_bad_one_is_named(handler_class, tmp_path):
    class Failing(handler_class):
        def __call__(self, point):
            if point == 3:
                raise OSError("a bad block")
            return super().__call__(point)

        def read_into(self, out, datums, region):
            for row, datum in zip(out, datums, strict=True):
                row[...] = self(**datum)[region]

    out = np.empty((5, 1, 4, 6), "u2")
    datums, ids = [{"point": point} for point in range(5)], [f"r1/{point}" for point in range(5)]
    with pytest.raises(AssetUnreadable, match="a bad block") as caught:
        reader(Failing, tmp_path).read_rows(out, resource(tmp_path), datums, WHOLE, promised=PROMISED, ids=ids)
    assert (caught.value.datum, caught.value.datum_id) == ("{'point': 3}", "r1/3")


def test_what_fails_together_but_not_one_by_one_is_read(tmp_path):
    class Greedy(Capable):
        def read_into(self, out, datums, region):
            if len(datums) > 1:
                raise OSError("too many at once")
            super().read_into(out, datums, region)

    np.testing.assert_array_equal(read(reader(Greedy, tmp_path), resource(tmp_path)), [frame(0), frame(1)])


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((2, 4, 6), "u2"),
        np.zeros((1, 3, 5), "u2"),
        np.zeros((1, 5, 7), "u2"),
        np.zeros((4, 6), "u2"),
        np.full((1, 4, 6), 70000.5),
        None,
        [[1, 2], [3]],
    ],
)
def test_output_of_another_shape_or_dtype_is_refused_never_padded_cropped_or_cast(wrong, tmp_path):
    class Wrong(Classic):
        def __call__(self, point):
            return wrong

    with pytest.raises((ShapeMismatch, AssetUnreadable)):
        read(reader(Wrong, tmp_path), resource(tmp_path))


def test_keywords_that_the_handler_does_not_take_are_told(tmp_path):
    class Strict(Classic):
        def __init__(self, path):
            pass

    with pytest.raises(AssetUnreadable, match="frame_per_point"):
        read(reader(Strict, tmp_path), resource(tmp_path, frame_per_point=2))


def test_an_unknown_spec_and_a_forbidden_path_carry_the_facts_too(tmp_path):
    one = reader(Classic, tmp_path)
    with pytest.raises(UnknownSpec) as unknown:
        read(one, resource(tmp_path, spec="OTHER"))
    assert unknown.value.resource_uid == "r1"
    with pytest.raises(PathNotAllowed) as outside:
        read(one, resource(tmp_path, path="../elsewhere.dat"))
    assert outside.value.spec == "S"


def test_a_file_that_the_handler_names_itself_is_checked_before_it_is_opened(tmp_path):
    class Naming(Capable):
        def get_file_list(self, datum_kwargs):
            return [f"/elsewhere/{each['point']}.dat" for each in datum_kwargs]

        def structure(self, point):
            raise AssertionError("opened")

    with pytest.raises(PathNotAllowed):
        read(reader(Naming, tmp_path), resource(tmp_path))


def test_no_datum_asks_for_nothing(tmp_path):
    read(reader(failing("init", RuntimeError()), tmp_path), resource(tmp_path), points=())


def test_every_failure_is_an_asset_error(tmp_path):
    with pytest.raises(AssetError):
        read(reader(failing("call", ZeroDivisionError()), tmp_path), resource(tmp_path))
