"""What is stored in documents never reaches a terminal as a command to it."""

from __future__ import annotations

import pytest

from databroker_mongo import display
from databroker_mongo.errors import RunNotFound, UnreadableColumns
from databroker_mongo.printable import printable

ODD = "x\x1b[31m\n\r\x00\x9b\u202e\ud800"
ESCAPED = r"x\x1b[31m\n\r\x00\x9b\u202e\ud800"
START = {"uid": ODD, "scan_id": ODD, "plan_name": ODD, "time": ODD}


def test_what_a_terminal_would_obey_is_written_as_escapes_and_all_else_as_it_is():
    assert printable(ODD) == ESCAPED
    assert printable("Ni K, 5 µm, é") == "Ni K, 5 µm, é"
    assert printable("a\nb\r", keep="\n") == "a\nb\\r"


@pytest.mark.parametrize(
    "text",
    [
        display.run_text(START, {"exit_status": ODD, "time": ODD}, [ODD]),
        display.run_html(START, None, {ODD: {ODD: {}}}),
        display.stream_text(ODD, START, {ODD: {}}),
        display.stream_html(ODD, START, {ODD: {"units": ODD}}),
        display.catalog_html("a", "memory://a", "All()", [(START, {"exit_status": ODD})], has_more=True),
        *display.run_rows(["time", "plan_name"], [[ODD, ODD]], width=80),
        *display.metadata_lines({"start": START}, width=80),
        str(RunNotFound(f"no run {ODD}", run_uid=ODD)),
        str(UnreadableColumns(f"no column {ODD}")),
    ],
)
def test_names_and_values_of_documents_are_escaped_wherever_they_are_shown(text):
    assert printable(text, keep="\n") == text
    text.encode()
