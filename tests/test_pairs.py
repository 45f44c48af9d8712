"""What the tests leave out of all combinations is nothing that two values have to do with each other."""

import itertools

from .pairs import in_turn, pairs_of

AXES = ("abcd", "xyz", [1, 2, 3], [True, False])


def test_every_two_values_of_different_axes_meet_in_few_cases():
    chosen = pairs_of(*AXES)

    for first, second in itertools.combinations(range(len(AXES)), 2):
        assert {(case[first], case[second]) for case in chosen} == set(itertools.product(AXES[first], AXES[second]))
    assert len(chosen) <= 15
    assert chosen == pairs_of(*AXES)


def test_others_take_turns():
    assert in_turn("abc", [1, 2]) == [("a", 1), ("b", 2), ("c", 1)]
