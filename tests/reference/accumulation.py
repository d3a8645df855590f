"""Gradients of a coupled batch in parts, by the two plain ways: one graph of all parts, and slot by slot."""

import torch


def one_graph(method, parts, drawing):
    """Every part is encoded once and all graphs live until the loss; the definition, at the full memory."""
    encoded = []
    for number, part in enumerate(parts):
        with drawing(number):
            encoded.append(method.encode(part))
    output = method.objective(joined(encoded))
    output.loss.backward()
    return output


def slot_by_slot(method, parts, *, objective_only):
    """The published loop: all parts without a graph, then each again, with its features in their slot.

    The loss is taken K times, so parameters that enter it beside the features get K times their gradient
    (dossier MixCon3D, 1.8); `objective_only` says which, which are divided by K. For networks
    without dropout and batch statistics.
    """
    with torch.no_grad():
        cached = [method.encode(part) for part in parts]
    for number, part in enumerate(parts):
        slots = [*cached[:number], method.encode(part), *cached[number + 1 :]]
        method.objective(joined(slots)).loss.backward()
    for name, parameter in method.named_parameters():
        if objective_only(name):
            parameter.grad /= len(parts)


def joined(encoded):
    return {name: torch.cat([features[name] for features in encoded]) for name in encoded[0]}
