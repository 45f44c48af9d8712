"""Who does the tasks: a module for each, with a class ``Contestant``, imported in a process of its own."""
