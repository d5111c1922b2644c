"""Measurements of speed and memory; each file is one, run by itself, and `python -m benchmarks` those with a baseline."""
