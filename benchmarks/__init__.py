"""Benchmarks of speed and memory; `python -m benchmarks` runs all that have a target."""
