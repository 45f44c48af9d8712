"""What the commands of ``databroker-mongo`` take: each argument that is typed, with its help.

What does not belong here: which command takes which (``cli``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Argument:
    """One argument of a command: what `argparse.ArgumentParser.add_argument` is given."""

    names: tuple[str, ...]
    options: dict[str, Any] = field(default_factory=dict)


DATA = Argument(("--data",), {"metavar": "DIRECTORY", "help": "the data directory; by default one of yours"})
FORCE = Argument(
    ("--force",),
    {"action": "store_true", "help": "accept a network file system, or a directory that another host holds"},
)

NAMES = Argument(("names",), {"nargs": "*", "metavar": "NAME", "help": "by default all that are in an older form"})
OUTPUT = Argument(("--output",), {"type": Path, "metavar": "FILE", "help": "a new file, instead of standard output"})
KEEP_PASSWORDS = Argument(
    ("--keep-passwords",),
    {"action": "store_true", "help": "write passwords as they are, not variables in their place"},
)
SPECS = Argument(("specs",), {"nargs": "*", "metavar": "SPEC", "help": "specs or MIME types; by default all"})
CATALOG = Argument(("--catalog",), {"metavar": "NAME", "help": "with the settings of this catalog; a URI has none"})
OF_CATALOG = Argument(
    ("--catalog",), {"metavar": "NAME", "help": "a configured catalog or a URI; by default the only configured one"}
)
KEY = Argument(("key",), {"metavar": "KEY", "help": "a uid or its beginning, a scan id, or -1 for the latest run"})
RUNS = Argument(("runs",), {"nargs": "*", "metavar": "RUN", "help": "as for show: uids, scan ids, or -1"})
ALL = Argument(("--all",), {"action": "store_true", "help": "all runs, and the database as a whole"})
NO_FILES = Argument(("--no-files",), {"action": "store_true", "help": "look at documents alone, not for the files"})
EXIT_ZERO = Argument(("--exit-zero",), {"action": "store_true", "help": "exit with 0 even if something is wrong"})
FIELD = Argument(("field",), {"metavar": "FIELD", "help": "like sample.name, stop.exit_status or descriptor.name"})
QUESTIONS = (
    Argument(
        ("query",),
        {
            "nargs": "*",
            "metavar": "QUERY",
            "help": "field=value (also != < <= > >=), field~pattern, field:part, or words of the full text",
        },
    ),
    Argument(("--since",), {"metavar": "TIME", "help": "like 2020-03, '2020-03-05 12:30', today or 'last 2 h'"}),
    Argument(("--until",), {"metavar": "TIME", "help": "the moment before which runs began"}),
    Argument(
        ("--timezone",), {"metavar": "ZONE", "help": "the zone of these times and of those shown, like Europe/Berlin"}
    ),
    Argument(("--plan",), {"metavar": "NAME", "help": "the name of the plan"}),
    Argument(("--sample",), {"metavar": "NAME", "help": "the sample, or its name"}),
    Argument(
        ("--where",),
        {"metavar": "JSON", "action": "append", "help": "a MongoDB filter on the start document; may repeat"},
    ),
    OF_CATALOG,
)
FORMAT = Argument(
    ("--format",), {"choices": ("table", "json", "csv"), "default": "table", "help": "how to write; a table by default"}
)
TEXT_OR_JSON = Argument(("--format",), {"choices": ("text", "json"), "default": "text", "help": "text by default"})
LISTING = (
    Argument(("--columns",), {"metavar": "NAMES", "help": "fields, by commas; also duration, streams, n_events"}),
    Argument(("--sort",), {"metavar": "FIELD", "help": "a field of the start document; -time by default"}),
    Argument(
        ("--limit",), {"metavar": "N", "type": int, "default": 25, "help": "the most runs, 0 for all; 25 by default"}
    ),
)

DATABASE = Argument(("catalog",), {"metavar": "NAME_OR_URI", "help": "a configured catalog, or the URI of a database"})
APPLY = Argument(("--apply",), {"action": "store_true", "help": "do it; without, show what would be done"})
METADATA = Argument(
    ("--metadata",),
    {
        "metavar": "FIELD",
        "action": "append",
        "default": [],
        "help": "a field of the start document that is asked about, '$**' for all; may repeat; those of the catalog's "
        "setting metadata_indexes are added",
    },
)
TEXT = Argument(("--text",), {"action": "store_true", "help": "also of the full text, which slows each insertion"})
CONDITIONS = Argument(("conditions",), {"metavar": "FIELD=VALUE", "nargs": "+", "help": "as data_session=pass-123456"})
PREFIX = Argument(
    ("--prefix",), {"required": True, "help": "what the names of the views begin with, as 'pass-123456.'"}
)
