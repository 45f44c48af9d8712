"""What the startup files of a beamline define; imported by the scripts under either package."""

import numpy as np


class Frames:
    """A classic handler: one frame a file."""

    def __init__(self, path, template):
        self._path, self._template = path, template

    def __call__(self, index):
        return np.load(f"{self._path}/{self._template % index}")

    def get_file_list(self, datum_kwargs):
        return [f"{self._path}/{self._template % each['index']}" for each in datum_kwargs]


class Negatives(Frames):
    """The same, with other values."""

    def __call__(self, index):
        return 1000 - super().__call__(index)


def in_order(documents):
    """Return documents in an order of their own: between streams that of 1.2.5 hangs on the hash of their names."""
    return sorted(documents, key=lambda pair: str(pair[1].get("uid", pair[1].get("datum_id"))))


def raises(kind, ask):
    """Tell whether a question raises an error that ``except kind`` catches."""
    try:
        ask()
    except kind:
        return True
    except Exception as error:
        return type(error).__name__
    return False
