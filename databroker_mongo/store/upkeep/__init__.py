"""What a database needs beside its documents: indexes, views, summaries, and to be looked through."""
