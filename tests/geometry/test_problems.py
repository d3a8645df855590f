import re
from dataclasses import replace

import numpy as np
import pytest

from anaglyph.geometry import problems
from anaglyph.geometry.facets import signed_volume
from anaglyph.geometry.problems import find_problems
from scenes import box, joined, mesh_of

WHOLE = box((0, 0, 0), (1, 2, 3))
GOOD = replace(WHOLE, faces=np.ascontiguousarray(WHOLE.faces), vertex_colours=np.full((8, 3), 9, np.uint8))


def outward(mesh):
    """Boxes whose faces look outwards, whichever way the maker of the scene turned them."""

    return mesh if signed_volume(mesh) > 0 else replace(mesh, faces=np.ascontiguousarray(mesh.faces[:, ::-1]))


def codes(mesh):
    return {problem.code: problem for problem in find_problems(mesh)}


def with_faces(faces):
    return mesh_of(WHOLE.vertices, faces, vertex_colours=GOOD.vertex_colours)


def test_a_coloured_closed_box_has_nothing_wrong():
    assert find_problems(outward(GOOD)) == ()


def test_a_mesh_without_faces_or_area_is_of_no_use():
    (only,) = find_problems(mesh_of(np.eye(3), np.empty((0, 3))))
    assert (only.code, only.severity) == ("no_faces", "serious")
    line = codes(mesh_of([[0, 0, 0], [1, 0, 0], [2, 0, 0]], [[0, 1, 2]], notes=("odd",)))
    assert line["no_area"].severity == "serious"
    assert line["reader"].text == "Odd"


@pytest.mark.parametrize(
    ("mesh", "code", "severity", "words"),
    [
        (with_faces(np.concatenate([WHOLE.faces, [[0, 1, 1]]])), "degenerate_faces", "note", "1 of 13 faces"),
        (
            with_faces(np.concatenate([WHOLE.faces, WHOLE.faces[:2]])),
            "duplicate_faces",
            "note",
            "2 of 14 faces",
        ),
        (with_faces(WHOLE.faces[1:]), "not_watertight", "note", "3 open edges, 0 with three"),
        (WHOLE, "no_colours", "note", "drawn in grey"),
        (replace(GOOD, notes=("without the texture 'a.png'",)), "reader", "warning", "Without the texture"),
        (replace(GOOD, vertices=GOOD.vertices * np.float32(1e6)), "odd_scale", "note", "3e\\+06 units long"),
        (replace(GOOD, vertices=GOOD.vertices * np.float32(1e-6)), "odd_scale", "note", "3e-06 units long"),
        (mesh_of([[0, 0, 0], [1, 0, 0], [1, 1, 0]], [[0, 1, 2]]), "flat", "warning", "flat"),
        (
            replace(GOOD, vertices=GOOD.vertices + np.float32(1e4)),
            "far_from_origin",
            "warning",
            "1.73e\\+04 units",
        ),
        (
            replace(GOOD, vertices=GOOD.vertices + np.float32(1e6)),
            "far_from_origin",
            "serious",
            "only 48 different",
        ),
    ],
)
def test_each_problem_is_found_weighed_and_worded(mesh, code, severity, words):
    problem = codes(mesh)[code]
    assert problem.severity == severity
    assert re.search(words, problem.text)


def test_a_face_turned_round_is_noticed_and_a_whole_box_turned_round_is_inside_out():
    good = outward(GOOD)
    faces = good.faces.copy()
    faces[0] = faces[0, ::-1]
    assert codes(replace(good, faces=faces))["inconsistent_winding"].text.startswith(
        "Neighbouring faces disagree at 3"
    )
    inside_out = codes(replace(good, faces=np.ascontiguousarray(good.faces[:, ::-1])))
    assert list(inside_out) == ["inside_out"]


def test_a_vertex_without_a_face_is_counted():
    mesh = mesh_of(np.concatenate([WHOLE.vertices, [[9, 9, 9]]]), WHOLE.faces)
    assert codes(mesh)["unused_vertices"].text.startswith("1 of 9 vertices")


@pytest.mark.parametrize(("distance", "severity"), [(8, "warning"), (100, "serious")])
def test_a_speck_far_away_is_what_makes_a_model_small(distance, severity):
    speck = box((distance, 0, 0), (distance + 0.01, 0.01, 0.01))
    found = codes(joined(WHOLE, speck))
    assert found["far_parts"].severity == severity
    assert "along x" in found["far_parts"].text
    assert "far_parts" not in codes(joined(WHOLE, box((1.5, 0, 0), (2, 1, 1))))


def test_leftovers_are_counted():
    crumbs = [box((0.1 * i, 0.5, 0.5), (0.1 * i + 0.001, 0.501, 0.501)) for i in range(4)]
    found = codes(joined(WHOLE, *crumbs))
    assert found["tiny_parts"].text.startswith("4 of 5 pieces")
    assert "tiny_parts" not in codes(WHOLE)


def test_many_pieces_and_many_faces_are_noted_above_their_limits(monkeypatch):
    boxes = joined(*(box((i, 0, 0), (i + 0.5, 1, 1)) for i in range(5)))
    monkeypatch.setattr(problems, "MANY_PIECES", 5)
    monkeypatch.setattr(problems, "HEAVY_FACES", 60)
    assert not {"many_components", "heavy"} & set(codes(boxes))
    monkeypatch.setattr(problems, "MANY_PIECES", 4)
    monkeypatch.setattr(problems, "HEAVY_FACES", 59)
    assert {"many_components", "heavy"} <= set(codes(boxes))


def test_the_most_serious_comes_first():
    mesh = joined(WHOLE, box((100, 0, 0), (100.01, 0.01, 0.01)))
    severities = [problem.severity for problem in find_problems(replace(mesh, notes=("odd",)))]
    assert severities == sorted(severities, key=("serious", "warning", "note").index)
    assert len(set(severities)) == 3
