"""Which task belongs to a split, and whether a method can do it."""

from __future__ import annotations

from anaglyph.data.described import DescribedObjects
from anaglyph.data.embedded import EmbeddedObjects
from anaglyph.data.labelled_clouds import LabelledClouds
from anaglyph.data.objects import Objects
from anaglyph.data.shape_queries import ShapeQueries
from anaglyph.data.weak_strong import WeakStrong
from anaglyph.engine.tasks.base import Task
from anaglyph.engine.tasks.classification import Classification
from anaglyph.engine.tasks.cross_modal import CrossModal
from anaglyph.engine.tasks.naming import Naming
from anaglyph.engine.tasks.pictured_words import PicturedWords
from anaglyph.engine.tasks.shape_retrieval import ShapeRetrieval
from anaglyph.engine.tasks.tri_modal import TriModal
from anaglyph.engine.tasks.unlabelled_naming import UnlabelledNaming
from anaglyph.engine.tasks.zero_shot import ZeroShot
from anaglyph.errors import ConfigError
from anaglyph.methods.base import Method


def task_of(dataset: Objects) -> Task:
    """The task of this kind of data."""
    if isinstance(dataset, EmbeddedObjects):
        return TriModal() if dataset.class_features is None else ZeroShot()
    if isinstance(dataset, LabelledClouds):
        return Classification()
    if isinstance(dataset, WeakStrong):
        return Naming() if dataset.labelled else UnlabelledNaming()
    if isinstance(dataset, DescribedObjects):
        return PicturedWords()
    return ShapeRetrieval() if isinstance(dataset, ShapeQueries) else CrossModal()


def check_fits(method: type[Method], dataset: Objects, *, name: str, data: str) -> None:
    """ConfigError unless the data set gives what the method reads."""
    wanted = {field for fields in method.inputs.values() for field in fields}
    missing = sorted(wanted - dataset.fields)
    if missing:
        raise ConfigError(
            f"{name} reads {', '.join(sorted(wanted))}, and {data} has no {', '.join(missing)}; choose a "
            f"data set that has them (`anaglyph data` lists all)."
        )


def check_views(dataset: Objects, views: int | None, *, name: str, data: str) -> None:
    """ConfigError for a number of views to average where a picture has only one; `name` is the option's."""
    if views is not None and isinstance(dataset, ShapeQueries):
        raise ConfigError(
            f"{name} is {views} and averages several views of a query; a query of {data} is a single "
            f"picture, and the shapes' views are all searched. Leave {name} out; options of the data choose "
            f"the shapes' cameras."
        )
