"""Columnar copies of events: made, believed, read and dropped."""
