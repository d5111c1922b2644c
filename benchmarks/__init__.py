"""Measurements of speed and memory; each file is one, run by itself."""
