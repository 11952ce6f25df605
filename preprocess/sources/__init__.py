"""Where dumps come from: tars, arXiv's manifest, the metadata snapshot."""
