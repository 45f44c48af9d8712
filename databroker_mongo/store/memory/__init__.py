"""What a server does, done over the documents of mongomock."""
