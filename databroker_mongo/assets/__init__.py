"""From a resource and its datums to numbers: handlers, roots, open files. Nothing here knows MongoDB."""
