"""What is found: an index of 3D models on disk, and queries by picture, words or shape."""
