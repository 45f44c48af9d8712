"""No question takes a value of any class without an answer, or an error in words, within a bounded time."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

N_GROUPS = 4
SCRIPT = Path(__file__).with_name("questioner.py")
NO_WORDS = re.compile(
    r"^(unhashable|Exceeds the limit|maximum recursion)|has no attribute|truth value|unsupported operand"
)


@pytest.mark.parametrize("group", range(N_GROUPS))
def test_a_value_of_any_class_has_an_answer_or_an_error_in_words_by_each_way_to_ask(store_uri, group):
    # A loop in C serves no signal, so that only another process can be ended while it asks.
    asked = subprocess.run(
        [sys.executable, SCRIPT, store_uri, str(group), str(N_GROUPS)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONHASHSEED": "0"},
    )
    assert asked.returncode == 0, asked.stderr[-3000:]
    outcomes = json.loads(asked.stdout)
    assert len(outcomes) > 2000
    wrong = [each for each in outcomes if each[2] and "CatalogError" not in each[2][0]]
    assert not wrong
    without_words = [each for each in outcomes if each[2] and NO_WORDS.search(each[2][1])]
    assert not without_words
