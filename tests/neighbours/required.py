"""Packages that these tests are about: they may be absent on a developer's machine, and not in CI."""

import importlib
import os
import warnings

import pytest


def required(name):
    """Import a neighbour, or skip the tests of the module that asks for it; in CI its absence is an error."""
    if not os.environ.get("CI"):
        return pytest.importorskip(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # how they import others is not what is tested
        return importlib.import_module(name)
