"""Regular expressions that cannot take forever: MongoDB checks its time limit between documents, not within a match.

What is allowed is what Python's ``re`` and MongoDB's PCRE both read, and read alike, of bounded length and without the
constructions whose worst case grows exponentially.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from ..errors import QueryError

LONGEST_PATTERN = 256
MOST_UNBOUNDED = 5
MOST_CHOICES = 1_000_000
"""Beyond that, PCRE gives up, and MongoDB takes that for no match without a word."""

_TOKEN = re.compile(
    r"(?P<escape>\\.)|(?P<set>\[\^?\]?(?:\\.|[^\]\\])*\])|(?P<repeat>[*+?]|\{\d+(?:,\d*)?\}|\{,\d+\})"
    r"|(?P<open>\((?:\?(?:P[<=>]|<[=!]|[:=!>#(]|[a-zA-Z-]+)?)?)|(?P<close>\))|(?P<or>\|)|.",
    re.DOTALL,
)
_ESCAPES = {
    **dict.fromkeys("123456789", "refers back to a group"),
    **dict.fromkeys("uUN", "writes a character by its number or name, which MongoDB reads literally"),
    "Z": r"has \Z, which MongoDB takes for $",
}
_FLAGS = re.compile(r"\(\?[a-zA-Z-]+")
_AMBIGUOUS_IN_SETS = re.compile(r"\[|--|&&|~~|\|\|")


def check_pattern(pattern: Any) -> None:
    """Refuse a regular expression that is wrong, long, or exponentially slow in the worst case.

    Raises
    ------
    QueryError
        When it does not compile, is longer than `LONGEST_PATTERN`, repeats a group that itself repeats or branches, has
        more than `MOST_UNBOUNDED` unbounded repeats, or more than `MOST_CHOICES` ways to read the rest, refers back to
        a group, has comments, or what Python and PCRE read differently.
    """
    if not isinstance(pattern, str):
        raise QueryError(f"A regular expression must be a string, not {type(pattern).__name__}.")
    pattern = str.__str__(pattern)
    if len(pattern) > LONGEST_PATTERN:
        raise QueryError(
            f"A regular expression of {len(pattern)} characters is too long; {LONGEST_PATTERN} are allowed. Query for "
            "equal values with In(...), or shorten the pattern."
        )
    reason = _Walk().reason_to_refuse(pattern)
    if reason:
        raise QueryError(f"This regular expression is refused, because it {reason}.", pattern=pattern)
    try:
        re.compile(pattern)
        pattern.encode()
    except (re.error, FutureWarning, OverflowError, RecursionError, UnicodeEncodeError) as error:
        raise QueryError(f"This is not a regular expression: {error}.", pattern=pattern) from error


@lru_cache(maxsize=100)
def n_unbounded(pattern: str) -> int:
    """Return how many repeats of a pattern have no upper bound."""
    walk = _Walk()
    walk.reason_to_refuse(pattern)
    return walk.n_unbounded


@dataclass
class _Walk:
    """Where the walk over a pattern is: for each open group, whether it repeats or branches inside.

    ``n_choices`` is in how many ways all that is optional, repeats within bounds, or branches may be read together.
    """

    branches: list[bool] = field(default_factory=lambda: [False])
    alternatives: list[int] = field(default_factory=lambda: [1])
    n_choices: float = 1
    closed_group_branches: bool = False
    n_unbounded: int = 0

    def reason_to_refuse(self, pattern: str) -> str:
        if "\0" in pattern:
            return "holds a NUL character"
        for token in _TOKEN.finditer(pattern):
            reason = self._step(token.lastgroup, token.group())
            if reason:
                return reason
        if self.n_unbounded > MOST_UNBOUNDED:
            return f"has {self.n_unbounded} unbounded repeats, more than {MOST_UNBOUNDED}"
        if self.n_choices > MOST_CHOICES:
            return "has too many optional parts, alternatives and repeats one after the other, which can take forever"
        return ""

    def _step(self, kind: str | None, text: str) -> str:
        group_branches, self.closed_group_branches = self.closed_group_branches, False
        if kind == "open":
            self.branches.append(False)
            self.alternatives.append(1)
            return _reason_to_refuse_group(text)
        elif kind == "close":
            # One that closes nothing is for the compiler to tell.
            self.n_choices *= self.alternatives.pop() if len(self.alternatives) > 1 else 1
            self.closed_group_branches = len(self.branches) > 1 and self.branches.pop()
            self.branches[-1] |= self.closed_group_branches
        elif kind == "or":
            self.branches[-1] = True
            self.alternatives[-1] += 1
        elif kind == "repeat":
            return self._repeat(text, group_branches)
        elif kind == "set" and _AMBIGUOUS_IN_SETS.search(re.sub(r"\\.", "", text[1:], flags=re.DOTALL)):
            return "has '[', '--', '&&', '~~' or '||' in a set; put a backslash before each of these characters"
        elif kind == "escape":
            return _ESCAPES.get(text[1], "")
        return ""

    def _repeat(self, text: str, group_branches: bool) -> str:
        if text.startswith("{,"):
            return f"has a repeat without a lower bound; write {{0{text[1:]}"
        fewest, most = _bounds(text)
        if most > 1 and group_branches:
            return "repeats a group that itself repeats or branches, which can take forever"
        self.n_unbounded += most == math.inf
        self.n_choices *= most - fewest + 1 if most < math.inf else 1
        self.branches[-1] |= most != fewest
        return ""


def _reason_to_refuse_group(opening: str) -> str:
    if opening in ("(?P=", "(?(", "(?#"):
        return "refers back to a group, or has comments"
    if _FLAGS.fullmatch(opening) and set(opening[2:]) - set("ims-"):
        return "switches on other flags than i, m and s"
    return ""


def _bounds(repeat: str) -> tuple[float, float]:
    """Return the fewest and the most repeats that ``*``, ``+``, ``?`` or ``{m,n}`` stands for."""
    if repeat in ("*", "+", "?"):
        return 0, 1 if repeat == "?" else math.inf
    fewest, comma, most = repeat.strip("{}").partition(",")
    if not comma:
        return int(fewest), int(fewest)
    return int(fewest), int(most) if most else math.inf
