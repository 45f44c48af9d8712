"""Everything that speaks to MongoDB: connections, layouts, indexes, the local server. No file format is known here."""
