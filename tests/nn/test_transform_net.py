import torch

from anaglyph.nn.transform_net import TransformNet
from reference.point_networks import largest, leaky, slow_mlp, slow_normed
from reference.random_weights import shake


def test_the_matrix_is_the_identity_plus_what_the_cloud_says():
    net = TransformNet(3, 2, widths=(4, 5, 6, 4, 3)).double()
    shake(net)
    clouds = torch.randn(3, 7, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    rows = [(net.conv1, net.bn1), (net.conv2, net.bn2), (net.conv3, net.bn3)]
    rows = slow_mlp(list(clouds.flatten(0, 1)), rows, training=True)
    pooled = [largest(rows[7 * b : 7 * b + 7]) for b in range(3)]
    for layer, norm in ((net.fc1, net.bn4), (net.fc2, net.bn5)):
        pooled = leaky(slow_normed(pooled, layer, norm, training=True))
    expected = [(net.fc3.weight @ p + net.fc3.bias).view(2, 2) + torch.eye(2) for p in pooled]
    torch.testing.assert_close(net(clouds), torch.stack(expected))


def test_padding_does_not_change_the_matrix():
    net = TransformNet(3, 3, widths=(4, 5, 6, 4, 3))
    shake(net)
    clouds = torch.randn(3, 7, 3, generator=torch.Generator().manual_seed(0))
    padded = torch.cat([clouds, torch.full((3, 2, 3), 9.0)], dim=1)
    valid = (torch.arange(9) < 7).expand(3, -1)
    other = TransformNet(3, 3, widths=(4, 5, 6, 4, 3))
    shake(other)
    torch.testing.assert_close(net(padded, valid), other(clouds))
