"""Between corpus and trainer, and after it: tokenizer, token shards, export, plan, doctor."""
