"""Kits as authors write them, each with one mistake: run by a pytest of its own, see ``test_mistaken_kits``."""

from pathlib import Path

import numpy as np

from databroker_mongo.testing import HandlerCase, HandlerConformance

FRAMES = np.arange(60, dtype="uint16").reshape(5, 3, 4)
DATUMS = [{"frame": number} for number in range(5)]
ELSEWHERE = Path(__file__).parent


class Frames:
    def __init__(self, path):
        self.path = path

    def __call__(self, frame):
        return np.load(self.path)[frame]


class Kit(HandlerConformance):
    handler_class = Frames

    def make_case(self, folder):
        np.save(folder / "a.npy", FRAMES)
        return HandlerCase(folder / "a.npy", DATUMS, FRAMES)


class Wide(Frames):
    def __call__(self, frame):
        return super().__call__(frame).astype(float)


class TestWide(Kit):
    handler_class = Wide


class NothingFixed(Frames):
    def layout(self, frame):
        return FRAMES.shape, FRAMES.dtype, 2, None, 5, False


class TestNothingFixed(Kit):
    handler_class = NothingFixed


class TestNoClass(HandlerConformance):
    def make_case(self, folder):
        return Kit().make_case(folder)


class TestNameOfAClass(Kit):
    handler_class = "mistaken_kits:Frames"


class TestNoCase(HandlerConformance):
    handler_class = Frames


class TestNothingReturned(Kit):
    def make_case(self, folder):
        super().make_case(folder)


class TestOneDatum(Kit):
    def make_case(self, folder):
        return HandlerCase(super().make_case(folder).path, DATUMS[:1], FRAMES[:1])


class TestUneven(Kit):
    def make_case(self, folder):
        return HandlerCase(super().make_case(folder).path, DATUMS[:2], FRAMES)


class TestSeveralShapes(Kit):
    def make_case(self, folder):
        return HandlerCase(super().make_case(folder).path, DATUMS[:2], [FRAMES[0], FRAMES[1, :2]])


class InAFolder(Frames):
    def __call__(self, frame):
        return np.load(f"{self.path}/a.npy")[frame]


class TestInAFolder(Kit):
    handler_class = InAFolder

    def make_case(self, folder):
        return HandlerCase(super().make_case(folder).path.parent, DATUMS, FRAMES)


class ByABeginning(Frames):
    def __call__(self, frame):
        return np.load(f"{self.path}.npy")[frame]


class TestByABeginning(Kit):
    handler_class = ByABeginning

    def make_case(self, folder):
        return HandlerCase(super().make_case(folder).path.with_suffix(""), DATUMS, FRAMES)


class ListsNothing(Frames):
    def get_file_list(self, datum_kwargs):
        return []


class TestListsNothing(Kit):
    handler_class = ListsNothing


class ListsItsFolder(Frames):
    def get_file_list(self, datum_kwargs):
        return [Path(self.path).parent]


class TestListsItsFolder(Kit):
    handler_class = ListsItsFolder


class ListsWhatIsNotThere(Frames):
    def get_file_list(self, datum_kwargs):
        return [f"{self.path}.gone"]


class TestListsWhatIsNotThere(Kit):
    handler_class = ListsWhatIsNotThere


class TestKeptElsewhere(Kit):
    def make_case(self, folder):
        return super().make_case(ELSEWHERE)
