"""The policy for runs alone: who is in which session, and what is made of it."""

from __future__ import annotations

import asyncio
import logging
from types import SimpleNamespace

import pytest
from fastapi import HTTPException
from tiled.access_control.access_policies import ALL_ACCESS, NO_ACCESS
from tiled.adapters.mapping import MapAdapter

from databroker_mongo.errors import ConfigurationError
from databroker_mongo.queries import UNTAGGED
from databroker_mongo.tiled.access import SessionsPolicy
from databroker_mongo.tiled.paging import Cache

READING = {"read:metadata", "read:data"}
OF_PASS_1, OF_PASS_2, OPEN, UNSAID, OTHERS = (
    SimpleNamespace(access_tags=frozenset({"pass-1"})),
    SimpleNamespace(access_tags=frozenset({"pass-2", "pass-3"})),
    SimpleNamespace(access_tags=frozenset({"public"})),
    SimpleNamespace(access_tags=frozenset({UNTAGGED})),
    SimpleNamespace(),
)
NODES = [OF_PASS_1, OF_PASS_2, OPEN, UNSAID, OTHERS, MapAdapter({})]


def user(name, provider="toy"):
    return SimpleNamespace(type="user", identities=[SimpleNamespace(provider=provider, id=name)])


def policy_of(path, text="alice: pass-1\nbob: [pass-2, pass-9]\n", **options):
    path.write_text(text)
    return SessionsPolicy(provider="toy", sessions_file=path, **{"staff": ["ada"], "seconds": 0, **options})


def shown(policy, principal, key=None):
    """Return which of the nodes a user may read, with a key that is restricted to some tags or not."""
    scopes = [asyncio.run(policy.allowed_scopes(node, principal, key, frozenset())) for node in NODES]
    assert all(each in (READING, set()) for each in scopes)
    return [bool(each) for each in scopes]


@pytest.mark.parametrize(
    ("principal", "key", "expected"),
    [
        (user("alice"), None, [1, 0, 1, 0, 0, 1]),
        (user("bob"), None, [0, 1, 1, 0, 0, 1]),
        (user("ada"), None, [1, 1, 1, 1, 1, 1]),
        (user("eve"), None, [0, 0, 1, 0, 0, 1]),
        (user("alice", provider="another"), None, [0, 0, 1, 0, 0, 1]),
        (user("ada", provider="another"), None, [0, 0, 1, 0, 0, 1]),
        (None, None, [0, 0, 1, 0, 0, 1]),
        (SimpleNamespace(type="service", uuid="1-2", identities=[]), None, [0, 0, 1, 0, 0, 1]),
        (user("alice"), frozenset({"pass-1"}), [1, 0, 0, 0, 0, 1]),
        (user("alice"), frozenset({"pass-2"}), [0, 0, 0, 0, 0, 1]),
        (user("ada"), frozenset({"pass-2"}), [0, 1, 0, 0, 0, 1]),
    ],
)
def test_a_user_reads_what_is_tagged_with_their_sessions(tmp_path, principal, key, expected):
    assert shown(policy_of(tmp_path / "sessions.yml"), principal, key) == list(map(bool, expected))


def test_filters_say_the_same_as_scopes(tmp_path):
    policy = policy_of(tmp_path / "sessions.yml")

    def filters(principal, scopes, key=None):
        return asyncio.run(policy.filters(OPEN, principal, key, frozenset(), scopes))

    assert [each.tags for each in filters(user("bob"), READING)] == [["pass-2", "pass-9", "public"]]
    assert [each.tags for each in filters(user("ada"), READING, frozenset({"x"}))] == [["x"]]
    assert filters(user("ada"), READING) == ALL_ACCESS
    assert filters(user("ada"), {"write:metadata"}) is NO_ACCESS


def test_a_change_holds_when_what_was_kept_of_a_user_is_too_old(tmp_path):
    path = tmp_path / "sessions.yml"
    policy = policy_of(path, seconds=60)
    now = 0.0
    policy._cache = Cache(n_bytes=1000, clock=lambda: now)
    assert shown(policy, user("alice"))[:2] == [True, False]
    path.write_text("alice: [pass-2]\n")
    assert shown(policy, user("alice"))[:2] == [True, False]
    now = 60.0
    assert shown(policy, user("alice"))[:2] == [False, True]


def test_a_file_is_read_again_when_it_changes(tmp_path):
    path = tmp_path / "sessions.yml"
    policy = policy_of(path)
    assert shown(policy, user("alice"))[:2] == [True, False]
    path.write_text("alice: [pass-2]\n")
    assert shown(policy, user("alice"))[:2] == [False, True]


def test_while_the_file_cannot_be_read_nobody_but_staff_sees_anything(tmp_path, caplog):
    path = tmp_path / "sessions.yml"
    policy = policy_of(path)
    for change in (lambda: path.write_text("alice: [pass-"), path.unlink):
        change()
        with caplog.at_level(logging.ERROR), pytest.raises(HTTPException) as caught:
            shown(policy, user("alice"))
        assert caught.value.status_code == 503
        assert str(tmp_path) not in caught.value.detail
        assert str(path) in caplog.text
        assert all(shown(policy, user("ada")))
    path.write_text("alice: pass-1\n")
    assert shown(policy, user("alice"))[0]


@pytest.mark.parametrize(
    "text", ["", "- alice\n", "alice: 314062\n", "alice: [pass-1, 2]\n", "7: pass-1\n", "a: {b: c}\n", "["]
)
def test_a_file_that_holds_something_else_is_refused_at_the_start(tmp_path, text):
    with pytest.raises(ConfigurationError, match=r"sessions\.yml"):
        policy_of(tmp_path / "sessions.yml", text)


def test_sessions_come_from_a_file_or_from_a_function(tmp_path):
    with pytest.raises(ConfigurationError, match="either sessions_file or sessions_of"):
        SessionsPolicy(provider="toy")
    with pytest.raises(ConfigurationError, match="either sessions_file or sessions_of"):
        policy_of(tmp_path / "sessions.yml", sessions_of=list)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        SessionsPolicy(provider="toy", sessions_file=tmp_path / "none.yml")


def test_a_function_is_asked_again_after_seconds():
    asked = []

    def sessions_of(name):
        asked.append(name)
        return "pass-1"

    policy = SessionsPolicy(provider="toy", sessions_of=sessions_of, seconds=1000)
    assert shown(policy, user("alice"))[:2] == [True, False]
    assert asked == ["alice"]
    policy = SessionsPolicy(provider="toy", sessions_of=sessions_of, seconds=0)
    shown(policy, user("alice"))
    assert len(asked) > 2


def test_a_function_is_named_in_a_configuration():
    policy = SessionsPolicy(provider="toy", sessions_of="builtins:str")
    assert asyncio.run(policy.allowed_scopes(OF_PASS_1, user("pass-1"), None, frozenset())) == READING


def test_nobody_writes(tmp_path):
    with pytest.raises(ValueError, match="nobody writes"):
        asyncio.run(policy_of(tmp_path / "sessions.yml").init_node(user("ada"), None, frozenset()))
