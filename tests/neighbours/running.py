"""Scripts that run by themselves, as a user whose catalogs are configured in the forms of databroker and intake."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

OLD_SCRIPTS = Path(__file__).parent / "old_scripts"


def run_scripts(python, package, scripts, home, catalogs):
    """Run all scripts of a directory under a package, and return what each gave.

    Parameters
    ----------
    python : str
        The interpreter.
    package : str
        What stands in the place of ``databroker`` in ``from databroker import ...``.
    scripts : str
        The directory below ``old_scripts``.
    home : pathlib.Path
        The home directory of the user.
    catalogs : mapping of str to str
        From names to URIs; a name that begins with ``intake_`` is configured in intake's form.
    """
    for name, uri in catalogs.items():
        if name.startswith("intake_"):
            write(home / ".local" / "share" / "intake" / f"{name}.yml", in_form_of_intake(name, uri))
        else:
            write(home / ".config" / "databroker" / f"{name}.yml", in_form_of_databroker(uri))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "DATABROKER_"))}
    environment = {**kept, "HOME": str(home), "TZ": "America/New_York"}
    if package == "databroker":
        environment.pop("PYTHONPATH", None)
    output = home / "results.json"
    command = [python, OLD_SCRIPTS / "run_scripts.py", package, OLD_SCRIPTS / scripts, output]
    subprocess.run(command, check=True, env=environment, timeout=100)
    return json.loads(output.read_text())


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def in_form_of_databroker(uri):
    place, _, rest = uri.rpartition("/")
    database, _, options = rest.partition("?")
    config = json.dumps({"uri": f"{place}/?{options}", "database": database, "timezone": "US/Eastern"})
    return (
        f"metadatastore: {{module: databroker.headersource.mongo, class: MDS, config: {config}}}\n"
        f"assets: {{module: databroker.assets.mongo, class: Registry, config: {config}}}\n"
    )


def in_form_of_intake(name, uri):
    args = json.dumps({"metadatastore_db": uri, "asset_registry_db": uri})
    return f"sources: {{{name}: {{driver: bluesky-mongo-normalized-catalog, args: {args}}}}}\n"
