import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from anaglyph.evaluation.clustering import (
    adjusted_rand_index,
    agreement,
    hungarian_accuracy,
    joint_accuracy,
    largest_share,
    normalized_mutual_information,
    occupied_clusters,
    size_entropy,
)
from reference.clustering import slow_accuracy

labelings = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=30)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(-1, 3), st.integers(0, 3)), min_size=1, max_size=20))
def test_hungarian_accuracy_is_the_best_over_all_mappings(pairs):
    predicted, true = zip(*pairs, strict=True)
    match = hungarian_accuracy(predicted, true)
    assert match.accuracy == pytest.approx(slow_accuracy(predicted, true))
    assert len(set(match.mapping.values())) == len(match.mapping)
    reached = sum(match.mapping.get(p) == t for p, t in pairs) / len(pairs)
    assert reached == pytest.approx(match.accuracy)


@settings(deadline=None, max_examples=80)
@given(labelings)
def test_nmi_and_ari_equal_scikit_learn(pairs):
    first, second = map(np.array, zip(*pairs, strict=True))
    nmi, ari = normalized_mutual_information(first, second), adjusted_rand_index(first, second)
    assert nmi == pytest.approx(normalized_mutual_info_score(first, second), abs=1e-9)
    assert ari == pytest.approx(adjusted_rand_score(first, second), abs=1e-9)


@settings(deadline=None, max_examples=30)
@given(labelings, st.permutations(range(5)))
def test_renumbering_clusters_changes_no_score(pairs, numbers):
    first, second = map(np.array, zip(*pairs, strict=True))
    renamed = np.array(numbers)[first] * 1000
    assert hungarian_accuracy(renamed, second).accuracy == hungarian_accuracy(first, second).accuracy
    nmi = normalized_mutual_information(first, second)
    assert normalized_mutual_information(renamed, second) == pytest.approx(nmi, abs=1e-9)
    ari = adjusted_rand_index(first, second)
    assert adjusted_rand_index(renamed, second) == pytest.approx(ari, abs=1e-9)


def test_one_mapping_for_both_modalities_shows_what_separate_ones_hide():
    true = np.array([0, 0, 0, 1, 1, 1])
    image, shape = true, 1 - true
    assert hungarian_accuracy(image, true).accuracy == hungarian_accuracy(shape, true).accuracy == 1
    joint = joint_accuracy({"image": image, "shape": shape}, true)
    assert joint.accuracy == 0.5
    assert sorted(joint.by_name.values()) == [0, 1]


def test_samples_without_a_label_are_wrong_but_join_no_cluster():
    predicted, true = [5, 5, -1, 7], [0, 0, 1, 1]
    match = hungarian_accuracy(predicted, true)
    assert match.accuracy == 0.75
    assert match.mapping == {5: 0, 7: 1}
    assert normalized_mutual_information(predicted, true) == pytest.approx(1)
    assert adjusted_rand_index(predicted, true) == 1
    assert occupied_clusters(predicted) == 2
    assert largest_share(predicted) == pytest.approx(2 / 3)


def test_no_label_at_all_gives_zero_everywhere():
    nothing, true = [-1, -1], [0, 1]
    assert hungarian_accuracy(nothing, true).accuracy == 0
    assert normalized_mutual_information(nothing, true) == adjusted_rand_index(nothing, true) == 0
    assert occupied_clusters(nothing) == largest_share(nothing) == size_entropy(nothing, clusters=3) == 0
    assert agreement(nothing, nothing) == 0


def test_agreement_compares_the_numbers_themselves():
    assert agreement([0, 1, 2, -1], [0, 1, 1, -1]) == 0.5
    assert agreement([0, 1], [1, 0]) == 0


def test_balance_runs_from_collapse_to_equal_sizes():
    assert size_entropy([3, 3, 3], clusters=10) == 0
    assert size_entropy([0, 1, 2, 3], clusters=4) == pytest.approx(1)
    assert size_entropy([0, 0, 1, 1], clusters=4) == pytest.approx(math.log(2) / math.log(4))
    assert size_entropy([0, 0], clusters=1) == 0
    assert largest_share([4, 4, 4]) == 1
    assert occupied_clusters([9, 2, 2]) == 2


def test_wrong_labels_are_named():
    with pytest.raises(ValueError, match="whole numbers, got float64"):
        hungarian_accuracy([0.5, 1.0], [0, 1])
    with pytest.raises(ValueError, match="got 2 and 3"):
        agreement([0, 1], [0, 1, 2])
    with pytest.raises(ValueError, match="or -1 for none, got -4"):
        occupied_clusters([0, -4])
    with pytest.raises(ValueError, match="above every label, got 2"):
        size_entropy([0, 2], clusters=2)
    with pytest.raises(ValueError, match="at least one labeling"):
        joint_accuracy({}, [0, 1])
