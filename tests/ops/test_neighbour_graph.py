import numpy as np
import pytest
import scipy.sparse.linalg
import torch
import torch.nn.functional as F

from anaglyph.errors import TrainingError
from anaglyph.ops.kmeans import kmeans
from anaglyph.ops.neighbour_graph import neighbour_graph, spectral_clusters, spectral_embedding


def random(seed=0):
    return torch.Generator().manual_seed(seed)


def arcs(each=150):
    """Two long, thin arcs on the sphere, at 20 degrees from each other: k-means cuts across them."""
    angle = torch.linspace(-1.3, 1.3, each)
    height = torch.tensor([-0.17, 0.17]).repeat_interleave(each)
    angle = angle.repeat(2)
    points = torch.stack([angle.cos(), angle.sin(), height], dim=1)
    return F.normalize(points + 0.01 * torch.randn(points.shape, generator=random()), dim=1), height > 0


def same_partition(first, second):
    return torch.equal(first[:, None] == first[None], second[:, None] == second[None])


def test_the_graph_holds_the_cosines_of_mutual_neighbours_and_half_of_one_sided_ones():
    features = torch.randn(12, 4, generator=random())
    unit = F.normalize(features, dim=1)
    cosine = unit @ unit.T
    near = (cosine - 2 * torch.eye(12)).argsort(dim=1, descending=True)[:, :3]
    picks = torch.zeros(12, 12).scatter(1, near, 1.0)
    expected = cosine.clamp(min=0) ** 2 * (picks + picks.T) / 2
    graph = neighbour_graph(features, 3, sharpness=2.0).toarray()
    np.testing.assert_allclose(graph, expected.numpy(), atol=1e-6)


def test_the_embedding_equals_the_dense_eigenvectors():
    features = torch.randn(260, 5, generator=random())  # large enough for the iterative solver
    graph = neighbour_graph(features, 15)
    degree = np.asarray(graph.sum(axis=1)).ravel()
    dense = graph.toarray() / np.sqrt(np.outer(degree, degree))
    values, vectors = np.linalg.eigh(dense)
    found = spectral_embedding(graph, 4)
    np.testing.assert_allclose(dense @ found, found * values[::-1][:4], atol=1e-6)
    np.testing.assert_allclose(np.abs((found * vectors[:, ::-1][:, :4]).sum(axis=0)), 1, atol=1e-6)


class Arpack:
    """Stands in for eigsh and does not converge the first `failures` times."""

    def __init__(self, failures):
        self.failures, self.calls, self.eigsh = failures, [], scipy.sparse.linalg.eigsh

    def __call__(self, matrix, **options):
        self.calls.append(options)
        if len(self.calls) <= self.failures:
            raise scipy.sparse.linalg.ArpackNoConvergence(
                "no convergence (%s)", np.zeros(0), np.zeros((0, 0))
            )
        return self.eigsh(matrix, **options)


def test_eigenvectors_that_do_not_converge_are_found_densely_where_there_is_room(monkeypatch):
    graph = neighbour_graph(torch.randn(260, 5, generator=random()), 15)
    expected = spectral_embedding(graph, 4)
    monkeypatch.setattr(scipy.sparse.linalg, "eigsh", Arpack(failures=99))
    found = spectral_embedding(graph, 4)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_array_equal(found, spectral_embedding(graph, 4))


def test_a_large_graph_is_tried_once_more_with_more_room_and_time_and_then_given_up(monkeypatch):
    graph = neighbour_graph(torch.randn(260, 5, generator=random()), 15)
    expected = spectral_embedding(graph, 4)
    monkeypatch.setattr("anaglyph.ops.neighbour_graph._DENSE_ITEMS", 259)
    arpack = Arpack(failures=1)
    monkeypatch.setattr(scipy.sparse.linalg, "eigsh", arpack)
    np.testing.assert_allclose(spectral_embedding(graph, 4), expected, atol=1e-6)
    assert (arpack.calls[1]["ncv"], arpack.calls[1]["maxiter"]) == (40, 13000)
    arpack = Arpack(failures=99)
    monkeypatch.setattr(scipy.sparse.linalg, "eigsh", arpack)
    with pytest.raises(
        TrainingError, match=r"4 leading eigenvectors of a graph of 260 .* Use more neighbours"
    ):
        spectral_embedding(graph, 4)
    assert len(arpack.calls) == 2


@pytest.mark.parametrize("each", [60, 150])
def test_curved_clusters_are_found_where_k_means_fails(each):
    points, labels = arcs(each)
    assert same_partition(spectral_clusters(points, 2, neighbours=8, generator=random()).assignments, labels)
    assert not same_partition(kmeans(points, 2, generator=random()).assignments, labels)


def test_the_same_features_give_the_same_clusters():
    features = torch.randn(400, 6, generator=random())
    first, second = (spectral_clusters(features, 7, generator=random(5)) for _ in range(2))
    assert torch.equal(first.assignments, second.assignments)


def test_a_graph_in_two_pieces_is_cut_between_them():
    features = torch.cat([torch.eye(4)[:1].repeat(15, 1), torch.eye(4)[1:2].repeat(15, 1)])
    features = features + 0.01 * torch.randn(features.shape, generator=random())
    found = spectral_clusters(features, 2, neighbours=5, generator=random())
    assert same_partition(found.assignments, torch.arange(30) >= 15)


def test_one_item_is_no_graph():
    with pytest.raises(ValueError, match=r"got \(1, 3\)"):
        neighbour_graph(torch.ones(1, 3), 2)
