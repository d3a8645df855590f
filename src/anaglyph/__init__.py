"""Anaglyph: one space for pictures, 3D shapes and words, learned mostly without labels."""

__version__ = "0.1.0"
