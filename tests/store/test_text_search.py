"""The full text of a document in memory, as MongoDB's text index would find it but for the stems of words."""

import pytest

from databroker_mongo.store.plain.text_search import is_text_match

DOCUMENT = {"sample": {"name": "Nickel foil", "tags": ["K-edge", "Ni"]}, "scan_id": 5, "remark": "Mn? no, Ni"}


@pytest.mark.parametrize(
    ("question", "is_found"),
    [
        ("nickel", True),
        ("NICKEL copper", True),
        ("copper", False),
        ("nick", False),
        ('"nickel foil"', True),
        ('"foil nickel"', False),
        ('"ickel foil"', False),
        ("foil -mn", False),
        ("foil -copper", True),
        ('foil -"no, ni"', False),
        ("-copper", False),
        ("edge", True),
        ("5", False),
        ("scan_id", False),
    ],
)
def test_a_document_is_found_by_any_word_all_phrases_and_no_unwanted_word(question, is_found):
    assert is_text_match(question, DOCUMENT) is is_found
