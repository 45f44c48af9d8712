"""Frames and columns in HDF5."""
