"""A plugin whose own requirement is not installed."""

import a_library_that_nobody_has  # noqa: F401
