"""ULIP: shapes in the space of frozen picture and text towers."""
