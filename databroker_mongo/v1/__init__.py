"""The interface of databroker 1 on today's catalog: years of scripts go on, with nothing changed but the import.

::

    broker       Broker: opened by name or from a configuration; db.insert
    finding      db[...], db(...), aliases, filters     reading      what is read of one header or many
    header       Header: one run
    results      what db(...) gives: headers, fetched as they are looked at
    questions    the keywords of db(...) -> questions of `queries`
    tables       streams -> pandas.DataFrame
    replaying    documents one by one, as the RunEngine emitted them
    selection    which data keys and which metadata the `fields` of a call mean
    values       one data key, row by row
    images       frames of one data key as a sequence
    plain        the dictionary that documents come in
    page         a header as HTML
    registry     db.reg: handlers and roots
    files        which files of external data a run has, and their size
    copies       copies of these below another root
    relocation   documents that name the copies
    opening      catalogs by name and from databroker's own form of configuration

A broker is given a catalog and adds no path of its own to the data: what it returns comes from the catalog's runs and
streams. What does not belong here: anything that only the newer interface has.
"""

from __future__ import annotations

from .broker import Broker
from .header import Header
from .images import Images
from .replaying import ALL
from .results import Results

__all__ = ["ALL", "Broker", "Header", "Images", "Results"]
