"""Many pictures and texts of a shape at once."""
