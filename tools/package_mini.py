"""Put the towers of mini into the package: python tools/package_mini.py RUN."""

import sys
from pathlib import Path

from anaglyph.encoders.towers.dual import write_slim
from anaglyph.engine.models import find_weights

LICENCE = "Apache-2.0; trained on objects of Kenney and Quaternius (CC0 1.0) and on objects made by Anaglyph"
TARGET = Path(__file__).parents[1] / "src/anaglyph/weights/mini_towers.safetensors"

if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python tools/package_mini.py RUN")
    write_slim(find_weights(Path(sys.argv[1])), TARGET, header={"licence": LICENCE})
    print(f"{TARGET}: {TARGET.stat().st_size / 1e6:.1f} MB")
