"""stanford_cars3d: Stanford Cars (Krause et al., 2013) with the 3D annotations of Wang et al., 2018."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from anaglyph.data.datasets.car_records import CarBenchmark
from anaglyph.data.datasets.cars3d import Cars3D


@dataclass(frozen=True, kw_only=True)
class StanfordCars3D(Cars3D):
    """16,185 photographs of 196 fine classes of cars, against 134 CAD models."""

    benchmark: ClassVar[CarBenchmark] = CarBenchmark(
        name="stanford_cars3d",
        annotations="Anno3D/StanfordCars",
        listed="CAD/StanfordCars3D.txt",
        photographs={"train": "cars_train", "test": "cars_test"},
        classes=196,
        models=134,
        images={"train": 8_144, "test": 8_041},
    )
    title: ClassVar[str] = "Stanford Cars with 3D annotations: 16,185 photographs, 134 CAD models"
    licence: ClassVar[str] = (
        "photographs: research use (Krause et al., 2013); CAD models: ShapeNet's terms, non-commercial "
        "research; annotations: no licence stated (cite Wang et al., ECCVW 2018 and arXiv 1810.09263)"
    )
    obtain: ClassVar[str] = (
        "Clone https://github.com/yangyi02/finegrained-pose into the data root. Photographs: the home page "
        "has been gone since 2023; people take cars196 of TensorFlow Datasets, Kaggle or hub mirrors: put "
        "the original cars_train/ and cars_test/ (00001.jpg ...) into Image/StanfordCars. CAD models: "
        "register at https://shapenet.org and put synset 02958343 of ShapeNetCore v1 into CAD/. Then run "
        "'anaglyph data prepare stanford_cars3d'."
    )

    images: str = "Image/StanfordCars"
    mask_folder: str = "Segment_Final/StanfordCars"
