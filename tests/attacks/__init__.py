"""Attempts to learn more than the plan releases, and to pass off what is wrong as right."""
