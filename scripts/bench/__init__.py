"""Benchmarks: accuracy, latency, cost."""
