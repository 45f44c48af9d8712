"""The tutorial's data: simulated runs, and downloads."""
