"""From nothing to the newest run: a fresh process that imports, opens a catalog and looks up."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping

from .contest import Result
from .facts import Facts
from .measuring import Reading
from .tasks import Goal, Task

_TASK = Task("import, open, first run", "cold", "", lambda facts, number: (), Goal(ratio=1.55))
_PROGRAMS = {
    "by_hand": """
import pymongo
start = pymongo.MongoClient(URI).get_database()["run_start"].find_one(sort=[("time", -1)])
""",
    "ours": """
from databroker_mongo import Catalog
start = Catalog.from_uri(URI)[-1].metadata["start"]
""",
    "databroker_1": """
from databroker._drivers.mongo_normalized import BlueskyMongoCatalog
start = BlueskyMongoCatalog(URI, URI)[-1].metadata["start"]
""",
    "databroker_2": """
from databroker.mongo_normalized import MongoAdapter
from tiled.client import Context, from_context
from tiled.server.app import build_app
start = from_context(Context.from_app(build_app(MongoAdapter.from_uri(URI))))[-1].metadata["start"]
""",
}
_FRAME = """
import time
began = time.perf_counter()
{program}
seconds = time.perf_counter() - began
cpu = time.process_time()
peak = next((int(line.split()[1]) / 1024 for line in open("/proc/self/status") if line.startswith("VmHWM")), 0)
print("\\n", seconds, cpu, peak, start["uid"])
"""


def measure(pythons: Mapping[str, str], facts: Facts, *, n_times: int) -> Iterator[tuple[Task, dict[str, Result]]]:
    """Yield what each contestant takes; peaks of memory are of the whole process."""
    results = {name: Result() for name in pythons}
    uri = facts.uri(facts.runs_database)
    # As after an installation by pip, which compiles; here the first start does, and is not counted.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    for number in range(n_times + 1):
        for name, python in pythons.items():
            program = _FRAME.format(program=_PROGRAMS[name].replace("URI", repr(uri)))
            command = [python, "-W", "ignore", "-c", program]
            done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
            if number == 0:
                continue
            if done.returncode:
                results[name].error = done.stderr.strip().splitlines()[-1]
                continue
            *numbers, uid = done.stdout.splitlines()[-1].split()
            seconds, cpu, peak = map(float, numbers)
            results[name].readings.append(Reading(seconds, cpu, peak, [], uid))
    yield _TASK, results
