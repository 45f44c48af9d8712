"""Handlers of detector file formats, found through entry points and never imported by name.

Each module holds the handlers of one format. They know files and NumPy; nothing here knows MongoDB, runs, dask or
the package ``databroker_mongo``. ``README.rst`` says how to write another one.
"""
