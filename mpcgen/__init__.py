"""Joint statistical genetics on data that must not move."""

__version__ = "0.1.0"
