from __future__ import annotations

import pickle

import pytest

from databroker_mongo.errors import CredentialsUnavailable
from databroker_mongo.store import locate
from databroker_mongo.store.connection.connection import Connection


def test_a_uri_of_which_nothing_can_be_shown_is_never_taken_for_another(machine):
    first = pickle.dumps(locate("mongodb://me:ab@one!/db"))
    locate("mongodb://me:ab@two!/db")
    with pytest.raises(CredentialsUnavailable):
        Connection(pickle.loads(first))
