"""Whether it can ever work: what is looked at when the first document comes, before a measurement relies on it.

What does not belong here: what is done with documents then (``backlog``).
"""

from __future__ import annotations

import logging
import warnings
from pathlib import Path

from ..errors import DurabilityWarning, HostUnknown, stacklevel_of_caller
from ..store import WritableStore, find_unknown_hosts
from .spool import Spool
from .spool_ground import doubts_about, ground_of

_logger = logging.getLogger("databroker_mongo")

_doubted: set[Path] = set()


class Prospects:
    """What the spool of a writer stands on, and whether its server can be there.

    Parameters
    ----------
    store : WritableStore
        Where documents go.
    spool : Spool or None
        Where they wait.
    spool_anywhere : bool
        Whether any place will do for that.
    """

    def __init__(self, store: WritableStore, spool: Spool | None, *, spool_anywhere: bool):
        self._store = store
        self._spool = spool
        self._spool_anywhere = spool_anywhere

    def look_at_spool(self) -> None:
        """Tell in the log where documents would wait, and warn once for each place where they may not stay.

        Raises
        ------
        ConfigurationError
            They would be lost.
        """
        if self._spool is None:
            return
        directory = self._spool.directory
        ground = ground_of(directory)
        _logger.info("documents that cannot be stored wait in %s: %s", directory, ground.shown)
        doubt = doubts_about(ground, anywhere=self._spool_anywhere)
        if doubt is not None and directory not in _doubted:
            _doubted.add(directory)
            warnings.warn(doubt, DurabilityWarning, stacklevel=stacklevel_of_caller())
        for folder in self._spool.similar_folders():
            _logger.warning(
                "%s, which an earlier version made, may hold documents for this database; if so, send them by: "
                "databroker-mongo spool send NAME_OR_URI %s",
                folder,
                folder,
            )

    def find_out_why(self) -> None:
        """See whether the server does not answer because there is no such host.

        Raises
        ------
        HostUnknown
            None of the hosts that the URI names is known, though other names are.
        """
        for place in self._store.places:
            unknown = find_unknown_hosts(place)
            if unknown:
                raise HostUnknown(
                    f"No host is known by the name of {' or '.join(unknown)}, although other names are known. Check "
                    f"the URI {self._store.address}. If the host will exist later, Writer(..., begin_offline=True) "
                    "spools for it.",
                    address=self._store.address,
                )
