"""Groups of duplicates against a plain loop over all pairs; what a review changes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anaglyph.errors import ConfigError
from anaglyph.search import dedup
from anaglyph.search.dedup import Group, find_groups, keep
from anaglyph.search.items import Filters
from reference.memory_store import MemoryStore, exact_dot
from stored_items import an_entry

DIM = 4


def a_store(*entries):
    store = MemoryStore(dim=DIM)
    with store.writer(owner="test") as writer:
        writer.put(entries)
    return store


def chair(path, *, turn=0.0, size=(1.0, 2.0, 1.0), **values):
    """`turn` in radians away from the first axis."""
    return an_entry(path, vector=[np.cos(turn), np.sin(turn), 0, 0], size=size, **values)


def ids_of(groups, kind):
    return [group.ids for group in groups if group.kind == kind]


def test_files_of_equal_content_are_a_group():
    store = a_store(
        chair("a.glb", content="x"), chair("b.glb", content="y", turn=1), chair("c.glb", content="x")
    )
    assert find_groups(store) == [Group(kind="exact", ids=(1, 3), cosines=(1.0, 1.0))]


def test_models_that_look_alike_and_have_the_same_size_are_a_group():
    store = a_store(chair("a.glb"), chair("b.glb", turn=0.1), chair("c.glb", turn=0.5))
    (group,) = find_groups(store)
    assert (group.kind, group.ids) == ("near", (1, 2))
    assert group.cosines == pytest.approx((1.0, np.cos(0.1)), abs=1e-6)


def test_the_same_look_at_another_size_is_no_duplicate_unless_asked():
    store = a_store(chair("a.glb"), chair("b.glb", size=(10.0, 20.0, 10.0)))
    assert find_groups(store) == []
    assert ids_of(find_groups(store, size=None), "near") == [(1, 2)]


def test_the_same_look_in_other_proportions_is_no_duplicate_unless_asked():
    store = a_store(chair("a.glb"), chair("b.glb", size=(1.5, 2.0, 1.0)))
    assert find_groups(store) == []
    assert ids_of(find_groups(store, proportions=None), "near") == [(1, 2)]


def test_a_chain_of_alike_models_is_one_group():
    store = a_store(*(chair(f"{n}.glb", turn=0.2 * n) for n in range(4)))
    assert ids_of(find_groups(store, near=0.97), "near") == [(1, 2, 3, 4)]


def test_near_groups_hold_one_of_each_content():
    store = a_store(chair("a.glb", content="x"), chair("b.glb", content="x"), chair("c.glb", turn=0.01))
    groups = find_groups(store)
    assert ids_of(groups, "exact") == [(1, 2)]
    assert ids_of(groups, "near") == [(1, 3)]


def test_ignored_deleted_and_unreadable_items_are_in_no_group():
    store = a_store(
        chair("a.glb"),
        chair("b.glb", ignored=True),
        chair("c.glb", state="deleted"),
        an_entry("d.glb", state="problem", content="content of a.glb"),
    )
    assert find_groups(store) == []


def test_filters_say_what_is_compared():
    store = a_store(chair("x/a.glb"), chair("x/b.glb"), chair("y/c.glb"))
    assert ids_of(find_groups(store, filters=Filters(folder="x")), "near") == [(1, 2)]


def test_an_item_that_comes_in_while_the_items_are_read_makes_none_a_copy_of_itself(monkeypatch):
    monkeypatch.setattr(dedup, "PAGE", 2)
    store = a_store(*(chair(f"{n}.glb", turn=n) for n in range(1, 5)))
    read = {name: getattr(store, name) for name in ("select", "items")}

    def interrupted(name):
        def page(*arguments, **options):
            found = read[name](*arguments, **options)
            with store.writer(owner="an indexer") as writer:
                writer.put([chair("0.glb", turn=0)])
            return found

        return page

    for name in read:
        monkeypatch.setattr(store, name, interrupted(name))
    assert find_groups(store) == []


@settings(deadline=None, max_examples=40)
@given(
    count=st.integers(0, 40), near=st.sampled_from([0.8, 0.95, 1.0]), size=st.sampled_from([None, 0.0, 0.3]),
    proportions=st.sampled_from([None, 0.0, 0.3]), seed=st.integers(0, 10_000), rows=st.sampled_from([2, 7]),
)  # fmt: skip
def test_groups_are_those_of_a_loop_over_all_pairs(count, near, size, proportions, seed, rows):
    rng = np.random.default_rng(seed)
    store = a_store(
        *(
            an_entry(
                f"{n}.glb",
                vector=rng.integers(-2, 3, DIM) + np.array([3, 0, 0, 0]),
                size=tuple(rng.choice([1.0, 1.2, 2.0], 3)),
                content=str(rng.integers(count)),
            )
            for n in range(count)
        )
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dedup, "ROWS", rows)
        patch.setattr(dedup, "COLUMNS", rows + 1)
        patch.setattr(dedup, "PAGE", 9)
        found = find_groups(store, near=near, size=size, proportions=proportions)
    assert ids_of(found, "near") == slow_near(store, near, size, proportions)
    assert [group.kind for group in found] == sorted(group.kind for group in found)


def slow_near(store, near, size, proportions):
    """Each item's group grows until nothing joins it."""
    firsts = {}
    for entry in store.every():
        firsts.setdefault(entry.item.content, []).append(entry.item.id)
    items = {min(ids): store.item(min(ids)) for ids in firsts.values()}

    def alike(a, b):
        va, vb = (store.entries[id].vector.astype(np.float64) for id in (a, b))
        va, vb = (np.float32(v / np.linalg.norm(v)) for v in (va, vb))
        sa, sb = (np.array(items[id].facets.size) for id in (a, b))
        ratio = max(sa.max(), sb.max()) / min(sa.max(), sb.max())
        return (
            exact_dot(va, vb) >= near - 1e-6
            and (size is None or ratio <= (1 + size) * (1 + 1e-12))
            and (proportions is None or np.abs(sa / sa.max() - sb / sb.max()).max() <= proportions)
        )

    groups, left = [], set(items)
    while left:
        group, grown = {min(left)}, True
        while grown:
            new = {b for b in left - group if any(alike(a, b) for a in group)}
            group |= new
            grown = bool(new)
        left -= group
        if len(group) > 1:
            groups.append(tuple(sorted(group)))
    return groups


def test_what_is_kept_stays_and_the_others_are_tagged_and_out_of_the_next_review():
    store = a_store(chair("a.glb"), chair("b.glb"), chair("c.glb"))
    with store.writer(owner="test") as writer:
        keep(writer, [1, 2, 3], kept=2)
    assert [store.item(id).tags for id in (1, 2, 3)] == [("duplicate",), (), ("duplicate",)]
    assert find_groups(store) == []


def test_what_is_kept_must_be_in_the_group():
    with pytest.raises(ConfigError, match=r"item 9 is not in the group \[1, 2\]"):
        keep(None, [2, 1], kept=9)


@pytest.mark.parametrize(
    "wrong", [{"near": 0.0}, {"near": 1.5}, {"size": -0.1}, {"proportions": float("nan")}]
)
def test_thresholds_that_cannot_be_meant_are_refused(wrong):
    with pytest.raises(ConfigError, match=f"{next(iter(wrong))} must"):
        find_groups(a_store(), **wrong)
