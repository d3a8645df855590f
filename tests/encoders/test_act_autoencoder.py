"""ACT's teacher against the slow form and against the official key table."""

import pytest
import torch

from anaglyph.encoders.act_autoencoder import ACTAutoencoder
from anaglyph.errors import DataError
from reference import act_teacher as slow
from reference import official_keys as official

TINY = {
    "width": 8, "visual_width": 12, "depth": 3, "heads": 2, "prompts": 3, "words": 16,
    "groups": 9, "group_size": 6, "graph_widths": (8, 8, 12, 8, 16), "decoder_widths": (10, 6),
}  # fmt: skip


@pytest.fixture
def teacher():
    torch.manual_seed(0)
    module = ACTAutoencoder(**TINY)
    module.reconstruct(cloud(4))  # running statistics that are not those of the start
    return module.eval()


def cloud(batch=2, points=60):
    return 0.4 * torch.randn(batch, points, 3, generator=torch.Generator().manual_seed(1))


def state_of(module, prefix=""):
    return slow.below({key: value.detach() for key, value in module.state_dict().items()}, prefix)


def test_keys_shapes_and_parameters_are_the_official_ones():
    with torch.device("meta"):
        module = ACTAutoencoder()
    assert {key: tuple(value.shape) for key, value in module.state_dict().items()} == official.act_stage1()
    assert sum(parameter.numel() for parameter in module.parameters()) == 116_185_883
    frozen = sum(parameter.numel() for parameter in module.visual_embed.parameters())
    assert frozen == 85_056_000
    assert 116_185_883 - frozen == 31_129_883


def test_every_part_agrees_with_the_slow_form(teacher):
    points = cloud(1)
    centres, neighbourhoods = teacher.patches.cut(points)
    tokens = teacher.encoder(neighbourhoods)[0]
    scores = slow.graph_network(state_of(teacher, "dgcnn_1."), tokens, centres[0])
    words = scores.argmax(dim=1)
    assert torch.equal(teacher.words(points)[0], words)
    seen = slow.seen(state_of(teacher), teacher.codebook[words].detach(), centres[0], heads=2)
    latents = slow.graph_network(state_of(teacher, "dgcnn_2."), seen, centres[0])
    torch.testing.assert_close(teacher.tokens(points)[0], latents, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(teacher(points)[0], latents.max(dim=0).values, atol=1e-4, rtol=1e-4)
    parts = [slow.decode(state_of(teacher, "decoder."), latent) for latent in latents]
    coarse = torch.cat([part[0] + centre for part, centre in zip(parts, centres[0], strict=True)])
    fine = torch.cat([part[1] + centre for part, centre in zip(parts, centres[0], strict=True)])
    rebuilt = teacher.reconstruct(points)
    assert (rebuilt.coarse.shape, rebuilt.fine.shape) == ((1, 72, 3), (1, 288, 3))
    torch.testing.assert_close(rebuilt.coarse[0], coarse, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(rebuilt.fine[0], fine, atol=1e-4, rtol=1e-4)


def test_latents_do_not_depend_on_padding_batch_or_order(teacher):
    points = cloud()
    padded = torch.cat([points, torch.full((2, 7, 3), 9.0)], dim=1)
    valid = (torch.arange(67) < 60).expand(2, -1)
    torch.testing.assert_close(teacher(padded, valid), teacher(points))
    torch.testing.assert_close(teacher(points)[1:], teacher(points[1:]))
    torch.testing.assert_close(teacher(points[:, torch.randperm(60)]), teacher(points))


def test_prompts_are_dropped_in_training_only(teacher):
    points = cloud()
    assert torch.equal(teacher.tokens(points), teacher.tokens(points))
    teacher.prompt_dropout.p = 0.9
    assert torch.equal(teacher.tokens(points), teacher.tokens(points))
    teacher.train()
    assert not torch.equal(teacher.tokens(points), teacher.tokens(points))


def test_reconstruction_teaches_everything_behind_the_choice_of_words(teacher):
    teacher.train()
    rebuilt = teacher.reconstruct(cloud())
    (rebuilt.fine.square().sum() + rebuilt.coarse.square().sum()).backward()
    without = {name for name, parameter in teacher.named_parameters() if parameter.grad is None}
    assert all(name.startswith(("encoder.", "dgcnn_1.")) for name in without)


def test_a_cloud_with_too_few_points_is_refused_or_repeated(teacher):
    with pytest.raises(DataError):
        teacher(cloud(1, 8))
    module = ACTAutoencoder(**TINY, shortage="repeat").eval()
    assert torch.isfinite(module(cloud(1, 1))).all()


@pytest.mark.parametrize(
    "options", [{"words": 10}, {"graph_widths": (8, 8, 8, 8, 6)}, {"prompts": 0}, {"width": 6}]
)
def test_options_that_cannot_be_meant_are_refused(options):
    with pytest.raises(ValueError):
        ACTAutoencoder(**{**TINY, **options})
