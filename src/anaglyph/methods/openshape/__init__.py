"""OpenShape: a shape encoder towards frozen pictures and texts."""
