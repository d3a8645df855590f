from anaglyph.serve.row_cache import RowCache


class Rows:
    """Rows of an index that changes when the test says so."""

    def __init__(self):
        self.generation, self.there, self.asked = 1, {1: "a", 2: "b", 3: "c"}, []

    def read(self, ids):
        self.asked.append(list(ids))
        return {id: self.there[id] for id in ids if id in self.there}

    def cache(self, *, most=10):
        return RowCache(lambda: self.generation, self.read, most=most)


def test_what_was_read_is_not_read_again():
    rows = Rows()
    cache = rows.cache()
    assert cache.rows([1, 2]) == {1: "a", 2: "b"}
    assert cache.rows([2, 3]) == {2: "b", 3: "c"}
    assert rows.asked == [[1, 2], [3]]


def test_a_change_of_the_index_forgets_everything():
    rows = Rows()
    cache = rows.cache()
    cache.rows([1, 2])
    rows.there[1] = "new"
    rows.generation += 1
    assert cache.rows([1]) == {1: "new"}


def test_what_is_not_there_is_left_out_and_looked_for_again():
    rows = Rows()
    cache = rows.cache()
    assert cache.rows([1, 9]) == {1: "a"}
    rows.there[9] = "late"
    assert cache.rows([1, 9]) == {1: "a", 9: "late"}


def test_what_was_asked_for_longest_ago_is_dropped_first():
    rows = Rows()
    cache = rows.cache(most=2)
    for id in (1, 2, 1, 3, 1):
        cache.rows([id])
    cache.rows([2])
    assert rows.asked == [[1], [2], [3], [2]]


def test_a_change_while_rows_are_read_does_not_leave_old_ones_behind():
    rows = Rows()
    cache = rows.cache()
    plain = rows.read

    def changing(ids):
        read = plain(ids)
        if rows.generation == 1:
            rows.generation = 2
            cache.rows([3])
            rows.there[1] = "new"
        return read

    cache.read = changing
    cache.rows([1])
    assert cache.rows([1]) == {1: "new"}
