"""Names and shapes of the parts that official checkpoints are made of, as data.

A layout maps a key to its shape; None stands for a size that a file may choose. Parts that become one of our
encoders need none: the encoder's own state dict is their layout.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

Shape = tuple[int | None, ...]
Layout = dict[str, Shape]


def below(prefix: str, layout: Mapping[str, Shape]) -> Layout:
    """The same layout with `prefix` before every key."""
    return {prefix + name: shape for name, shape in layout.items()}


def affine(name: str, *shape: int | None, bias: bool = True) -> Layout:
    """A linear layer or convolution with a weight of `shape`, outputs first."""
    layout: Layout = {f"{name}.weight": shape}
    if bias:
        layout[f"{name}.bias"] = shape[:1]
    return layout


def layer_norm(name: str, width: int | None) -> Layout:
    """Scale and shift; the same for GroupNorm."""
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def batch_norm(name: str, width: int | None) -> Layout:
    """Scale, shift and the statistics."""
    vectors: Layout = {
        f"{name}.{part}": (width,) for part in ("weight", "bias", "running_mean", "running_var")
    }
    return {**vectors, f"{name}.num_batches_tracked": ()}


def vit_block(name: str, width: int, *, qkv_bias: bool) -> Layout:
    """A timm block: pre-norm attention and an MLP of four times the width."""
    return {
        **layer_norm(f"{name}.norm1", width),
        **affine(f"{name}.attn.qkv", 3 * width, width, bias=qkv_bias),
        **affine(f"{name}.attn.proj", width, width),
        **layer_norm(f"{name}.norm2", width),
        **affine(f"{name}.mlp.fc1", 4 * width, width),
        **affine(f"{name}.mlp.fc2", width, 4 * width),
    }


def vit_blocks(name: str, width: int, depth: int, *, qkv_bias: bool) -> Layout:
    """`depth` of them, numbered below `name`."""
    layout: Layout = {}
    for number in range(depth):
        layout |= vit_block(f"{name}.{number}", width, qkv_bias=qkv_bias)
    return layout


def clip_text_block(name: str, width: int) -> Layout:
    """A residual block of CLIP's text transformer."""
    return {
        f"{name}.attn.in_proj_weight": (3 * width, width),
        f"{name}.attn.in_proj_bias": (3 * width,),
        **affine(f"{name}.attn.out_proj", width, width),
        **layer_norm(f"{name}.ln_1", width),
        **affine(f"{name}.mlp.c_fc", 4 * width, width),
        **affine(f"{name}.mlp.c_proj", width, 4 * width),
        **layer_norm(f"{name}.ln_2", width),
    }


def patch_embed(name: str, out: int, *, channels: int = 3) -> Layout:
    """The mini-PointNet of the Point-BERT family."""
    return {
        **affine(f"{name}.first_conv.0", 128, channels, 1),
        **batch_norm(f"{name}.first_conv.1", 128),
        **affine(f"{name}.first_conv.3", 256, 128, 1),
        **affine(f"{name}.second_conv.0", 512, 512, 1),
        **batch_norm(f"{name}.second_conv.1", 512),
        **affine(f"{name}.second_conv.3", out, 512, 1),
    }


def position_mlp(name: str, width: int) -> Layout:
    """3 -> 128 -> width, keys 0 and 2."""
    return {**affine(f"{name}.0", 128, 3), **affine(f"{name}.2", width, 128)}


def graph_network(name: str, before: int, after: int) -> Layout:
    """The DGCNN of Point-BERT's tokeniser (dossier ACT, 1.4)."""
    layout = affine(f"{name}.input_trans", 128, before, 1)
    widths = (128, 256, 512, 512, 1024)
    for number, (inner, outer) in enumerate(pairwise(widths), start=1):
        layout |= affine(f"{name}.layer{number}.0", outer, 2 * inner, 1, 1, bias=False)
        layout |= layer_norm(f"{name}.layer{number}.1", outer)
    layout |= affine(f"{name}.layer5.0", after, sum(widths[1:]), 1, bias=False)
    return layout | layer_norm(f"{name}.layer5.1", after)


def folding_decoder(name: str, width: int) -> Layout:
    """Coarse points by an MLP, fine ones by folding small grids (dossier ACT, 1.7)."""
    return {
        **affine(f"{name}.mlp.0", 1024, width),
        **affine(f"{name}.mlp.2", 1024, 1024),
        **affine(f"{name}.mlp.4", 24, 1024),
        **affine(f"{name}.final_conv.0", 512, width + 5, 1),
        **batch_norm(f"{name}.final_conv.1", 512),
        **affine(f"{name}.final_conv.3", 512, 512, 1),
        **batch_norm(f"{name}.final_conv.4", 512),
        **affine(f"{name}.final_conv.6", 3, 512, 1),
    }


def tokeniser(width: int) -> Layout:
    """Point-BERT's discrete autoencoder at width 256, the frame of ACT's Stage I at 384 (dossier ACT, 1)."""
    return {
        "codebook": (8192, width),
        **patch_embed("encoder", width),
        **graph_network("dgcnn_1", width, 8192),
        **graph_network("dgcnn_2", width, width),
        **folding_decoder("decoder", width),
    }


def act_teacher() -> Layout:
    """ACT's Stage I: the tokeniser with a prompted ViT-B in its middle (dossier ACT, 4.2)."""
    return {
        **tokeniser(384),
        "visual_prompt_token": (1, 64, 768),
        "visual_prompt_pos": (1, 64, 768),
        "deep_prompt_tokens": (11, 64, 768),
        "deep_prompt_pos": (11, 64, 768),
        **vit_blocks("visual_embed.0", 768, 12, qkv_bias=True),
        **layer_norm("visual_embed.1", 768),
        **affine("proj_pre", 768, 384),
        **position_mlp("visual_pos_embed", 768),
        **affine("proj_post", 384, 768),
    }


def mae_decoder(name: str, depth: int) -> Layout:
    """Blocks and a norm, 384 wide."""
    return {
        **vit_blocks(f"{name}.blocks", 384, depth, qkv_bias=False),
        **layer_norm(f"{name}.norm", 384),
        "mask_token": (1, 1, 384),
        **position_mlp("decoder_pos_embed", 384),
    }
