"""What stands for our own distribution of handlers."""


class Frob:
    """A handler."""
