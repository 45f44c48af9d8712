"""A file from the network, whole and checked: downloaded, unpacked, with a progress bar.

What does not belong here: what is fetched and what becomes of it (``tutorial_utils``).
"""
