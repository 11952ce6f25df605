"""Raw arXiv tars in, a corpus of text shards and a ledger of every loss out."""
