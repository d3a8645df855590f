"""The vector of a class from the vectors of its sentences, one number at a time."""

import math


def slow_class_vector(sentences):
    """Each at length 1, their mean, and that at length 1."""
    units = [slow_unit(sentence) for sentence in sentences]
    mean = [sum(unit[d] for unit in units) / len(units) for d in range(len(units[0]))]
    return slow_unit(mean)


def slow_unit(vector):
    length = math.sqrt(sum(x * x for x in vector))
    return [x / length for x in vector]
