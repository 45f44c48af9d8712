"""Which runs answer to a query."""
