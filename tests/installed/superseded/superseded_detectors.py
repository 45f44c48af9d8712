"""What stands for a distribution that ours takes the place of."""


class Frob:
    """A handler."""
