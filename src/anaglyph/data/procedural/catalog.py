"""The categories of procedural objects: their words, their kind, and who builds them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from anaglyph.data.procedural import (
    aircraft,
    bicycles,
    bottles,
    buses,
    cars,
    clocks,
    cups,
    cutlery,
    dishes,
    guitars,
    houses,
    keyboards,
    laptops,
    lighting,
    lorries,
    monitors,
    potted_plants,
    seats,
    ships,
    soft_seats,
    storage,
    street_lamps,
    tables,
    things,
    tools,
    towers,
    trees,
    windmills,
)
from anaglyph.data.procedural.build import Built
from anaglyph.data.procedural.draws import Draws


@dataclass(frozen=True)
class Category:
    """One kind of object."""

    words: tuple[str, ...]
    """Its name in plain words, then synonyms."""
    kind: str
    """The wider group it belongs to."""
    builder: Callable[[Draws], Built]


CATEGORIES: Mapping[str, Category] = MappingProxyType(
    {
        "chair": Category(("chair", "seat", "dining chair"), "furniture", seats.chair),
        "stool": Category(("stool", "bar stool", "footstool"), "furniture", seats.stool),
        "sofa": Category(("sofa", "couch", "settee"), "furniture", soft_seats.sofa),
        "bench": Category(("bench", "park bench", "garden bench"), "furniture", soft_seats.bench),
        "bed": Category(("bed", "bedstead"), "furniture", soft_seats.bed),
        "table": Category(("table", "dining table", "coffee table"), "furniture", tables.table),
        "desk": Category(("desk", "writing desk", "office desk"), "furniture", tables.desk),
        "nightstand": Category(
            ("nightstand", "night stand", "bedside table"), "furniture", tables.nightstand
        ),
        "bookshelf": Category(("bookshelf", "bookcase", "shelf"), "furniture", storage.bookshelf),
        "cabinet": Category(("cabinet", "dresser", "sideboard"), "furniture", storage.cabinet),
        "wardrobe": Category(("wardrobe", "closet", "armoire"), "furniture", storage.wardrobe),
        "table_lamp": Category(("table lamp", "desk lamp", "lamp"), "lighting", lighting.table_lamp),
        "floor_lamp": Category(("floor lamp", "standing lamp", "lamp"), "lighting", lighting.floor_lamp),
        "street_lamp": Category(
            ("street lamp", "street light", "lamppost"), "lighting", street_lamps.street_lamp
        ),
        "mug": Category(("mug", "cup", "coffee mug"), "tableware", cups.mug),
        "bottle": Category(("bottle", "flask", "glass bottle"), "tableware", bottles.bottle),
        "vase": Category(("vase", "urn", "flower vase"), "tableware", bottles.vase),
        "bowl": Category(("bowl", "dish", "basin"), "tableware", dishes.bowl),
        "plate": Category(("plate", "dish", "dinner plate"), "tableware", dishes.plate),
        "teapot": Category(("teapot", "kettle", "pot"), "tableware", cups.teapot),
        "wine_glass": Category(("wine glass", "goblet", "stemmed glass"), "tableware", cups.wine_glass),
        "pan": Category(("pan", "saucepan", "cooking pot"), "tableware", dishes.pan),
        "spoon": Category(("spoon", "tablespoon", "teaspoon"), "cutlery", cutlery.spoon),
        "fork": Category(("fork", "table fork"), "cutlery", cutlery.fork),
        "knife": Category(("knife", "kitchen knife", "table knife"), "cutlery", cutlery.knife),
        "car": Category(("car", "automobile", "motor car"), "vehicle", cars.car),
        "truck": Category(("truck", "lorry"), "vehicle", lorries.truck),
        "bus": Category(("bus", "coach", "omnibus"), "vehicle", buses.bus),
        "bicycle": Category(("bicycle", "bike", "cycle"), "vehicle", bicycles.bicycle),
        "aeroplane": Category(("aeroplane", "airplane", "aircraft", "plane"), "vehicle", aircraft.aeroplane),
        "ship": Category(("ship", "boat", "vessel"), "vehicle", ships.ship),
        "house": Category(("house", "home", "building"), "building", houses.house),
        "tower": Category(("tower", "turret", "tall building"), "building", towers.tower),
        "windmill": Category(("windmill", "mill", "wind turbine"), "building", windmills.windmill),
        "tree": Category(("tree",), "plant", trees.tree),
        "potted_plant": Category(
            ("potted plant", "plant", "flower pot"), "plant", potted_plants.potted_plant
        ),
        "hammer": Category(("hammer", "mallet"), "tool", tools.hammer),
        "axe": Category(("axe", "hatchet", "ax"), "tool", tools.axe),
        "screwdriver": Category(("screwdriver", "driver"), "tool", tools.screwdriver),
        "ladder": Category(("ladder", "stepladder"), "tool", tools.ladder),
        "umbrella": Category(("umbrella", "parasol"), "thing", things.umbrella),
        "clock": Category(("clock", "timepiece"), "thing", clocks.clock),
        "guitar": Category(("guitar", "acoustic guitar", "electric guitar"), "thing", guitars.guitar),
        "barrel": Category(("barrel", "cask", "drum"), "thing", things.barrel),
        "monitor": Category(("monitor", "computer screen", "display"), "electronics", monitors.monitor),
        "laptop": Category(("laptop", "notebook computer"), "electronics", laptops.laptop),
        "keyboard": Category(("keyboard", "computer keyboard"), "electronics", keyboards.keyboard),
    }
)
"""Every category by its name."""
