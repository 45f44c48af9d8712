"""Run a script statement by statement, and show each statement and its result as an interactive session would.

Usage: ``python walk_through.py SCRIPT``. The embedded MongoDB that the script starts is shut down after it, unless
another process uses it.

What does not belong here: what the script says.
"""

from __future__ import annotations

import ast
import subprocess
import sys
import time
from pathlib import Path

from databroker_mongo.errors import CatalogError
from databroker_mongo.server.local import local_server, server_status

WAIT_SECONDS = 30.0
WALK_ONLY = "--walk-only"


def main(script: str) -> int:
    """Walk through a script in a process of its own, and end the server with it; return its exit status."""
    was_running = server_status().is_running
    with local_server(linger_seconds=0.0) as server:
        walked = subprocess.run([sys.executable, __file__, WALK_ONLY, script], check=False)
    deadline = time.monotonic() + WAIT_SECONDS
    while not was_running and server_status(server.data).is_running and time.monotonic() < deadline:
        time.sleep(0.1)
    return walked.returncode


def walk(script: Path) -> None:
    """Execute the statements of a script one after the other, and print each before its result."""
    text = script.read_text(encoding="utf-8")
    lines = text.splitlines()
    names: dict[str, object] = {"__name__": "__main__"}
    tree = ast.parse(text)
    end = 0
    # The docstring is for who reads the script.
    for statement in tree.body[1 if ast.get_docstring(tree) else 0 :]:
        begin, after, end = statement.lineno - 1, end, statement.end_lineno or statement.lineno
        comments = [line for line in lines[after:begin] if line.startswith("#")]
        source = [f"{'...' if i else '>>>'} {line}" for i, line in enumerate(lines[begin:end])]
        print("\n".join([*([""] if comments else []), *comments, *source]), flush=True)
        exec(compile(ast.Interactive([statement]), str(script), "single"), names)  # noqa: S102 (the script is ours)


if __name__ == "__main__":
    try:
        if WALK_ONLY in sys.argv:
            walk(Path(sys.argv[2]))
        else:
            sys.exit(main(sys.argv[1]))
    except CatalogError as error:
        sys.exit(f"\n{error}")
