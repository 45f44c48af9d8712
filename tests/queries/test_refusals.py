"""What a raw filter and a regular expression may not hold."""

import re

import pytest
from bson import Code
from bson import Regex as BSONRegex

from databroker_mongo.errors import QueryError
from databroker_mongo.queries import Eq, Raw, Regex

CODE = [
    {"$where": "sleep(1000) || true"},
    {"$expr": {"$function": {"body": "function() {}", "args": [], "lang": "js"}}},
    {"a": {"$not": {"$elemMatch": {"$where": "1"}}}},
    {"$or": [{"a": 1}, {"$and": [{"$nor": [{"$where": "1"}]}]}]},
    {"$expr": {"$eq": [{"$sum": [{"$accumulator": {}}]}, 1]}},
]


@pytest.mark.parametrize("filter", CODE)
@pytest.mark.parametrize("document", ["start", "stop", "descriptor"])
def test_code_is_refused_at_any_depth(filter, document):
    with pytest.raises(QueryError, match="runs code on the server"):
        Raw(filter, document)


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+$",
        "(a*)*b",
        "(?:a|aa)+$",
        "([a-z]+)*!",
        "(.*a){20}",
        "((ab?)c)+",
        r"(\w+\s?)*$",
        "(a?){30}aaa",
        r"(a)\1",
        "(?P<x>a)(?P=x)",
        "(?x) (a+ ) +",
        "a" * 300,
        ".*.*.*.*.*.*x",
        "(",
        "a\0",
        "[[:alpha:]]",
        "[a&&b]",
        "[a--b]",
        "a{,3}",
        r"a\Z",
        r"\u00e9",
        "a?" * 80 + "a" * 80,
        "(a|a)" * 40 + "b",
        "(a|b|c|d)" * 11,
        "a{0,99}" * 5 + "b",
    ],
)
def test_a_pattern_that_is_wrong_or_can_take_forever_is_refused_wherever_it_stands(pattern):
    with pytest.raises(QueryError):
        Regex("a", pattern)
    with pytest.raises(QueryError):
        Raw({"$or": [{"a": {"$not": {"$regex": pattern}}}]})
    for operator in ("$regexMatch", "$regexFind", "$regexFindAll"):
        with pytest.raises(QueryError):
            Raw({"$expr": {"$ne": [{operator: {"input": "$a", "regex": pattern}}, None]}})
    with pytest.raises(QueryError):
        Raw({"$jsonSchema": {"properties": {"a": {"anyOf": [{"pattern": pattern}]}}}})
    with pytest.raises(QueryError):
        Raw({"$jsonSchema": {"properties": {"a": {"patternProperties": {pattern: {}}}}}})


@pytest.mark.parametrize(
    "arguments",
    [
        {"input": "$a", "regex": "$b"},
        {"input": "$a", "regex": {"$concat": ["(a+", ")+"]}},
        {"input": "$a", "regex": {"$literal": "(a+)+"}},
        {"input": "$a", "regex": re.compile("(a+)+")},
        {"input": "$a", "regex": "a +", "options": "x"},
        {"input": "$a", "regex": "a +", "options": {"$toLower": "X"}},
        "$a",
    ],
)
def test_an_expression_takes_only_a_pattern_that_can_be_judged_before_it_is_asked(arguments):
    with pytest.raises(QueryError):
        Raw({"$expr": {"$regexMatch": arguments}})


def test_bounded_patterns_are_allowed_in_expressions_and_schemas():
    Raw({"$expr": {"$regexMatch": {"input": "$a", "regex": "^Ni", "options": "i"}}})
    Raw({"$jsonSchema": {"properties": {"pattern": {"pattern": "^Ni"}}}})
    assert Raw({"pattern": "(a+)+"}).filter == {"pattern": "(a+)+"}


@pytest.mark.parametrize(
    "pattern",
    [
        "^Ni",
        r"^scan_\d{3}(_[a-z]+)?$",
        "^(count|scan|rel_scan)$",
        r"(\d{4}-){2}\d+",
        "[(+*]+x",
        r"\(a+\)+",
        "(?i)nickel.*foil",
        "a{2,5}b*?c",
        "^(?!dark)",
        "[]a]+",
        r"[\[&\]-]",
        "^(" + "|".join("abcdefghijklmnopqrstuvwxyz" * 4) + ")$",
        r"\d{1,3}\.\d{1,3}\.\d{1,3}",
        "a?b?c?d?e?f?g?h?",
        "(Ni|Cu)(_foil)?( \\d{1,4})?",
    ],
)
def test_a_bounded_pattern_is_allowed(pattern):
    assert Regex("a", pattern).pattern == pattern


def test_compiled_patterns_are_bounded_too():
    with pytest.raises(QueryError):
        Raw({"a": {"$in": [re.compile("(a+)+")]}})
    with pytest.raises(QueryError):
        Raw({"a": BSONRegex("(a+)+")})
    with pytest.raises(QueryError, match="Verbose"):
        Raw({"a": re.compile("(a+ ) +", re.VERBOSE)})
    with pytest.raises(QueryError, match="Verbose"):
        Raw({"a": {"$regex": "a +", "$options": "ix"}})
    Raw({"a": re.compile("^Ni", re.IGNORECASE)})


@pytest.mark.parametrize("key", ["stop.exit_status", "descriptor.name", "start.plan_name"])
def test_a_raw_filter_names_fields_without_the_document_and_the_error_says_how_to_ask(key):
    prefix, _, rest = key.partition(".")
    with pytest.raises(QueryError, match=re.escape(f"search({prefix}={{'{rest}': ...}})")):
        Raw({"$and": [{key: 1}]})


@pytest.mark.parametrize("filter", [None, [], "plan", 5, {1: 2}, {"a\0": 1}, {"a": 2**63}, {"a": "\ud800"}])
def test_what_is_no_filter_is_refused(filter):
    with pytest.raises(QueryError):
        Raw(filter)


@pytest.mark.parametrize("filter", [{"a": {"$regex": ["a"]}}, {"a": {"$regex": None}}, {"a": {"$regex": 5}}])
def test_a_pattern_is_a_text(filter):
    with pytest.raises(QueryError, match="must be a string"):
        Raw(filter)


class _Disguised(str):
    """A text that is equal to no other."""

    __hash__ = str.__hash__

    def __eq__(self, other):
        return False


def test_a_text_of_any_kind_is_read_as_its_characters():
    with pytest.raises(QueryError, match="runs code"):
        Raw({_Disguised("$where"): "true"})
    with pytest.raises(QueryError, match="runs code"):
        Raw({"$expr": {_Disguised("$function"): {}}})
    assert type(Raw({"a": Code("function() {}")}).filter["a"]) is str
    assert Raw({"a": {"$regex": Code("^Ni")}}).filter == {"a": {"$regex": "^Ni"}}
    assert type(Eq("a", Code("x")).value) is str


def test_a_filter_of_endless_depth_is_refused():
    filter = {"a": 1}
    for _ in range(100):
        filter = {"$and": [filter]}
    with pytest.raises(QueryError, match="deep"):
        Raw(filter)


def test_operators_that_run_no_code_are_allowed():
    filter = {"a": {"$in": [1, 2], "$exists": True}, "$expr": {"$gt": ["$n", "$m"]}, "stop": 5}
    assert Raw(filter).filter == filter


def test_a_text_in_the_place_of_a_filter_is_refused_with_what_looks_for_words():
    with pytest.raises(QueryError, match=r"not str\. FullText\('nickel'\) searches for words"):
        Raw("nickel")
