"""From exported shards to batches."""
