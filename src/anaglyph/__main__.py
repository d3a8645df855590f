"""`python -m anaglyph`, and so `torchrun -m anaglyph train ...`."""

from anaglyph.cli.main import entry_point

if __name__ == "__main__":
    entry_point()
