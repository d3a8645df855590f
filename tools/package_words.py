"""Make the word vectors of the package: python tools/package_words.py [LVIS.json]

Each word of all-MiniLM-L6-v2's vocabulary, and of LVIS's names and definitions where that file is given, is
read in one sentence about a 3D model, which tells the shrub from the president; the first components of the
centred sentence vectors are kept. Needs the extra `sentence`.
"""

import json
import re
import sys
from pathlib import Path

import torch
import torch.nn.functional as F

from anaglyph.encoders.towers.sentence import Sentence, installed_folder
from anaglyph.encoders.word_vectors import write_word_vectors

TARGET = Path(__file__).parents[1] / "src/anaglyph/weights/mini_words.safetensors"
LICENCE = "Apache-2.0; distilled from all-MiniLM-L6-v2 (Apache-2.0); words of LVIS (CC BY 4.0)"
SENTENCE = "a 3d model of a {}"
COMPONENTS = 96


def vocabulary(lvis: Path | None) -> list[str]:
    """Words of two letters and more: the tokenizer's whole ones, then LVIS's others by alphabet."""
    tokens = json.loads((installed_folder() / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]
    words = [token for token in tokens if re.fullmatch(r"[a-z]{2,}", token)]
    classes = [] if lvis is None else json.loads(lvis.read_text(encoding="utf-8"))
    texts = [text for each in classes for text in (each["name"], each["def"], *each["synonyms"])]
    further = {word for text in texts for word in re.findall(r"[a-z]{2,}", text.lower())}
    return words + sorted(further - set(words))


def main(lvis: Path | None) -> None:
    """Write the table."""
    words = vocabulary(lvis)
    tower = Sentence().text(root=Path())
    parts = [words[first : first + 256] for first in range(0, len(words), 256)]
    vectors = torch.cat(
        [F.normalize(tower([SENTENCE.format(word) for word in part]), dim=1) for part in parts]
    )
    centred = (vectors - vectors.mean(dim=0)).double()
    components = torch.linalg.eigh(centred.T @ centred).eigenvectors.flip(1)[:, :COMPONENTS]
    components = components * components.sum(dim=0).sign()  # an eigenvector's sign is arbitrary
    write_word_vectors(TARGET, words, centred @ components, licence=LICENCE)
    print(f"{TARGET}: {len(words)} words, {TARGET.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
