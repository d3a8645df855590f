"""More than 1,000 hostile models: each is refused with a reason or read as what is honest in it."""

import os
import re
import resource
import time
from pathlib import Path

import numpy as np
import pytest

from anaglyph.errors import MeshError
from anaglyph.geometry.content_hash import content_hash
from anaglyph.geometry.load import MeshReaders
from anaglyph.geometry.mesh_limits import MeshLimits
from hostile.mesh_files import CANARY, all_hostile_meshes
from hostile.mesh_samples import CORNERS, HONEST, gltf_document, mtl, obj, ply, png, stl

pytestmark = pytest.mark.skipif(
    not hasattr(resource, "RLIMIT_AS"), reason="needs a system with address limits"
)

MEMORY = 1 << 30
LIMITS = MeshLimits(seconds=20.0, memory_bytes=MEMORY, vertices=10**6, faces=10**6, texture_pixels=10**7)
IMPATIENT = MeshLimits(seconds=1.0, memory_bytes=MEMORY, vertices=10**5, faces=10**5)
SECRET = 4321.125
"""A coordinate and, as a colour, a channel that only the files outside have."""
SECRET_COLOUR = (17, 34, 51)


@pytest.fixture(scope="module")
def outside(tmp_path_factory):
    """A folder that holds something of every kind that the models ask for."""
    folder = tmp_path_factory.mktemp("hostile")
    canary = folder / CANARY
    canary.mkdir()
    vertices = CORNERS + SECRET
    (canary / "numbers.bin").write_bytes(gltf_document(vertices=vertices)[1])
    (canary / "picture.png").write_bytes(png(SECRET_COLOUR))
    (canary / "colours.mtl").write_bytes(
        mtl(colour=" ".join(str(channel / 255) for channel in SECRET_COLOUR))
    )
    (canary / "model.obj").write_bytes(obj(vertices=vertices))
    (canary / "model.ply").write_bytes(ply(vertices=vertices))
    (canary / "model.stl").write_bytes(stl(vertices=vertices))
    (canary / "model.glb").write_bytes(HONEST["box.glb"]())
    (canary / "secret.txt").write_text("boom")
    return folder


def laid_down(hostile, outside, number):
    """The model in a folder of its own beside the canary, with the canary's places filled in."""
    folder = outside / f"model{number}"
    folder.mkdir()

    def filled(text):
        text = text.replace("{absolute}", f"{outside}/{CANARY}/secret.txt").replace("{parent}", outside.name)
        return text.replace("{outside}", str(outside))

    data = hostile.data
    if data is not None and (b"{absolute}" in data or b"{parent}" in data or b"{outside}" in data):
        data = filled(data.decode()).encode()
    links = {name: filled(target) for name, target in hostile.links.items()}
    files = {
        name: filled(content.decode()).encode() if name.endswith(".mtl") else content
        for name, content in hostile.files.items()
    }
    return type(hostile)(**{**vars(hostile), "data": data, "links": links, "files": files}).lay(folder)


def faults(hostile, answer):
    """What is wrong with the answer to one file, in words; empty when all is well."""
    if isinstance(answer, MeshError):
        reason = answer.reason
        if not reason.strip() or not reason.isprintable() or len(reason) > 1000:
            yield f"a reason that says nothing or is no line: {reason[:80]!r}"
        if hostile.says and not re.search(hostile.says, reason):
            yield f"the reason should say {hostile.says!r}: {reason[:150]}"
        return
    if hostile.must_fail:
        yield f"it was read: {len(answer.faces)} faces, {answer.notes}"
    if not len(answer.faces) or not np.isfinite(answer.vertices).all():
        yield "a mesh without faces, or with a vertex that is not finite"
    if ((answer.vertices >= SECRET) & (answer.vertices < SECRET + 9)).any():
        yield "vertices from outside"
    for material in answer.materials:
        if material.texture is not None and (material.texture == SECRET_COLOUR).all():
            yield "a picture from outside"
        if np.allclose(material.colour, np.array(SECRET_COLOUR) / 255, atol=1e-3):
            yield "a colour from outside"
    if any(not note.isprintable() for note in answer.notes):
        yield "a note with control characters"


def test_there_are_more_than_a_thousand_different_hostile_files():
    hostile = all_hostile_meshes()
    different = {(each.name, each.data, each.special, str(each.links), str(each.files)) for each in hostile}
    assert len(different) > 1000


@pytest.fixture(scope="module")
def files(outside):
    """Every hostile model with its path, written once."""
    return [(each, laid_down(each, outside, number)) for number, each in enumerate(all_hostile_meshes())]


@pytest.fixture
def unread(outside):
    """Fails the test when a file of the canary was read, where the file system remembers that."""
    canary = sorted((outside / CANARY).iterdir())
    os.utime(canary[0], ns=(0, 1))
    canary[0].read_bytes()
    remembers = canary[0].stat().st_atime_ns > 0
    for path in canary:
        os.utime(path, ns=(0, 1))
    yield
    if remembers:
        assert [path.name for path in canary if path.stat().st_atime_ns > 0] == []


def test_every_hostile_file_is_refused_with_a_reason_or_read_as_what_is_honest_in_it(files, outside, unread):
    wrong = []
    with MeshReaders(limits=LIMITS) as readers, MeshReaders(limits=IMPATIENT) as impatient:
        for number, (hostile, path) in enumerate(files):
            try:
                answer = (impatient if hostile.slow else readers).load(path, root=path.parent)
            except MeshError as error:
                answer = error
            wrong += [f"{hostile.family} {path.name} #{number}: {fault}" for fault in faults(hostile, answer)]
        (outside / "box.obj").write_bytes(obj())
        assert len(readers.load(outside / "box.obj").faces) == 12
        children = [sandbox.pid for each in (readers, impatient) for sandbox in each._pool.sandboxes]
    assert not wrong, f"{len(wrong)} of {len(files)}:\n" + "\n".join(wrong[:40])
    assert not any(pid and Path(f"/proc/{pid}").exists() for pid in children)
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 < 4 << 30


def test_every_hostile_file_has_a_hash_or_a_reason_without_reading_outside(files, unread):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for hostile, path in files:
        start = time.process_time()
        try:
            found = content_hash(path, root=path.parent)
        except MeshError as error:
            found = error.reason
        assert len(found) == 64 or " " in found, f"{hostile.family}: {found}"
        assert time.process_time() - start < 2, hostile.family
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 << 10  # in KiB
