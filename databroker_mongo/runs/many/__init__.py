"""Many runs at once: their rows as one dataset, and what a function makes of each, in few questions.

::

    reading    the rows of all runs, one below the other     mapping   a function of each run, in threads
    rows       the rows of many streams, group by group      held      ... and the documents of their external data
    reduced    a value of each run, for a table
    threads    workers that nobody has to wait for           progress  how many runs are done, on a terminal

What does not belong here: columns of several runs joined (``arrays/``), how events are found (``store/``).
"""

from .mapping import OnError, map_runs
from .reading import MOST_AT_ONCE, MakeRuns, list_data_keys, read_pages, read_runs
from .reduced import DataColumn, Reducer

__all__ = [
    "MOST_AT_ONCE",
    "DataColumn",
    "MakeRuns",
    "OnError",
    "Reducer",
    "list_data_keys",
    "map_runs",
    "read_pages",
    "read_runs",
]
