"""Fields of the start document in allowed roots: ``/data/{cycle}/{data_session}`` is another directory for each run.

What does not belong here: what is put in their place (``assets.run_roots``).
"""

from __future__ import annotations

from string import Formatter


def split_root(root: str) -> list[tuple[str, str | None]]:
    """Return the texts of an allowed root, each with the field that stands after it; None where none does.

    Raises
    ------
    ValueError
        Its braces hold something else.

    Examples
    --------
    >>> split_root("/data/{cycle}/{proposal.id}/raw")
    [('/data/', 'cycle'), ('/', 'proposal.id'), ('/raw', None)]
    >>> split_root("/data/{{x}}")
    [('/data/{', None), ('x}', None)]
    """
    try:
        parts = list(Formatter().parse(root))
    except ValueError:
        raise _not_a_field(root) from None
    for _, field, form, conversion in parts:
        if field is not None and (form or conversion or not all(map(_is_name, field.split(".")))):
            raise _not_a_field(root)
    return [(text, field) for text, field, _, _ in parts]


def fields_of(root: str) -> frozenset[str]:
    """Return the fields in a root, by which it is another directory for each run."""
    return frozenset(field for _, field in split_root(root) if field is not None)


def literal_root(directory: str) -> str:
    """Return a directory as an allowed root, whatever braces its name has."""
    return directory.replace("{", "{{").replace("}", "}}")


def _is_name(name: str) -> bool:
    return bool(name) and not name.isdigit() and name.isprintable() and not set(name) & set(" []{}")


def _not_a_field(root: str) -> ValueError:
    return ValueError(
        f"allowed_roots has {root!r}, in which braces do not hold the name of a field of the start document, such as "
        "{data_session} or {proposal.id}. A brace that belongs to the name of a directory is written twice"
    )
