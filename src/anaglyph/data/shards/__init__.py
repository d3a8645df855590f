"""Records in tar shards: written once, read at any place, verified."""
