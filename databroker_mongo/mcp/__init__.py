"""Runs for agents: programs of large language models, which ask by the Model Context Protocol over stdin and stdout.

::

    server    the tools as the protocol has them, and the loop that answers
    tools     what may be asked: find, show, table, values, preview, health
    previews  an array in a few numbers
    answers   at most 50 kB, what is stored marked as data, errors as sentences

All is read, within the scope of the catalog that is given. No other room imports this one, but the command: the extra
``[mcp]`` is needed by nothing else.

What does not belong here: how runs are found and read (``runs/``).
"""

from .server import make_server, run

__all__ = ["make_server", "run"]
