"""arXiv id → split and bucket, by hash: they depend on nothing else, so they never change while a corpus grows."""

from shards.fingerprint import unit_interval

TRAIN = "train"
VALIDATION = "validation"
SPLITS = (TRAIN, VALIDATION)


def split_of(arxiv_id: str, validation_share: float) -> str:
    """`validation` for that share of all ids, else `train`. A larger share keeps all of a smaller one's validation papers."""
    return VALIDATION if unit_interval(arxiv_id, "split") < validation_share else TRAIN


def bucket_order(arxiv_id: str) -> float:
    """Where an id stands among all, in [0, 1): the order inside a bucket, and of the buckets."""
    return unit_interval(arxiv_id, "bucket")


def bucket_of(arxiv_id: str, bucket_bits: int) -> int:
    """The id's bucket among 2^bits. One bit more cuts each bucket in two: bucket b becomes 2b and 2b+1."""
    return int(bucket_order(arxiv_id) * (1 << bucket_bits))
