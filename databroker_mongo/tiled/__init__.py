"""Runs over HTTP, through a Tiled server: the trees of its configuration.

::

    trees              from_name, from_uri: what a configuration names
    catalog_adapter    runs: searched, sorted, in pages      queries   what clients ask, as queries of ours
    run_adapter        a run, and the formats' name for it   metadata  documents as JSON and msgpack can have them
    stream_adapter     a stream as TiledWriter writes it     old_stream_adapter   ... as databroker 2 serves it
    tables | arrays    columns of it, together | by themselves, slices pushed down
    nodes              what all nodes are to Tiled           paging    what is kept between requests
    access             a policy for a server of runs         sessions  its file
    fence              files that documents may not name
    serving            a server of one's own, for the command
    expected_shapes    arrays that have grown meanwhile
    page               Tiled's page of it, with views.js: lists of runs, plots, frames
    answers            threads, and errors as answers        formats | routes   documents and health of runs; hdf5

Nothing that waits for MongoDB or for a file is called in Tiled's event loop. No other room imports this one, but the
command that serves: the extra ``[tiled]`` is large.

What does not belong here: how runs are found and read (``runs/``).
"""

from .serving import configure, listen, make_app, run
from .trees import from_name, from_uri, make_tree

__all__ = ["configure", "from_name", "from_uri", "listen", "make_app", "make_tree", "run"]
