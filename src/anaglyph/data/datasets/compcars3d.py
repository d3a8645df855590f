"""compcars3d: CompCars (Yang et al., CVPR 2015) with the 3D annotations of Wang et al., 2018."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from anaglyph.data.datasets.car_records import CarBenchmark
from anaglyph.data.datasets.cars3d import Cars3D


@dataclass(frozen=True, kw_only=True)
class CompCars3D(Cars3D):
    """5,696 photographs of 113 fine classes of cars, against 98 CAD models."""

    benchmark: ClassVar[CarBenchmark] = CarBenchmark(
        name="compcars3d",
        annotations="Anno3D/CompCars",
        listed="CAD/CompCars3D.txt",
        photographs={"train": "image", "test": "image"},
        classes=113,
        models=98,
        images={"train": 3_798, "test": 1_898},
    )
    title: ClassVar[str] = "CompCars with 3D annotations: 5,696 photographs, 98 CAD models"
    licence: ClassVar[str] = (
        "photographs: non-commercial research, by agreement with CUHK's multimedia laboratory; CAD models: "
        "ShapeNet's terms, non-commercial research; annotations: no licence stated (cite Wang et al., ECCVW "
        "2018 and arXiv 1810.09263)"
    )
    obtain: ClassVar[str] = (
        "Clone https://github.com/yangyi02/finegrained-pose into the data root. Photographs: ask for them as "
        "http://mmlab.ie.cuhk.edu.hk/datasets/comp_cars/ describes and put the folder image/ "
        "(<make>/<model>/<year>/<name>.jpg) into Image/CompCars. CAD models: register at "
        "https://shapenet.org and put synset 02958343 of ShapeNetCore v1 into CAD/. Then run 'anaglyph data "
        "prepare compcars3d'."
    )

    images: str = "Image/CompCars"
    mask_folder: str = "Segment_Final/CompCars"
