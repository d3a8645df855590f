import pytest
import torch

from anaglyph.encoders.dgcnn_small import SmallDGCNN


def clouds(b=4, n=64):
    return torch.randn(b, n, 3, generator=torch.Generator().manual_seed(0))


def test_the_layers_have_the_sizes_of_the_paper():
    encoder = SmallDGCNN(embed_dim=1024)
    shapes = {name: tuple(p.shape) for name, p in encoder.named_parameters() if p.ndim == 2}
    assert shapes == {
        "edge_convs.0.linear.weight": (64, 6),
        "edge_convs.1.linear.weight": (64, 128),
        "edge_convs.2.linear.weight": (128, 128),
        "edge_convs.3.linear.weight": (256, 256),
        "point_mlp.layers.0.weight": (1024, 512),
        "head.0.weight": (1024, 2048),
    }


@pytest.mark.parametrize("training", [True, False])
def test_split_and_literal_networks_share_weights_and_results(training):
    options = {"embed_dim": 16, "neighbours": 8, "widths": (8, 8, 16)}
    torch.manual_seed(0)
    split = SmallDGCNN(**options).train(training).double()
    literal = SmallDGCNN(**options, edge_form="literal").train(training).double()
    literal.load_state_dict(split.state_dict())
    results = []
    for network in (split, literal):
        points = clouds().double().requires_grad_()
        out = network(points)
        out.square().sum().backward()
        results.append(
            [out, points.grad, *(p.grad for p in network.parameters()), *network.state_dict().values()]
        )
    for mine, theirs in zip(*results, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-6, atol=1e-7)


def test_later_graphs_follow_the_features():
    """With the graph of the coordinates in every block the result would differ."""
    torch.manual_seed(0)
    encoder = SmallDGCNN(embed_dim=16, neighbours=4, widths=(8, 8)).eval()
    seen = []
    for block in encoder.edge_convs:
        block.register_forward_hook(lambda module, inputs, output: seen.append(inputs[1]))
    encoder(clouds())
    assert not torch.equal(seen[0].sort(dim=2).values, seen[1].sort(dim=2).values)
