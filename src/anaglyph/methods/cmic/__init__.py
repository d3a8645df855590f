"""CMIC: the very shape that a picture shows."""
