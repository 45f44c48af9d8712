"""The interface of databroker 1 on today's catalog: years of scripts go on, with nothing changed but the import.

::

    broker       Broker: db[...], db(...), what is read of one header or many, db.insert
    opening      catalogs by name and from databroker's own form of configuration
    keywords     the keywords of db(...) -> queries
    header       Header: one run; Results: what db(...) gives
    documents    documents one by one, as the RunEngine emitted them
    tables       streams -> pandas.DataFrame
    values       one data key, row by row; frames of one as a sequence
    registry     db.reg: handlers and roots
    files        which files of external data a run has, and their size
    copies       copies of these below another root, and documents that name them

A broker is given a catalog and adds no path of its own to the data: what it returns comes from the catalog's runs and
streams.
"""

from __future__ import annotations

from .broker import Broker
from .documents import ALL
from .header import Header, Results
from .values import Images

__all__ = ["ALL", "Broker", "Header", "Images", "Results"]
