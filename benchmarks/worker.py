"""A contestant's process: it does what it is told on its standard input, a line of JSON each, and answers so.

Run as ``python -m benchmarks.worker CONTESTANT``; the first line tells the facts.
"""

from __future__ import annotations

import importlib
import json
import sys
import traceback
import warnings
from typing import Any

import pymongo.monitoring

from .facts import Facts
from .measuring import Questions, measure
from .tasks import BY_TITLE, Task


def main() -> None:
    """Answer until the input ends."""
    answers, sys.stdout = sys.stdout, sys.stderr
    warnings.simplefilter("ignore")
    listener = Questions()
    pymongo.monitoring.register(listener)
    facts = Facts.from_json(sys.stdin.readline())
    contestant = importlib.import_module(f"{__package__}.contestants.{sys.argv[1]}").Contestant(facts)
    for line in sys.stdin:
        order = json.loads(line)
        try:
            answer = _answer(contestant, BY_TITLE[order["task"]], facts, number=order["round"], listener=listener)
        except Exception as error:  # a contestant that fails is a result
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}"[:300]}
        print(json.dumps(answer), file=answers, flush=True)


def _answer(contestant: Any, task: Task, facts: Facts, *, number: int, listener: Questions) -> dict[str, Any]:
    method = getattr(contestant, task.method, None)
    if method is None:
        return {"absent": True}
    contestant.forget()
    arguments = task.arguments(facts, number)
    prepare = getattr(contestant, f"prepare_{task.method}", None)
    given = arguments if prepare is None else prepare(*arguments)
    return measure(lambda: method(*given), listener).as_dict()


if __name__ == "__main__":
    main()
