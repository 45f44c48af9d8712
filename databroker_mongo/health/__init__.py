"""What is wrong: with the documents of a run, and with its files."""
