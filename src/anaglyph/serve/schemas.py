"""The bodies of requests and answers: what OpenAPI says, and what is checked."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

PAGE = 200
"""Results of a page, at most."""
DEEPEST = 1_000_000
"""Results that a page of a list may skip; searches reach less far."""
IDS = 1_000
"""Items that one request may change."""
Short = Annotated[str, StringConstraints(max_length=200)]
Id = Annotated[int, Field(ge=1, le=2**63 - 1)]
Bound = Annotated[float, Field(allow_inf_nan=False)] | None
StateName = Literal["ready", "problem", "deleted"]


class Strict(BaseModel):
    """What people send: unknown fields are mistakes."""

    model_config = ConfigDict(extra="forbid")


class Error(BaseModel):
    """Any answer above 399."""

    code: str
    message: str
    details: list[dict[str, Any]] | None = None


class ProblemAnswer(BaseModel):
    """One finding about a file."""

    category: str
    severity: Literal["serious", "warning", "note"]
    reason: str


class FacetsAnswer(BaseModel):
    """What is known of a model; lengths in its file's own units."""

    format: str
    vertices: int
    faces: int
    size: tuple[float, float, float]
    proportions: float | None
    area: float | None
    volume: float | None
    watertight: bool
    coloured: bool
    textured: bool
    category: str | None


class ItemAnswer(BaseModel):
    """A model file; addresses are relative to the server."""

    id: int
    name: str
    path: str
    """Below its root, with forward slashes."""
    folder: str
    root: str | None
    """Absolute; null where others than this machine can reach the server."""
    content: str
    bytes: int
    modified: float
    """UTC seconds."""
    added: int
    """UTC seconds."""
    state: StateName
    facets: FacetsAnswer
    problems: list[ProblemAnswer]
    tags: list[str]
    ignored: bool
    thumbnail: str | None
    """PNG with all views side by side."""
    model: str | None
    """The file itself, where a viewer could read it alone."""
    mesh: str | None
    """Its triangles as binary glTF, whatever its format."""


class FacetValue(BaseModel):
    """A value of a facet, and how many items would be left with it."""

    value: str
    count: int


class Page(BaseModel):
    """A part of a longer list."""

    total: int
    limit: int
    offset: int
    next: int | None
    """Offset of the next page."""
    generation: int
    """Of the index; pages of two generations may not fit together."""


class ItemPage(Page):
    """Items by path."""

    items: list[ItemAnswer]
    facets: dict[str, list[FacetValue]] | None = None


class FilterFields(Strict):
    """Filters of a search; all that are given must hold."""

    formats: list[Short] = Field(default=[], max_length=50)
    categories: list[Short] = Field(default=[], max_length=200)
    tags: list[Short] = Field(default=[], max_length=50)
    folder: Annotated[str, StringConstraints(max_length=4096)] | None = None
    states: list[StateName] = ["ready"]
    problems: list[Short] = Field(default=[], max_length=50)
    watertight: bool | None = None
    coloured: bool | None = None
    textured: bool | None = None
    ranges: dict[str, tuple[Bound, Bound]] = {}
    """Name -> least and most, null for no bound."""
    name: Short | None = None


class PartBase(Strict):
    """What all parts of a query have."""

    weight: float = Field(default=1.0, gt=0, le=100, allow_inf_nan=False)
    negative: bool = False
    """Away from it instead of towards it."""


class TextPart(PartBase):
    """Words."""

    kind: Literal["text"]
    text: str
    """At most 1,000 characters."""


class LikePart(PartBase):
    """Something that is in the index."""

    kind: Literal["like"]
    id: Id


class ImagePart(PartBase):
    """A picture that comes in the same form."""

    kind: Literal["image"]
    file: Short
    """Name of the form's field that holds it: PNG, JPEG or WebP."""
    box: (
        Annotated[
            list[Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]], Field(min_length=4, max_length=4)
        ]
        | None
    ) = None
    """Left, top, right and bottom of the object, as fractions of width and height."""


class ModelPart(PartBase):
    """A 3D model that comes in the same form."""

    kind: Literal["model"]
    file: Short
    """Name of the form's field that holds it; the file's name tells its format."""


Part = Annotated[TextPart | LikePart | ImagePart | ModelPart, Field(discriminator="kind")]


