"""The class names of ModelNet, ScanObjectNN, Redwood, CO3D and ShapeNet-55 (dossier CrossMoST, 4).

`official` is how a data set spells a class; `words` is how a person would, which is what a text tower reads
best. Rows of both belong together, in the order of the published labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from anaglyph.errors import ConfigError, unknown_name


@dataclass(frozen=True)
class ClassList:
    """The classes of one data set."""

    title: str
    official: tuple[str, ...]
    words: tuple[str, ...]
    """As a person writes them."""
    train: int = 0
    """Published number of training objects; 0 where the dossier names none."""
    test: int = 0

    def __post_init__(self) -> None:
        for names in (self.official, self.words):
            if len(set(names)) != len(names):
                raise ValueError(f"{self.title} names a class twice")
        if len(self.words) != len(self.official):
            raise ValueError(f"{self.title}: {len(self.words)} words for {len(self.official)} classes")

    def __len__(self) -> int:
        return len(self.official)


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _listed(
    title: str, official: tuple[str, ...], *, said: Mapping[str, str] | None = None, **counts: int
) -> ClassList:
    """Words are the official names with spaces for underscores, but for those in `said`."""
    words = tuple((said or {}).get(name, name.replace("_", " ")) for name in official)
    return ClassList(title, official, words, **counts)


_MODELNET40 = _names(
    """airplane bathtub bed bench bookshelf bottle bowl car chair cone cup curtain desk door dresser
    flower_pot glass_box guitar keyboard lamp laptop mantel monitor night_stand person piano plant radio
    range_hood sink sofa stairs stool table tent toilet tv_stand vase wardrobe xbox"""
)
_MODELNET10 = _names("bathtub bed chair desk dresser monitor night_stand sofa table toilet")
_MEDIUM = _names(
    """cone cup curtain door dresser glass_box mantel monitor night_stand person plant radio range_hood sink
    stairs stool tent toilet tv_stand vase wardrobe xbox"""
)
_EASIER = frozenset(_names("cup monitor stool vase wardrobe"))
"""Of the medium ones; the others are the hard ones."""
_SCANOBJECTNN = _names("bag bin box cabinet chair desk display door shelf table bed pillow sink sofa toilet")
_REDWOOD = _names("chair table trash_container bench plant sign bicycle motorcycle sofa")
_CO3D = _names(
    """bench skateboard backpack laptop cup umbrella teddybear bowl cake toyplane remote orange toaster couch
    apple bottle donut hairdryer hydrant toytrain pizza motorcycle suitcase banana toilet sandwich keyboard
    mouse toytruck handbag broccoli wineglass microwave baseballglove book carrot ball bicycle chair stopsign
    vase plant"""
)
_CO3D_WORDS = {
    "baseballglove": "baseball glove", "hairdryer": "hair dryer", "hydrant": "fire hydrant",
    "mouse": "computer mouse", "remote": "remote control", "stopsign": "stop sign",
    "teddybear": "teddy bear", "toyplane": "toy plane", "toytrain": "toy train", "toytruck": "toy truck",
    "wineglass": "wine glass",
}  # fmt: skip
SHAPENET55_SYNSETS: Mapping[str, str] = dict(
    line.split(None, 1)
    for line in """02691156 airplane
02747177 ashcan
02773838 bag
02801938 basket
02808440 bathtub
02818832 bed
02828884 bench
02843684 birdhouse
02871439 bookshelf
02876657 bottle
02880940 bowl
02924116 bus
02933112 cabinet
02942699 camera
02946921 can
02954340 cap
02958343 car
02992529 cellular telephone
03001627 chair
03046257 clock
03085013 computer keyboard
03207941 dishwasher
03211117 display
03261776 earphone
03325088 faucet
03337140 file
03467517 guitar
03513137 helmet
03593526 jar
03624134 knife
03636649 lamp
03642806 laptop
03691459 loudspeaker
03710193 mailbox
03759954 microphone
03761084 microwave
03790512 motorcycle
03797390 mug
03928116 piano
03938244 pillow
03948459 pistol
03991062 pot
04004475 printer
04074963 remote control
04090263 rifle
04099429 rocket
04225987 skateboard
04256520 sofa
04330267 stove
04379243 table
04401088 telephone
04460130 tower
04468005 train
04530566 vessel
04554684 washer""".splitlines()
)
"""ShapeNet-55's synsets -> the first of their names."""
_SHAPENET_WORDS = {"ashcan": "trashcan", "display": "monitor", "vessel": "ship"}
"""What CrossMoST's start says instead (dossier 1.9)."""

CLASS_LISTS: Mapping[str, ClassList] = {
    "modelnet10": _listed("ModelNet10", _MODELNET10, train=3991, test=908),
    "modelnet40": _listed("ModelNet40", _MODELNET40, train=9843, test=2468),
    "modelnet40_medium": _listed("ModelNet40 without ShapeNet's most common classes", _MEDIUM),
    "modelnet40_hard": _listed(
        "ModelNet40's classes that ShapeNet lacks", tuple(name for name in _MEDIUM if name not in _EASIER)
    ),
    "scanobjectnn": _listed("ScanObjectNN", _SCANOBJECTNN, train=2309, test=581),
    "redwood": _listed("Redwood", _REDWOOD),
    "co3d": _listed("CO3D, 42 classes", _CO3D, said=_CO3D_WORDS),
    "shapenet55": _listed(
        "ShapeNet-55", tuple(SHAPENET55_SYNSETS.values()), said=_SHAPENET_WORDS, train=41_952, test=10_518
    ),
}
"""Every list by its name."""


def class_list(name: str) -> ClassList:
    """A list by its name; ConfigError for an unknown one."""
    if name not in CLASS_LISTS:
        raise ConfigError(unknown_name("class list", name, sorted(CLASS_LISTS)))
    return CLASS_LISTS[name]
