"""Directories that databroker-pack wrote."""
