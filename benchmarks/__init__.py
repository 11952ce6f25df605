"""One runnable file per question; each writes its figures to `benchmarks/results/`."""
