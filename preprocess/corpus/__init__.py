"""Passes over the whole corpus: select, deduplicate, split, write."""
