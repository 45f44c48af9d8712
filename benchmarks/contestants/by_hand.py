"""Programs written by hand for each task: the least that gives the same answer. What they take is the limit."""

from __future__ import annotations

from .by_hand_events import Events
from .by_hand_images import Images
from .by_hand_many import Many
from .by_hand_runs import Runs


class Contestant(Runs, Events, Images, Many):
    """All tasks."""
