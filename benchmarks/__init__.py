"""The matcher and the loss of `helpers` beside transformers' own, in one run: `python -m benchmarks`."""
