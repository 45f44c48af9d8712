"""The fence round the files of a server: whose account reads them is not who asks, so that documents may not choose."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import ConfigurationError
from ..queries import TagFields
from ..runs import Catalog


def require_fence(catalog: Catalog, name: str) -> None:
    """Insist that it is said which files a catalog may read.

    Parameters
    ----------
    catalog : Catalog
        What is to be served.
    name : str
        What the configuration calls it.

    Raises
    ------
    ConfigurationError
        It has no ``allowed_roots``.
    """
    if catalog.assets.roots.allowed_roots is None:
        raise ConfigurationError(
            f"{name} has no allowed_roots: its documents may name any file that the server's account can read, and "
            "whoever reads a run would be given that file. Set allowed_roots for the catalog or the site, such as "
            "/data/{cycle}/{data_session}; or, if nobody but you writes documents, say so with trust_documents: true "
            "(serve --trust-documents).",
            catalog=name,
        )


def gaps_in_fence(catalog: Catalog, tag_fields: TagFields) -> Iterator[str]:
    """Yield what allowed roots do not hold in, a sentence each."""
    roots = catalog.assets.roots
    if roots.allowed_roots is None:
        return
    paths = {each.path for each in tag_fields.fields}
    if paths and not paths & roots.fields:
        yield (
            f"no allowed root has a field of tag_field ({', '.join(sorted(paths))}): a run of one session may name the "
            "files of another. Write the directory of each session, such as /data/{data_session}."
        )
    for offer in catalog.assets.registry.silent():
        yield (
            f"the handler of {offer.name}, {offer}, does not tell to which files its files refer: a link in one leads "
            "out of allowed_roots."
        )
