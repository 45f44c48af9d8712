"""Tables and time series: text, Pizza Box, times of frames. Its handlers are found through entry points."""

from __future__ import annotations

__all__: list[str] = []
