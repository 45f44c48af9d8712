"""How Sphinx builds this documentation. Every warning is an error (``.ci/run``)."""

from __future__ import annotations

from configparser import ConfigParser
from pathlib import Path

_setup = ConfigParser()
_setup.read(Path(__file__).parent.parent / "setup.cfg")

project = "databroker-mongo"
copyright = "the databroker-mongo contributors"
version = release = _setup["metadata"]["version"]

extensions = ["sphinx.ext.autodoc", "numpydoc"]
exclude_patterns = ["_build"]
default_role = "py:obj"

autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints = "none"
numpydoc_show_class_members = False

html_theme = "pydata_sphinx_theme"
html_title = project
html_theme_options = {"secondary_sidebar_items": ["page-toc"], "show_prev_next": False}
html_sidebars = {"**": ["sidebar-nav-bs"]}
html_show_sourcelink = False
