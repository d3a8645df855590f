"""An index over HTTP, and the gallery."""
