"""What the commands of ``databroker-mongo`` take: each argument that is typed, with its help."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Argument:
    """One argument of a command: what `argparse.ArgumentParser.add_argument` is given."""

    names: tuple[str, ...]
    options: dict[str, Any] = field(default_factory=dict)


DATA = Argument(
    ("--data",), {"metavar": "DIRECTORY", "help": "the data directory; by default a directory of your account"}
)
FORCE = Argument(
    ("--force",),
    {"action": "store_true", "help": "accept a network file system, or a directory that another host holds"},
)

NAMES = Argument(
    ("names",),
    {"nargs": "*", "metavar": "NAME", "help": "the catalogs to migrate; by default all that are in an older form"},
)
SERVED = Argument(
    ("catalogs",), {"nargs": "+", "metavar": "NAME_OR_URI", "help": "configured catalogs, or URIs of databases"}
)
HOST = Argument(
    ("--host",),
    {"default": "127.0.0.1", "help": "whose address the server has; by default it is reached from this machine alone"},
)
PORT = Argument(("--port",), {"type": int, "default": 8000, "help": "the port; 0 is any that is free"})
LAYOUT = Argument(
    ("--layout",),
    {
        "type": int,
        "choices": (3, 2),
        "default": 3,
        "help": "how clients see runs: 3 as TiledWriter writes them, 2 as databroker 2 serves them",
    },
)
CAN_SERVE = Argument(("--check",), {"action": "store_true", "help": "only tell whether they can be served from here"})
EVERYBODY = Argument(
    ("--yes-everybody-may-read",),
    {"action": "store_true", "help": "ask nobody for a key: whoever reaches the server reads all runs"},
)
TRUST_DOCUMENTS = Argument(
    ("--trust-documents",),
    {"action": "store_true", "help": "serve to everybody whatever files the documents name, without allowed_roots"},
)
SCOPE = Argument(
    ("--scope",),
    {
        "metavar": "FIELD=VALUE",
        "action": "append",
        "default": [],
        "help": "only runs with this value in this field of the start document; may be repeated: other values of one "
        "field, and other fields",
    },
)
PLAIN_PAGE = Argument(
    ("--plain-page",), {"action": "store_true", "help": "show Tiled's page without the script that mends it for runs"}
)
OUTPUT = Argument(
    ("--output",), {"type": Path, "metavar": "FILE", "help": "write to this new file instead of standard output"}
)
KEEP_PASSWORDS = Argument(
    ("--keep-passwords",),
    {"action": "store_true", "help": "keep passwords as they are instead of replacing them by variables"},
)
SPECS = Argument(
    ("specs",), {"nargs": "*", "metavar": "SPEC", "help": "the specs or MIME types to list; by default all"}
)
CATALOG = Argument(("--catalog",), {"metavar": "NAME", "help": "use the settings of this catalog; a URI has none"})
OF_CATALOG = Argument(
    ("--catalog",), {"metavar": "NAME", "help": "a configured catalog or a URI; by default the only configured one"}
)
KEY = Argument(("key",), {"metavar": "KEY", "help": "a uid or its beginning, a scan id, or -1 for the latest run"})
RUNS = Argument(("runs",), {"nargs": "*", "metavar": "RUN", "help": "uids, scan ids, or -1 for the latest run"})
ALL = Argument(("--all",), {"action": "store_true", "help": "check all runs, and the database as a whole"})
TAG_FIELDS = Argument(
    ("--tag-field",),
    {
        "action": "append",
        "default": [],
        "metavar": "FIELD",
        "help": "with --all: count by year the runs that have no access tag in this field, or in one of several; a "
        "server's tag_field",
    },
)
NO_FILES = Argument(("--no-files",), {"action": "store_true", "help": "check only the documents, not the files"})
EXIT_ZERO = Argument(("--exit-zero",), {"action": "store_true", "help": "exit with 0 even if a fault is found"})
FIELD = Argument(
    ("field",), {"metavar": "FIELD", "help": "a field such as sample.name, stop.exit_status or descriptor.name"}
)
QUERY = (
    Argument(
        ("query",),
        {
            "nargs": "*",
            "metavar": "QUERY",
            "help": "field=value (also != < <= > >=), field~pattern, field:part, or words of the full text",
        },
    ),
    Argument(
        ("--since",),
        {
            "metavar": "TIME",
            "help": "only runs that began at or after this time: 2020-03, '2020-03-05 12:30', today, 'last 2 h'",
        },
    ),
    Argument(("--until",), {"metavar": "TIME", "help": "only runs that began before this time"}),
    Argument(
        ("--timezone",),
        {"metavar": "ZONE", "help": "the time zone of these times and of the times shown, such as Europe/Berlin"},
    ),
    Argument(("--plan",), {"metavar": "NAME", "help": "the name of the plan"}),
    Argument(("--sample",), {"metavar": "NAME", "help": "the sample, or its name"}),
    Argument(
        ("--where",),
        {"metavar": "JSON", "action": "append", "help": "a MongoDB filter on the start document; may be repeated"},
    ),
    OF_CATALOG,
)
FORMAT = Argument(
    ("--format",),
    {"choices": ("table", "json", "csv"), "default": "table", "help": "the output format; table by default"},
)
TEXT_OR_JSON = Argument(
    ("--format",), {"choices": ("text", "json"), "default": "text", "help": "the output format; text by default"}
)
LISTING = (
    Argument(
        ("--columns",),
        {
            "metavar": "NAMES",
            "help": "fields, separated by commas; also duration, streams and n_events, and of data 'max(I0)' and such",
        },
    ),
    Argument(
        ("--sort",),
        {
            "metavar": "FIELD",
            "help": "the field of the start document to sort by; --sort=-FIELD reverses; -time by default",
        },
    ),
    Argument(
        ("--limit",),
        {"metavar": "N", "type": int, "default": 25, "help": "list at most N runs, or all with 0; 25 by default"},
    ),
)

DATABASE = Argument(("catalog",), {"metavar": "NAME_OR_URI", "help": "a configured catalog, or the URI of a database"})
APPLY = Argument(("--apply",), {"action": "store_true", "help": "make the changes; without it they are only shown"})
METADATA = Argument(
    ("--metadata",),
    {
        "metavar": "FIELD",
        "action": "append",
        "default": [],
        "help": "a field of the start document that queries name, or '$**' for all; may be repeated; the fields of the "
        "catalog's setting metadata_indexes are added",
    },
)
TEXT = Argument(
    ("--text",), {"action": "store_true", "help": "also make the full-text index, which slows each insertion"}
)
CONDITIONS = Argument(
    ("conditions",),
    {
        "metavar": "FIELD=VALUE",
        "nargs": "+",
        "help": "such as data_session=pass-123456; more values of the same field may follow",
    },
)
PREFIX = Argument(
    ("--prefix",), {"required": True, "help": "the beginning of the views' names, such as 'pass-123456.'"}
)

ONE_DATABASE = Argument(
    ("catalog",),
    {"metavar": "NAME_OR_URI", "nargs": "?", "help": "a configured catalog, or the URI of a database"},
)
DATABASES = Argument(
    ("--file",),
    {
        "metavar": "PATH",
        "type": Path,
        "help": "a text file of catalogs and URIs, one a line; # begins a comment, and one that fails stops no other",
    },
)
DROP = Argument(("--drop",), {"action": "store_true", "help": "remove all copies, with --apply"})
CHECK = Argument(
    ("--check",),
    {"action": "store_true", "help": "compare the copies with the events, value by value; exit with 1 if one differs"},
)
REBUILD = Argument(
    ("--rebuild",),
    {
        "metavar": "UID",
        "nargs": "+",
        "action": "extend",
        "default": [],
        "help": "make the copies of these runs anew, with --apply, even if they are believed",
    },
)

OPTIONAL_DATABASE = Argument(
    ("catalog",), {"metavar": "NAME_OR_URI", "nargs": "?", "help": "a configured catalog or a URI; all by default"}
)
SPOOL = Argument(
    ("--spool",),
    {
        "metavar": "DIRECTORY",
        "type": Path,
        "help": "the spool directory that Writers use; by default that of your account",
    },
)
FOLDERS = Argument(
    ("folders",), {"metavar": "FOLDER", "nargs": "*", "type": Path, "help": "other folders with documents for it"}
)
FILES = Argument(("files",), {"metavar": "FILE", "nargs": "*", "type": Path, "help": "send only these files"})
