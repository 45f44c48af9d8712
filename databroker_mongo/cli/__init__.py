"""The command ``databroker-mongo``."""
