"""Handlers of another invented third party."""


class Frob:
    """A handler."""


class Glim:
    """A handler."""
