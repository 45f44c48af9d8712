"""Packages that these tests are about: they may be absent on a developer's machine, and not in CI."""

import importlib
import os

import pytest


def required(name):
    """Import a neighbour, or skip the tests of the module that asks for it; in CI its absence is an error."""
    return importlib.import_module(name) if os.environ.get("CI") else pytest.importorskip(name)
