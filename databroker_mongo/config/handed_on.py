"""What handlers know of the settings: they import nothing of this package, so it is told to them by the environment."""

from __future__ import annotations

import os
from typing import Final

from .settings import SiteSettings

_VARIABLES: Final = {
    "decoder": "DATABROKER_MONGO_DECODER",
    "decoder_threads": "DATABROKER_MONGO_DECODER_THREADS",
}


def hand_on(site: SiteSettings) -> None:
    """Set the variables for what a site says, except those that are set: what was set in a shell comes first.

    They hold for the process, and for those that it starts.
    """
    for key, variable in _VARIABLES.items():
        said = getattr(site, key)
        if said is not None:
            os.environ.setdefault(variable, str(said))
