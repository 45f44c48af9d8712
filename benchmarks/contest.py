"""Contestants in processes of their own, who take turns at each task, call by call.

pyperf and asv time one program after the other: what else the machine does would meet one contestant alone, and neither
compares results, nor counts the questions to a server.

What does not belong here: how a call is measured, what the tasks are.
"""

from __future__ import annotations

import json
import queue
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from .facts import Facts
from .measuring import Reading, are_equal
from .tasks import Task

_ROOT = Path(__file__).parents[1]
_LEAST_ROUNDS = 3
_MOST_ROUNDS = 40
_MOST_SECONDS_OVER = 8.0


@dataclass
class Result:
    """What a contestant took for a task, in all rounds.

    Attributes
    ----------
    readings : list of Reading
        A measured call each; empty where it has no way to do the task, or failed.
    error : str
        Why it failed.
    """

    readings: list[Reading] = field(default_factory=list)
    error: str = ""

    @property
    def seconds(self) -> float:
        """The median time."""
        return median(reading.seconds for reading in self.readings)

    @property
    def best_seconds(self) -> float:
        """The least time."""
        return min(reading.seconds for reading in self.readings)

    @property
    def cpu_seconds(self) -> float:
        """The median of the time on this process's processors."""
        return median(reading.cpu_seconds for reading in self.readings)

    @property
    def peak_megabytes(self) -> float:
        """The median of the peaks of memory."""
        return median(reading.peak_megabytes for reading in self.readings)

    @property
    def n_questions(self) -> int:
        """How often the server was asked."""
        return max(len(reading.questions) for reading in self.readings)


@dataclass(frozen=True)
class Limits:
    """How long to measure.

    Attributes
    ----------
    seconds : float
        Time for the calls of one contestant at one task. Three calls are made in any case, but none after one that
        ended eight seconds too late.
    patience : float
        After so many seconds a call is given up, and with it the task.
    """

    seconds: float = 3.0
    patience: float = 120.0


class Contestant:
    """A program that does tasks, in one process or in several at once, started when they are first needed.

    Parameters
    ----------
    name : str
        The module of ``benchmarks.contestants``.
    python : str
        The Python of its environment.
    facts : Facts
        The data.
    n_processes : int
        How many do each task at the same time.
    """

    def __init__(self, name: str, python: str, facts: Facts, *, n_processes: int = 1):
        self.name = name
        self._processes = [_Process(name, python, facts) for _ in range(n_processes)]

    def do(self, task: Task, number: int, *, patience: float) -> Reading | str | None:
        """Do a task once; return what it took, why it failed, or None where there is no way to do it.

        Of several processes the slowest tells the time; processors and memory are those of all.
        """
        for process in self._processes:
            process.order(task, number)
        answers = [process.answer(patience) for process in self._processes]
        readings = [Reading(**answer) for answer in answers if "seconds" in answer]
        if len(readings) < len(answers):
            self.stop()
            return next((str(answer["error"]) for answer in answers if "error" in answer), None)
        return Reading(
            max(reading.seconds for reading in readings),
            sum(reading.cpu_seconds for reading in readings),
            sum(reading.peak_megabytes for reading in readings),
            readings[0].questions,
            readings[0].digest,
        )

    def stop(self) -> None:
        """End the processes; others are started when they are needed again."""
        for process in self._processes:
            process.stop()


class _Process:
    def __init__(self, name: str, python: str, facts: Facts):
        self._command = [python, "-m", f"{__package__}.worker", name]
        self._facts = facts
        self._process: subprocess.Popen[str] | None = None
        self._answers: queue.Queue[str] = queue.Queue()

    def order(self, task: Task, number: int) -> None:
        self._say(self._process or self._start(), json.dumps({"task": task.title, "round": number}))

    def answer(self, patience: float) -> dict[str, Any]:
        try:
            line = self._answers.get(timeout=patience)
        except queue.Empty:
            return {"error": f"> {patience:g} s"}
        answer: dict[str, Any] = json.loads(line) if line else {"error": "the process ended"}
        return answer

    def stop(self) -> None:
        if self._process is not None:
            with self._process:
                self._process.kill()
            self._process = None

    def _start(self) -> subprocess.Popen[str]:
        self._process = subprocess.Popen(
            self._command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self._answers = queue.Queue()
        threading.Thread(target=_pass_on, args=(self._process.stdout, self._answers), daemon=True).start()
        self._say(self._process, self._facts.to_json())
        return self._process

    @staticmethod
    def _say(process: subprocess.Popen[str], line: str) -> None:
        assert process.stdin is not None
        process.stdin.write(line + "\n")
        process.stdin.flush()


def _pass_on(lines: Any, answers: queue.Queue[str]) -> None:
    for line in lines:
        answers.put(line)
    answers.put("")


def compete(
    tasks: Sequence[Task], contestants: Sequence[Contestant], limits: Limits
) -> Iterator[tuple[Task, dict[str, Result]]]:
    """Yield, for each task, what each contestant took for it."""
    for task in tasks:
        results = {contestant.name: Result() for contestant in contestants}
        left = {each: limits.seconds for each in contestants if _warm_up(each, task, results[each.name], limits)}
        for number in range(1, _MOST_ROUNDS + 1):
            least_left = -_MOST_SECONDS_OVER if number <= _LEAST_ROUNDS else 0
            for contestant in [each for each in left if left[each] > least_left]:
                began = time.perf_counter()
                if _take_turn(contestant, task, number, results[contestant.name], limits):
                    left[contestant] -= time.perf_counter() - began
                else:
                    del left[contestant]
        _require_equal(task, results)
        yield task, results


def _warm_up(contestant: Contestant, task: Task, result: Result, limits: Limits) -> bool:
    """Do a task once for the imports and the caches of the system; tell whether it can be done."""
    found = contestant.do(task, 0, patience=limits.patience)
    result.error = found if isinstance(found, str) else ""
    return isinstance(found, Reading)


def _take_turn(contestant: Contestant, task: Task, number: int, result: Result, limits: Limits) -> bool:
    found = contestant.do(task, number, patience=limits.patience)
    if isinstance(found, Reading):
        result.readings.append(found)
        return True
    result.error = str(found)
    return False


def _require_equal(task: Task, results: dict[str, Result]) -> None:
    """Insist that all did the same."""
    expected = results.get("by_hand", Result()).readings
    for name, result in results.items():
        for reading, other in zip(result.readings, expected, strict=False):
            if not are_equal(reading.digest, other.digest):
                result.error = "another result"
                print(f"{task.title}: {name} gave {reading.digest}, by hand {other.digest}", flush=True)
                break
