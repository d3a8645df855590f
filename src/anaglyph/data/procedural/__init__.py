"""Parametric objects made in code: categories, parts, materials, captions."""
