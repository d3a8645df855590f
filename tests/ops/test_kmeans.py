import pytest
import torch
import torch.nn.functional as F

from anaglyph.ops.kmeans import kmeans
from reference.assignment import slow_lloyd


def random(seed=0):
    return torch.Generator().manual_seed(seed)


def mixture(clusters=5, each=40, channels=8, spread=0.15, seed=0):
    """Unit centres with noise; rows of cluster k are k, k + clusters, ... -> points, labels, centres."""
    generator = random(seed)
    centres = F.normalize(torch.randn(clusters, channels, generator=generator), dim=1)
    labels = torch.arange(clusters * each) % clusters
    return centres[labels] + spread * torch.randn(len(labels), channels, generator=generator), labels, centres


def agrees(first, second):
    """Whether two labelings are the same partition."""
    return torch.equal(first[:, None] == first[None], second[:, None] == second[None])


@pytest.mark.parametrize("geometry", ["spherical", "euclidean"])
def test_the_algorithm_equals_the_loop_over_points(geometry):
    points, _, _ = mixture(spread=0.5)
    found = kmeans(points, 5, generator=random(), geometry=geometry, initial=points[:5], iterations=6)
    centroids, assignments = slow_lloyd(points, points[:5], geometry=geometry, iterations=6)
    assert found.assignments.tolist() == assignments
    torch.testing.assert_close(found.centroids, torch.tensor(centroids), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("geometry", ["spherical", "euclidean"])
def test_clear_clusters_are_found(geometry):
    points, labels, _ = mixture()
    assert agrees(kmeans(points, 5, generator=random(), geometry=geometry).assignments, labels)


def test_the_same_generator_gives_the_same_clusters_and_another_one_may_not():
    points = torch.randn(200, 4, generator=random())
    first = kmeans(points, 12, generator=random(3), restarts=1)
    assert torch.equal(first.assignments, kmeans(points, 12, generator=random(3), restarts=1).assignments)
    assert not torch.equal(first.assignments, kmeans(points, 12, generator=random(4), restarts=1).assignments)


def test_more_restarts_are_never_worse():
    points = torch.randn(300, 6, generator=random())
    one = kmeans(points, 15, generator=random(), restarts=1).objective
    many = kmeans(points, 15, generator=random(), restarts=8).objective
    assert many < one


def test_spherical_centroids_are_unit_vectors_that_classify_by_dot_product():
    points, _, _ = mixture(spread=0.4)
    points = points * torch.linspace(0.1, 10, len(points))[:, None]  # lengths do not matter
    found = kmeans(points, 5, generator=random())
    torch.testing.assert_close(found.centroids.norm(dim=1), torch.ones(5))
    assert torch.equal((points @ found.centroids.T).argmax(dim=1), found.assignments)


def test_the_objective_is_the_mean_cost_of_a_point():
    points, _, _ = mixture(spread=0.4)
    flat = kmeans(points, 5, generator=random(), geometry="euclidean")
    distance = (points - flat.centroids[flat.assignments]).square().sum(dim=1).mean()
    assert flat.objective == pytest.approx(float(distance), rel=1e-4)
    sphere = kmeans(points, 5, generator=random())
    cosine = F.cosine_similarity(points, sphere.centroids[sphere.assignments]).mean()
    assert sphere.objective == pytest.approx(1 - float(cosine), rel=1e-4)


def test_joint_centroids_as_start_give_a_cluster_the_same_number_in_both_views():
    """Dossier test 4: two views of the same objects, in different places of the space."""
    image, labels, centres = mixture(clusters=6, spread=0.1)
    shift = 0.25 * F.normalize(torch.randn(8, generator=random(9)), dim=0)
    order = torch.randperm(len(image), generator=random(1))
    shape = (centres[labels] + shift + 0.1 * torch.randn(image.shape, generator=random(2)))[order]
    joint = kmeans(torch.cat([image, shape]), 6, generator=random())
    aligned = [kmeans(view, 6, generator=random(), initial=joint.centroids) for view in (image, shape)]
    assert (aligned[0].assignments[order] == aligned[1].assignments).float().mean() > 0.95
    alone = [kmeans(view, 6, generator=random(s)) for s, view in enumerate((image, shape))]
    assert (alone[0].assignments[order] == alone[1].assignments).float().mean() < 0.6
    assert agrees(alone[0].assignments[order], alone[1].assignments)  # the same clusters, other numbers


def test_a_start_with_empty_clusters_ends_with_all_of_them_in_use():
    points = mixture()[0] + 10.0
    start = torch.full((5, 8), -100.0)
    start[0] = 10.0  # every point begins in cluster 0
    found = kmeans(points, 5, generator=random(), geometry="euclidean", initial=start)
    assert found.assignments.bincount(minlength=5).min() > 0


def test_identical_points_end_without_an_error():
    found = kmeans(torch.ones(20, 3), 4, generator=random())
    assert torch.isfinite(found.centroids).all()
    assert found.objective == pytest.approx(0, abs=1e-6)


def test_as_many_clusters_as_points_put_each_point_alone():
    found = kmeans(torch.eye(6), 6, generator=random())
    assert found.assignments.unique().numel() == 6


@pytest.mark.parametrize(
    ("points", "clusters", "options", "message"),
    [
        (torch.zeros(3, 2), 4, {}, "between 1 and the 3 points, got 4"),
        (torch.tensor([[0.0], [float("nan")]]), 1, {}, "row 1 of the points is not finite"),
        (torch.zeros(3, 2), 2, {"initial": torch.zeros(3, 2)}, r"must be \(2, 2\), got \(3, 2\)"),
        (torch.zeros(3, 2), 2, {"geometry": "cubic"}, "got 'cubic'"),
        (torch.zeros(3), 2, {}, r"must be \(N, D\)"),
    ],
)
def test_what_cannot_be_clustered_is_refused_by_name(points, clusters, options, message):
    with pytest.raises(ValueError, match=message):
        kmeans(points, clusters, generator=random(), **options)
