"""Transformations of the data, without session or I/O. Pure."""
