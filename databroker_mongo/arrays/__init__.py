"""From an event stream to an xarray.Dataset: structure, columns, dataset. Nothing here knows MongoDB or a file format."""
