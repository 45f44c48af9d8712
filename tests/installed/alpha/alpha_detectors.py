"""Handlers of an invented third party."""

not_a_class = "a text"


class Classic:
    """Level 0."""

    def __init__(self, path):
        self.path = path

    def __call__(self):
        return 0


class Describing(Classic):
    """Level 1."""

    def structure(self):
        return (), "int64", None


class Capable(Describing):
    """Level 2."""

    def read_into(self, out, datums, region):
        out[...] = 0
