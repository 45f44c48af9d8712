"""From a URI to open collections, and what may go wrong on the way to a server."""
