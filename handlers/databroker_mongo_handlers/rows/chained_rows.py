"""Rows of several sources, one source after the other: files that roll over, the data files of an Eiger.

Which sources there are is for those to say who know the files; nothing is opened here.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Protocol

from .rows import Array, BeforeOpening, Block, EndsEarly, Layout, Rows, RowStructure, way_of


class CountedRows(Rows, Protocol):
    """Rows of which it is known how many there are."""

    def n_rows(self) -> int:
        """Return how many whole rows there are now."""
        ...

    def layout(self, number: int = 0) -> Layout:
        """Return the shape of the array that a row is taken from, and how it is.

        Raises
        ------
        OSError
            When a file is missing, damaged or open for writing.
        """
        ...

    def require_sources(self) -> None:
        """Refuse to take for all rows those before the first file that is missing.

        Raises
        ------
        OSError
            When such a file is missing.
        """
        ...


@dataclass
class _Piece:
    """Part of a block that lies in one source: where it goes in the buffer, and which rows of the source it is."""

    source: int
    groups: slice
    rows: slice
    block: Block


class ChainedRows:
    """Rows of sources, numbered through.

    Parameters
    ----------
    find_sources : callable
        Returns the sources there are now, in order; called again when rows beyond the known end are asked for. All but
        the last keep their number of rows. It is given what is to be called with the path of each other file before it
        is opened, or None.
    list_paths : callable
        Returns the files there are now, opening none.
    name : str
        What an error message calls all this.
    """

    def __init__(
        self,
        find_sources: Callable[[BeforeOpening | None], Sequence[CountedRows]],
        *,
        list_paths: Callable[[], list[str]],
        name: str,
    ):
        self._find_sources = find_sources
        self._list_paths = list_paths
        self._name = name
        self._sources: Sequence[CountedRows] = ()
        self._starts = [0]

    def describe(self, first: int, count: int) -> RowStructure:
        """Return the structure of rows ``first`` to ``first + count``.

        Raises
        ------
        OSError
            When a source is missing, damaged or open for writing, or the last ends before these rows.
        ValueError
            When sources differ in the shape or dtype of their rows.
        """
        found: RowStructure | None = None
        for piece in self._cut(Block(first, count, count, 1)):
            structure = self._sources[piece.source].describe(piece.block.first, piece.block.size)
            found = found or structure
            if structure[:2] != found[:2]:
                raise ValueError(
                    f"{self._name}: part {piece.source + 1} holds rows of {structure.dtype} and shape "
                    f"{structure.shape}, unlike the {found.dtype} of shape {found.shape} before"
                )
        if found is None:
            raise EndsEarly(f"{self._name} has no rows yet")
        return found

    def layout(self, number: int = 0) -> Layout:
        """Return the shape of the first source's array, and how many rows all make.

        Raises
        ------
        OSError
            When a source is missing, damaged or open for writing, or there is none yet.
        """
        self._look_again()
        if not self._sources:
            raise EndsEarly(f"{self._name} has no rows yet")
        return self._sources[0].layout()._replace(n_rows=self._starts[-1])

    def way(self, number: int = 0) -> str:
        """Return how a row is read, in words.

        Raises
        ------
        OSError
            When its source is missing, damaged or open for writing, or the last ends before it.
        """
        (piece,) = self._cut(Block(number, 1, 1, 1))
        return way_of(self._sources[piece.source], piece.block.first)

    def read(self, out: Array, block: Block, inner: Sequence[slice]) -> None:
        """Fill ``out``, of shape ``(count, size, *inner)``, source by source.

        Raises
        ------
        OSError
            When a source is missing, damaged, short or open for writing.
        ValueError
            When a source has rows of another shape or dtype.
        """
        for piece in self._cut(block):
            self._sources[piece.source].read(out[piece.groups, piece.rows], piece.block, inner)

    def n_rows(self) -> int:
        """Return how many whole rows there are now."""
        self._look_again()
        return self._starts[-1]

    def require_sources(self) -> None:
        """Refuse to take for all rows those before the first file that is missing."""
        self._look_again()
        for source in self._sources[-1:]:
            source.require_sources()

    def paths(self, numbers: Iterable[int]) -> list[str]:
        """Return the files of all sources there are now, opening none."""
        return self._list_paths()

    def linked_files(self, numbers: Iterable[int] = (), *, before_opening: BeforeOpening | None = None) -> list[str]:
        """Return the files that the sources' files refer to, from headers alone."""
        sources = self._sources or self._find_sources(before_opening)
        found = (path for source in sources for path in source.linked_files(before_opening=before_opening))
        return list(dict.fromkeys(found))

    def close(self) -> None:
        """Close all sources."""
        for source in self._sources:
            source.close()
        self._sources, self._starts = (), [0]

    def _look_again(self) -> None:
        self.close()
        self._sources = self._find_sources(None)
        for source in self._sources[:-1]:
            source.require_sources()  # or the rows of the next would be taken for its own
        self._starts = list(accumulate((source.n_rows() for source in self._sources), initial=0))

    def _cut(self, block: Block) -> list[_Piece]:
        if block.stop > self._starts[-1]:
            self._look_again()
        if block.stop > self._starts[-1]:
            raise EndsEarly(self._shortage(block))
        pieces: list[_Piece] = []
        for group in range(block.count):
            for piece in self._cut_group(block, group):
                if pieces and _is_continued_by(pieces[-1], piece, block):
                    last = pieces[-1]
                    last.groups = slice(last.groups.start, group + 1)
                    last.block = replace(last.block, count=last.block.count + 1)
                else:
                    pieces.append(piece)
        return pieces

    def _shortage(self, block: Block) -> str:
        found = f"{self._name}: rows {block.first} to {block.stop} were requested, but it has {self._starts[-1]}"
        try:
            if self._sources:
                self._sources[-1].describe(block.stop - self._starts[-2] - 1, 1)
        except OSError as error:
            return f"{found}: {error}"
        return found

    def _cut_group(self, block: Block, group: int) -> Iterator[_Piece]:
        start = block.first + group * block.step
        position = start
        while position < start + block.size:
            source = bisect_right(self._starts, position) - 1
            stop = min(start + block.size, self._starts[source + 1])
            inside = Block(position - self._starts[source], stop - position, block.step, 1)
            yield _Piece(source, slice(group, group + 1), slice(position - start, stop - start), inside)
            position = stop


def _is_continued_by(last: _Piece, piece: _Piece, block: Block) -> bool:
    """Tell whether two whole groups of neighbours lie in the same source, so that one read serves both."""
    return last.source == piece.source and last.block.size == piece.block.size == block.size
