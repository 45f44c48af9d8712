"""Settings from YAML files and the environment. Nothing else in the package reads either, and nothing at import.

The parts, from the values up::

    uris            a URI that never shows its password; redact_uri
    settings        CatalogSettings, SiteSettings: the table of all keys          readers       how each is read
    whole_paths     directories that mean one place   root_fields   fields in allowed roots
    yaml_files      YAML with line numbers        parsing       of its text
    directories     where files are looked for
    own_form        our YAML form                 older_forms   intake's and databroker's
    scan            all files of this machine, read now
    entries         the catalogs by name          site          what the site says
    handed_on       what handlers ask the environment for
    credentials     secrets, at the moment a URI is opened
    added           files written by `catalog.add`                  migration     from their forms to ours

What belongs elsewhere: the meaning of a URI (``store/``), importing handlers, mapping and checking paths
(``assets/``), opening a catalog by name (``named``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..doors import open_late
from .credentials import reveal
from .directories import search_directories, spool_directory, tutorial_data_directory, user_directory
from .handed_on import hand_on
from .readers import COUNTED, NO_BLOCKS, SETTLED, TRANSFORMED
from .root_fields import fields_of, literal_root, split_root
from .settings import CATALOG_KEYS, SITE_KEYS, URI_OPTIONS, CatalogSettings, SiteSettings
from .site import require_importable, require_importable_rule, site_settings
from .uris import Uri, is_uri, redact_uri
from .whole_paths import Directory, whole_root_map, whole_roots

if TYPE_CHECKING:
    from .added import remove_entry, write_entry
    from .entries import Entries, find_entries
    from .migration import migrate, write_new
    from .older_forms import settings_of_v0, v0_contents
    from .parsing import read_yaml

__all__ = [
    "CATALOG_KEYS",
    "COUNTED",
    "NO_BLOCKS",
    "SETTLED",
    "SITE_KEYS",
    "TRANSFORMED",
    "URI_OPTIONS",
    "CatalogSettings",
    "Directory",
    "Entries",
    "SiteSettings",
    "Uri",
    "fields_of",
    "find_entries",
    "hand_on",
    "is_uri",
    "literal_root",
    "migrate",
    "read_yaml",
    "redact_uri",
    "remove_entry",
    "require_importable",
    "require_importable_rule",
    "reveal",
    "search_directories",
    "settings_of_v0",
    "site_settings",
    "split_root",
    "spool_directory",
    "tutorial_data_directory",
    "user_directory",
    "v0_contents",
    "whole_root_map",
    "whole_roots",
    "write_entry",
    "write_new",
]

if not TYPE_CHECKING:  # late: who opens a catalog by its URI needs no catalogs by name
    __getattr__ = open_late(
        __name__,
        {
            "added": ("remove_entry", "write_entry"),
            "entries": ("Entries", "find_entries"),
            "migration": ("migrate", "write_new"),
            "older_forms": ("settings_of_v0", "v0_contents"),
            "parsing": ("read_yaml",),
        },
    )
