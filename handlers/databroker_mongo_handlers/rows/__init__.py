"""What handlers are made of: rows of files and of frames, whatever the format."""
