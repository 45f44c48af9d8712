"""The configuration of a facility, as the page about it has it."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

PAGE = Path(__file__).parents[2] / "docs/how-to/serve-a-facility.rst"


def blocks(language: str) -> list[str]:
    """Return the texts of the blocks of a language in the page."""
    parts = PAGE.read_text(encoding="utf-8").split(f".. code-block:: {language}\n\n")[1:]
    return [dedent(re.split(r"\n(?=\S)", part)[0]) for part in parts]


def here(text: str, replacements: dict[str, str]) -> str:
    """Return a text with places of this test in the place of the facility's, all of which it must name."""
    for there, value in replacements.items():
        assert there in text, there
        text = text.replace(there, value)
    return text


def write_facility(directory: Path, uri: str) -> dict[str, str]:
    """Write ``config.yml`` and ``sessions.yml``; return the environment that they need."""
    configuration, sessions, *_ = blocks("yaml")
    places = {"mongodb://mongo.example.org/bmm": uri, "/etc/tiled": str(directory), "/var/lib/tiled": str(directory)}
    (directory / "config.yml").write_text(here(configuration, places))
    (directory / "sessions.yml").write_text(here(sessions, {"pass-123456": "pass-1"}))
    return {"ALICES_PASSWORD": "secret", "ADAS_PASSWORD": "secret", "SECRET_KEY": "secret" * 6}
