"""What a maintainer runs: set-up, tests, benchmarks, training."""
