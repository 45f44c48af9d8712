"""How Sphinx builds this documentation. Every warning is an error (``.ci/run``)."""

from __future__ import annotations

from configparser import ConfigParser
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from databroker_mongo.config import settings

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


class Settings(SphinxDirective):
    """The keys of a catalog or of a site, as the code has them: ``.. settings:: CATALOG_KEYS``."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        rows: list[Any] = [("Key", "Meaning")]
        rows += [(f"``{key}``", setting.text) for key, setting in vars(settings)[self.arguments[0]].items()]
        table = [".. list-table::", "   :header-rows: 1", "   :widths: 28 72", ""]
        table += [line for key, text in rows for line in (f"   * - {key}", f"     - {text}")]
        return self.parse_text_to_nodes("\n".join(table))


def setup(app: Sphinx) -> None:
    app.add_directive("settings", Settings)