class SearchRequest(Strict):
    """A query: as JSON body, or as field `query` of a form whose other fields are the files."""

    parts: list[Part] = Field(min_length=1)
    """At most 8, not all of them negative."""
    filters: FilterFields = Field(default_factory=FilterFields)
    limit: int = Field(default=50, ge=1, le=PAGE)
    offset: int = Field(default=0, ge=0, le=DEEPEST)
    facets: bool = False
    """Count the values of facets among everything that passes the filters."""


class HitAnswer(BaseModel):
    """One result."""

    item: ItemAnswer
    score: float
    """Cosine with the query."""
    view: int | None
    """The view that matched best, counted from 0."""
    close: bool
    """Whether it stands out further than chance."""


class SearchAnswer(Page):
    """The closest first."""

    hits: list[HitAnswer]
    close: bool
    """False says: nothing close."""
    threshold: float | None
    """Score from which a hit is close; null where nobody measured it."""
    gap: int | None
    """Hits of a first page before the score falls clearly."""
    recall: float
    """Share of the nearest that search finds; 1 where it is exact."""
    notes: list[str]
    """What was done to the query, such as a text that was cut."""
    facets: dict[str, list[FacetValue]] | None = None


class ProblemRow(ProblemAnswer):
    """A finding and its file."""

    item: ItemAnswer


class ProblemPage(Page):
    """The most serious first."""

    problems: list[ProblemRow]


class GroupAnswer(BaseModel):
    """Items that are the same, or nearly so."""

    kind: Literal["exact", "near"]
    size: int
    items: list[ItemAnswer]
    """At most a page of them; the first stands for the group."""
    similarities: list[float]
    """Cosine of each item and the first; 1 for equal files."""


class GroupPage(Page):
    """Groups of duplicates."""

    groups: list[GroupAnswer]


class TagRequest(Strict):
    """Change tags of items."""

    ids: list[Id] = Field(min_length=1, max_length=IDS)
    add: list[Annotated[str, StringConstraints(min_length=1, max_length=100)]] = Field([], max_length=50)
    remove: list[Annotated[str, StringConstraints(min_length=1, max_length=100)]] = Field([], max_length=50)


class IgnoreRequest(Strict):
    """Leave items out of duplicates, or take them in again."""

    ids: list[Id] = Field(min_length=1, max_length=IDS)
    ignored: bool


class Changed(BaseModel):
    """The items as they are now."""

    items: list[ItemAnswer]
    generation: int


class Session(BaseModel):
    """A browser that gave the token; a cookie speaks for it from now on."""

    authorized: Literal[True]


class JobRequest(Strict):
    """Index a root again."""

    root: int = Field(ge=0, le=10_000)
    """Its number in `roots` of /api/v1/status."""


class JobAnswer(BaseModel):
    """Work in the background."""

    id: int
    kind: Literal["index"]
    root: int
    state: Literal["running", "done", "failed", "cancelled"]
    done: int
    """Files."""
    total: int | None
    """None until they are counted."""
    message: str
    """What is being done, or why it failed."""
    started: float
    """UTC seconds."""
    ended: float | None


class JobList(BaseModel):
    """All jobs since the server started, the newest first."""

    jobs: list[JobAnswer]


class RootAnswer(BaseModel):
    """A folder that was indexed."""

    name: str
    path: str | None
    """Absolute; null where others than this machine can reach the server."""


class LimitsAnswer(BaseModel):
    """What a client may send."""

    upload_bytes: int
    picture_bytes: int
    parts: int
    text: int
    page: int
    mesh_faces: int


class StatusAnswer(BaseModel):
    """What is served, and what may be asked of it."""

    name: Literal["anaglyph"]
    version: str
    model: str
    fingerprint: str
    dim: int
    views: str
    """Name of the cameras, "" without pictures."""
    reads: list[Literal["text", "image", "model", "like"]]
    """Parts that queries may have."""
    formats: list[str]
    """Of models that queries may bring."""
    items: dict[str, int]
    """State -> items."""
    roots: list[RootAnswer]
    generation: int
    write: bool
    """Whether the server takes changes at all."""
    authorized: bool
    """Whether this caller's token or cookie allows them."""
    limits: LimitsAnswer


class Health(BaseModel):
    """For supervisors."""

    status: Literal["ok"]
