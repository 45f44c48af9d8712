"""From an event stream to an xarray.Dataset: structure, columns, dataset. No MongoDB and no file format here."""
