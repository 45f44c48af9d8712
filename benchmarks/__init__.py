"""How fast the package is, beside a program written by hand for each task, and beside other packages.

``python -m benchmarks`` makes the data, measures and prints a table; ``python -m benchmarks.document`` takes all tables
of the documentation. What takes longer than a call has a program of its own: ``clients``, ``day_loop``, ``live``,
``writing_beside``, ``cold_caches``. Each contestant runs in a process of its own, and
they take turns, call by call, so that what else the machine does meets all alike. Nothing here is used by the package.
"""
