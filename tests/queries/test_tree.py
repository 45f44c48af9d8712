"""How questions are written, combined, compared and shown."""

import pickle

import numpy as np
import pytest

from databroker_mongo import FullText
from databroker_mongo.errors import QueryError
from databroker_mongo.queries import (
    All,
    And,
    Comparison,
    Contains,
    Duration,
    Eq,
    Exists,
    HasDevice,
    In,
    InProgress,
    Key,
    Not,
    NotEq,
    NotIn,
    Or,
    PartialUID,
    Raw,
    Regex,
    ScanID,
    ScanIDRange,
    from_keywords,
    scope_of,
)


def test_a_key_is_compared_to_make_a_question():
    assert (Key("sample.name") == "Ni") == Eq("sample.name", "Ni")
    assert (Key("a") != 1) == NotEq("a", 1)
    assert [Key("a") < 1, Key("a") <= 1, Key("a") > 1, Key("a") >= 1] == [
        Comparison(name, "a", 1) for name in ("lt", "le", "gt", "ge")
    ]


def test_combined_questions_are_flat_and_the_question_of_every_run_drops_out():
    a, b, c = Eq("a", 1), Eq("b", 2), Eq("c", 3)
    assert a & b & c == And((a, b, c)) == a & (b & c)
    assert a | b | c == Or((a, b, c))
    assert All() & a == a
    assert ~~a == a


def test_a_question_reads_as_the_code_that_makes_it():
    query = (Eq("plan_name", "count") | ScanID(5, 6)) & ~In("sample.name", ["Ni", "Cu"]) & Raw({"n": {"$gt": 3}})
    assert repr(query) == (
        "(Eq('plan_name', 'count') | ScanID(5, 6, duplicates='latest')) & ~In('sample.name', ['Ni', 'Cu']) "
        "& Raw({'n': {'$gt': 3}})"
    )
    assert eval(repr(query)) == query


@pytest.mark.parametrize(
    "query",
    [
        Eq("a", {"b": [1]}),
        Regex("a", "^b"),
        PartialUID("AB-1"),
        ScanIDRange(1, 3),
        Duration("gt", 60),
        FullText("Ni foil"),
    ],
)
def test_a_question_is_the_same_after_a_pickle_and_after_its_own_repr(query):
    assert pickle.loads(pickle.dumps(query)) == query
    assert eval(repr(query)) == query


def test_a_question_is_neither_true_nor_false():
    with pytest.raises(TypeError, match=r"combine queries with & \| ~"):
        bool(Eq("a", 1) and Eq("b", 2))


def test_a_question_cannot_be_changed():
    query = Raw({"a": 1})
    with pytest.raises(AttributeError):
        query.filter = {}
    given = {"a": [1]}
    query = Raw(given)
    given["a"].append(2)
    assert query == Raw({"a": [1]})


def test_a_list_of_values_is_not_changed_from_outside():
    values = ["pass-1"]
    scope = In("data_session", values)
    values.append("pass-2")
    assert scope == In("data_session", ("pass-1",))
    assert not hasattr(scope.value, "append")
    assert len({scope, In("data_session", ["pass-1"])}) == 1


def test_values_of_numpy_are_taken_as_plain_ones():
    assert Eq("a", np.int64(3)) == Eq("a", 3)
    assert type(Eq("a", np.float32(0.5)).value) is float
    assert In("a", np.array([1, 2])) == In("a", [1, 2])
    assert ScanID(np.int32(5)) == ScanID(5)
    assert Raw({"a": {"$in": np.arange(2)}}) == Raw({"a": {"$in": [0, 1]}})


def test_keywords_are_questions_about_other_documents():
    asked = from_keywords(stop={"exit_status": "fail"}, in_progress=False, device="eiger", duration_gt=60)
    expected = Raw({"exit_status": "fail"}, "stop") & ~InProgress() & HasDevice("eiger") & Duration("gt", 60)
    assert asked == expected
    assert from_keywords() == All()
    assert from_keywords(in_progress=True) == InProgress()


def test_any_other_keyword_is_a_type_error_that_says_how_metadata_are_asked():
    with pytest.raises(TypeError, match=r"no keyword 'plan_name'.*search\(\{'plan_name': \.\.\.\}\)"):
        from_keywords(plan_name="count", stream="primary")
    with pytest.raises(TypeError, match=r"search\(TimeRange\(since=\.\.\.\)\)"):
        from_keywords(since="2024-03")


@pytest.mark.parametrize(
    "make",
    [
        lambda: Eq("", 1),
        lambda: Eq("a..b", 1),
        lambda: Eq("stop.", 1),
        lambda: Eq("$expr", {"$function": {}}),
        lambda: Eq("a.$where", 1),
        lambda: Eq("a", {"$gt": ""}),
        lambda: Eq("a", [{"b": {"$ne": 1}}]),
        lambda: In("a", [{"$regex": "x"}]),
        lambda: In("a", "Ni"),
        lambda: In("a", {"$gt": ""}),
        lambda: scope_of({"data_session": {"$gt": ""}}),
        lambda: NotIn("a", 5),
        lambda: Eq("a", object()),
        lambda: Eq("a", np.datetime64("2020-03-05T12:30:15.123456789")),
        lambda: Raw({"time": {"$gt": np.datetime64("2020-03-05T12:30:15.123456789")}}),
        lambda: Eq("a", 2**63),
        lambda: Eq("a", "\ud800"),
        lambda: Comparison("eq", "a", 1),
        lambda: Key("a") < None,
        lambda: Contains("a", {1, 2}),
        lambda: Exists(5),
        lambda: PartialUID(""),
        lambda: PartialUID(".*"),
        lambda: PartialUID("xyz"),
        lambda: ScanID(1.5),
        lambda: ScanID(True),
        lambda: ScanID(1, duplicates="first"),
        lambda: FullText("  "),
        lambda: HasDevice("a.b"),
        lambda: Duration("gt", "60"),
        lambda: from_keywords(in_progress=1),
        lambda: from_keywords(stream=5),
    ],
)
def test_what_cannot_be_asked_is_a_query_error(make):
    with pytest.raises(QueryError):
        make()


def test_a_question_that_is_not_a_query_is_not_combined_with_one():
    with pytest.raises(TypeError):
        Eq("a", 1) & {"b": 2}
    with pytest.raises(TypeError):
        Eq("a", 1) | None


def test_not_has_no_effect_on_what_it_wraps():
    assert repr(Not(Eq("a", 1) & Eq("b", 1))) == "~(Eq('a', 1) & Eq('b', 1))"
