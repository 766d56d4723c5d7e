"""Measurements: python -m benchmarks writes RESULTS.md."""
