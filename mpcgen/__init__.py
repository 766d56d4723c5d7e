"""Joint statistical genetics on data that must not move."""
