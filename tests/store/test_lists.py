"""Documents as a store gives them: equal ones once."""

from databroker_mongo.store import drop_repeats


class Counted(dict):
    """A document that counts how often it is compared."""

    n_compared = 0

    def __eq__(self, other):
        Counted.n_compared += 1
        return dict(self) == dict(other)

    __hash__ = None


def test_equal_documents_are_given_once_and_others_of_their_uid_stay():
    documents = [
        {"uid": "a", "path": "1"},
        {"uid": "b"},
        {"uid": "a", "path": "1"},
        {"uid": "a", "path": "2"},
        {"path": "3"},
        {"path": "3"},
        {"uid": ["b"]},
    ]
    assert drop_repeats(documents) == [documents[number] for number in (0, 1, 3, 4, 6)]


def test_documents_of_different_uids_are_not_compared():
    documents = [Counted(uid=f"{number}") for number in range(1000)]
    Counted.n_compared = 0
    assert len(drop_repeats(documents)) == 1000
    assert Counted.n_compared == 0
