"""Seeded augmentation of whole batches."""
