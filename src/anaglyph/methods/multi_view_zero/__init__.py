"""Rendered views and one image encoder, without training."""
