"""Token shards in, checkpoints out: a GPT on Megatron-Core."""
