"""Programs that measure; nothing in them passes or fails, but for the findings of `benchmarks.scan`."""
