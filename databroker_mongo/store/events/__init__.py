"""The events of a stream as rows and columns."""
