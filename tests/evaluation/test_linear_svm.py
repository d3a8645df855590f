import numpy as np
import pytest

from anaglyph.errors import DataError
from anaglyph.evaluation.linear_svm import COSTS, linear_svm


def blobs(count, *, classes=3, apart=6.0, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    centres = np.random.default_rng(99).normal(size=(classes, 8)) * apart
    return (centres[labels] + rng.normal(size=(count, 8))).astype(np.float32), labels


def test_what_can_be_told_apart_is_told_apart():
    found = linear_svm(*blobs(60), *blobs(30, seed=1), classes=3)
    assert found.scores.top[1] == 1.0
    assert found.scores.objects == 30
    assert found.converged


def test_the_cost_is_the_best_one_in_cross_validation_on_the_training_split():
    found = linear_svm(*blobs(90, apart=0.4), *blobs(30, apart=0.4, seed=1), classes=3)
    assert set(found.tried) == set(COSTS)
    assert found.tried[found.cost] == max(found.tried.values())


def test_the_test_split_does_not_change_the_cost():
    train = blobs(90, apart=0.4)
    costs = {linear_svm(*train, *blobs(30, apart=far, seed=2), classes=3).cost for far in (0.0, 5.0)}
    assert len(costs) == 1


def test_two_classes_of_five_are_answered_by_their_own_numbers():
    features, labels = blobs(40, classes=2)
    found = linear_svm(features, labels * 3 + 1, features, labels * 3 + 1, classes=5, costs=(1.0,))
    assert found.scores.per_class == {1: 1.0, 4: 1.0}


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_features_that_are_no_numbers_are_refused(bad):
    features, labels = blobs(12)
    features[3, 2] = bad
    with pytest.raises(DataError, match="NaN or infinity"):
        linear_svm(features, labels, *blobs(12), classes=3)


def test_one_class_alone_is_refused():
    features, labels = blobs(12)
    with pytest.raises(DataError, match="objects of two classes"):
        linear_svm(features, np.zeros_like(labels), features, labels, classes=3)
