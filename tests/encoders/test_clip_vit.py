"""CLIP's vision transformer against one put together of torch's own parts, as OpenAI's is."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from anaglyph.encoders.clip_vit import ClipViT
from anaglyph.randomness import seeded


@pytest.fixture
def vit():
    with seeded("clip vit"):
        model = ClipViT(width=128, depth=2, patch=8, pixels=16)  # two heads
        for parameter in model.parameters():
            nn.init.normal_(parameter, std=0.1)
    return model.eval()


def pictures(height=16, width=16):
    return torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(0))


def of_torch(vit, images, replaced=None):
    """The same computation with nn.MultiheadAttention and the state dict's names."""
    state, width = vit.state_dict(), vit.embed_dim
    patches = F.conv2d(images, state["conv1.weight"], stride=vit.patch).flatten(2).transpose(1, 2)
    if replaced is not None:
        places, token = replaced
        patches = torch.stack(
            [torch.where(p[:, None], token, x) for p, x in zip(places, patches, strict=True)]
        )
    x = torch.cat([state["class_embedding"].expand(len(images), 1, width), patches], dim=1)
    x = x + state["positional_embedding"]
    x = F.layer_norm(x, (width,), state["ln_pre.weight"], state["ln_pre.bias"])
    for number in range(2):
        name = f"transformer.resblocks.{number}."
        own = {key.removeprefix(name): value for key, value in state.items() if key.startswith(name)}
        attention = nn.MultiheadAttention(width, width // 64, batch_first=True).eval()
        attention.load_state_dict(
            {key.removeprefix("attn."): value for key, value in own.items() if key.startswith("attn.")}
        )
        normed = F.layer_norm(x, (width,), own["ln_1.weight"], own["ln_1.bias"])
        x = x + attention(normed, normed, normed, need_weights=False)[0]
        normed = F.layer_norm(x, (width,), own["ln_2.weight"], own["ln_2.bias"])
        hidden = F.linear(normed, own["mlp.c_fc.weight"], own["mlp.c_fc.bias"])
        x = x + F.linear(
            hidden / (1 + (-1.702 * hidden).exp()), own["mlp.c_proj.weight"], own["mlp.c_proj.bias"]
        )
    return F.layer_norm(x[:, 0], (width,), state["ln_post.weight"], state["ln_post.bias"])


def test_it_equals_the_one_of_torchs_parts(vit):
    with torch.no_grad():
        torch.testing.assert_close(vit(pictures()), of_torch(vit, pictures()), rtol=1e-4, atol=1e-5)


def test_a_hidden_patch_is_replaced_before_its_position_is_added(vit):
    masked, token = torch.tensor([[True, False, False, True], [False] * 4]), torch.full((128,), 0.3)
    with torch.no_grad():
        found = vit.ln_post(vit.tokens(pictures(), masked=masked, mask_token=token)[:, 0])
        torch.testing.assert_close(found, of_torch(vit, pictures(), (masked, token)), rtol=1e-4, atol=1e-5)


def test_larger_pictures_get_positions_in_between_and_borders_are_filled_with_zeros(vit):
    assert vit.tokens(pictures(24, 40)).shape == (2, 1 + 3 * 5, 128)
    padded = F.pad(pictures(20, 40), [0, 0, 0, 4])
    torch.testing.assert_close(vit(pictures(20, 40)), vit(padded))
    assert vit.token_grid(20, 40) == (3, 5)


def test_pixels_that_are_no_whole_patches_are_refused():
    with pytest.raises(ValueError, match="pixels must be a multiple of patch, got 20 and 8"):
        ClipViT(width=8, patch=8, pixels=20)
