"""Several databases of runs as one, each run once: which runs there are is asked of all, what is in one of its own."""
