import numpy as np
import pytest
import torch
from torch import nn

from anaglyph.encoders.recon import QUERIES, ReConBlock, recon
from reference import point_transformer_keys as keys
from reference.point_transformer import arrays, slow_embedding, slow_recon_block

TINY = {"width": 8, "depth": 2, "heads": 2, "groups": 4, "group_size": 5}


def cloud(b=2, n=30):
    return torch.randn(b, n, 3, generator=torch.Generator().manual_seed(0))


def tiny(**options):
    torch.manual_seed(0)
    network = recon(**TINY, **options)
    for module in network.modules():
        if isinstance(module, nn.Linear | nn.Conv1d):
            nn.init.kaiming_normal_(module.weight)
        if isinstance(module, nn.LayerNorm):
            nn.init.uniform_(module.weight, 0.5, 1.5)
    return network.eval()


def test_names_shapes_and_counts_are_those_of_the_official_files():
    with torch.device("meta"):
        network = recon(head_classes=15)
    assert {name: tuple(value.shape) for name, value in network.state_dict().items()} == keys.recon(15)
    assert sum(parameter.numel() for parameter in network.parameters()) == 43_571_215
    assert network.embed_dim == 1536


def test_a_block_equals_the_loops():
    torch.manual_seed(0)
    block = ReConBlock(8, 2)
    for norm in (block.norm1, block.norm1_contrast, block.norm2, block.norm2_contrast):
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        nn.init.normal_(norm.bias)
    x = torch.randn(1, 7, 8)
    slow = slow_recon_block(arrays(block.state_dict()), list(x[0].double().numpy()), 2)
    torch.testing.assert_close(block(x)[0], torch.from_numpy(np.array(slow)).float(), rtol=1e-4, atol=1e-5)


def test_embeddings_equal_the_loops():
    network = tiny(start="first")
    weights = arrays(network.state_dict())
    options = {"groups": 4, "size": 5, "heads": 2, "learned": QUERIES, "block": slow_recon_block}
    wanted = [slow_embedding(weights, points.tolist(), **options).tolist() for points in cloud()]
    torch.testing.assert_close(network(cloud()), torch.tensor(wanted), rtol=1e-3, atol=1e-4)


def test_tokens_are_three_queries_and_one_per_patch():
    network = tiny()
    tokens = network.tokens(cloud())
    assert tokens.shape == (2, 3 + 4, 8)
    embedding = network(cloud())
    assert torch.equal(embedding[:, :24], tokens[:, :3].flatten(1))
    assert torch.equal(embedding[:, 24:], tokens[:, 3:].max(dim=1).values)


def test_patches_never_see_the_queries():
    network = tiny()
    before = network.tokens(cloud())
    with torch.no_grad():
        network.cls_token[0, 0, 0] += 1
    after = network.tokens(cloud())
    assert torch.equal(before[:, 3:], after[:, 3:])
    assert (before[:, 0] - after[:, 0]).abs().max() > 1e-2
    assert torch.equal(before[:, 1:3], after[:, 1:3])  # nor do queries see one another


@pytest.mark.parametrize("detach", [False, True])
def test_in_pre_training_queries_send_no_gradient_to_the_patches(detach):
    network = tiny(detach_patches=detach)
    (network(cloud())[:, :24] * torch.randn(2, 24)).sum().backward()
    gradient = network.encoder.second_conv[3].weight.grad
    assert (gradient is None or not gradient.any()) == detach
    assert network.blocks.blocks[0].attn_contrast.kv.weight.grad.any()


def test_a_gradient_reaches_every_parameter():
    network = tiny(drop_path=0.0, head_classes=5, head="linear")
    (network.logits(cloud()) * torch.randn(2, 5)).sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name
