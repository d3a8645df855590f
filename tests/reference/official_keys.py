"""Names and shapes of official checkpoints, typed from the dossiers and from nothing in `src`.

One line per key or brace-expanded row of keys, then the shape. Endings: `.@` is a batch norm (weight, bias,
running_mean, running_var of one length, and the counter), `.*` a weight and a bias of the same shape,
`.+` a weight of the shape and a bias of its first length.
"""

import re


def expand(pattern):
    """`a{0..2}.{x,y}` -> a0.x, a0.y, a1.x ..."""
    found = re.search(r"\{([^{}]*)\}", pattern)
    if not found:
        return [pattern]
    inside = found[1]
    if ".." in inside:
        low, high = inside.split("..")
        choices = [str(number) for number in range(int(low), int(high) + 1)]
    else:
        choices = inside.split(",")
    before, after = pattern[: found.start()], pattern[found.end() :]
    return [row for choice in choices for row in expand(before + choice + after)]


def table(text, prefix=""):
    """Key -> shape."""
    rows = {}
    for line in filter(str.strip, text.splitlines()):
        pattern, *lengths = line.split()
        shape = tuple(int(length) for length in lengths)
        for key in expand(prefix + pattern):
            stem = key[:-1]
            if key.endswith(".@"):
                rows |= {stem + part: shape for part in ("weight", "bias", "running_mean", "running_var")}
                rows[stem + "num_batches_tracked"] = ()
            elif key.endswith(".*"):
                rows |= {stem + "weight": shape, stem + "bias": shape}
            elif key.endswith(".+"):
                rows |= {stem + "weight": shape, stem + "bias": shape[:1]}
            else:
                rows[key] = shape
    return rows


# Dossier ACT, 4.1
MINI_POINTNET = """
encoder.first_conv.0.+ 128 3 1
encoder.first_conv.1.@ 128
encoder.first_conv.3.+ 256 128 1
encoder.second_conv.0.+ 512 512 1
encoder.second_conv.1.@ 512
"""
WIDE_PATCHES = MINI_POINTNET + "encoder.second_conv.3.+ 384 512 1\n"
NARROW_PATCHES = MINI_POINTNET + "encoder.second_conv.3.+ 256 512 1\nreduce_dim.+ 384 256\n"
POSITIONS = """
pos_embed.0.+ 128 3
pos_embed.2.+ 384 128
"""


def blocks(last):
    return f"""
blocks.blocks.{{0..{last}}}.norm1.* 384
blocks.blocks.{{0..{last}}}.norm2.* 384
blocks.blocks.{{0..{last}}}.attn.qkv.weight 1152 384
blocks.blocks.{{0..{last}}}.attn.proj.+ 384 384
blocks.blocks.{{0..{last}}}.mlp.fc1.+ 1536 384
blocks.blocks.{{0..{last}}}.mlp.fc2.+ 384 1536
"""


NORM = "norm.* 384\n"
CLASS = "cls_token 1 1 384\ncls_pos 1 1 384\n"
TRUNK = WIDE_PATCHES + POSITIONS + blocks(11) + NORM


def decoder(name, last):
    return f"""
mask_token 1 1 384
decoder_pos_embed.0.+ 128 3
decoder_pos_embed.2.+ 384 128
{name}.blocks.{{0..{last}}}.norm1.* 384
{name}.blocks.{{0..{last}}}.norm2.* 384
{name}.blocks.{{0..{last}}}.attn.qkv.weight 1152 384
{name}.blocks.{{0..{last}}}.attn.proj.+ 384 384
{name}.blocks.{{0..{last}}}.mlp.fc1.+ 1536 384
{name}.blocks.{{0..{last}}}.mlp.fc2.+ 384 1536
{name}.norm.* 384
"""


def mlp3(features, classes):
    return f"""
cls_head_finetune.0.+ 256 {features}
cls_head_finetune.1.@ 256
cls_head_finetune.4.+ 256 256
cls_head_finetune.5.@ 256
cls_head_finetune.8.+ {classes} 256
"""


def point_mae_pretrained():
    return table(TRUNK, "MAE_encoder.") | table(decoder("MAE_decoder", 3) + "increase_dim.0.+ 96 384 1")


def point_mae_tuned(classes):
    return table(TRUNK + CLASS + mlp3(768, classes))


def point_mae_linear(classes):
    return table(TRUNK + CLASS + f"cls_head_finetune.0.+ {classes} 768")


def segmentation(classes, *, label=True, suffix=""):
    joined = 3392 if label else 3328
    text = f"""
propagation_0{suffix}.mlp_convs.0.+ 1536 1155 1
propagation_0{suffix}.mlp_convs.1.+ 1024 1536 1
propagation_0{suffix}.mlp_bns.0.@ 1536
propagation_0{suffix}.mlp_bns.1.@ 1024
convs1{suffix}.+ 512 {joined} 1
convs2{suffix}.+ 256 512 1
convs3{suffix}.+ {classes} 256 1
bns1{suffix}.@ 512
bns2{suffix}.@ 256
"""
    if label:
        text += f"label_conv{suffix}.0.weight 64 16 1\nlabel_conv{suffix}.1.@ 64\n"
    return table(TRUNK + text)


BERT_HEADS = """
mask_token 1 1 384
lm_head.+ 8192 384
cls_head.0.+ 512 384
cls_head.2.+ 512 512
"""


def tokeniser(width):
    """Dossier ACT, 1.3 to 1.7."""
    graph = """
{name}.input_trans.+ 128 {width} 1
{name}.layer1.0.weight 256 256 1 1
{name}.layer1.1.* 256
{name}.layer2.0.weight 512 512 1 1
{name}.layer2.1.* 512
{name}.layer3.0.weight 512 1024 1 1
{name}.layer3.1.* 512
{name}.layer4.0.weight 1024 1024 1 1
{name}.layer4.1.* 1024
{name}.layer5.0.weight {out} 2304 1
{name}.layer5.1.* {out}
"""
    return (
        MINI_POINTNET
        + f"""
encoder.second_conv.3.+ {width} 512 1
codebook 8192 {width}
decoder.mlp.0.+ 1024 {width}
decoder.mlp.2.+ 1024 1024
decoder.mlp.4.+ 24 1024
decoder.final_conv.0.+ 512 {width + 5} 1
decoder.final_conv.1.@ 512
decoder.final_conv.3.+ 512 512 1
decoder.final_conv.4.@ 512
decoder.final_conv.6.+ 3 512 1
"""
        + graph.format(name="dgcnn_1", width=width, out=8192)
        + graph.format(name="dgcnn_2", width=width, out=width)
    )


def point_bert_pretrained():
    half = CLASS + NARROW_PATCHES + POSITIONS + blocks(11) + NORM + BERT_HEADS
    return (
        table(half, "transformer_q.")
        | table(half, "transformer_k.")
        | table("queue 512 16384\nqueue_ptr 1")
        | table(tokeniser(256), "dvae.")
    )


def point_bert_tuned(classes):
    head = f"cls_head_finetune.0.+ 256 768\ncls_head_finetune.3.+ {classes} 256\n"
    return table(CLASS + NARROW_PATCHES + POSITIONS + blocks(11) + NORM + head)


TIMM_BLOCKS = """
{name}.{{0..11}}.norm1.* 768
{name}.{{0..11}}.norm2.* 768
{name}.{{0..11}}.attn.qkv.+ 2304 768
{name}.{{0..11}}.attn.proj.+ 768 768
{name}.{{0..11}}.mlp.fc1.+ 3072 768
{name}.{{0..11}}.mlp.fc2.+ 768 3072
"""
TEACHER = (
    tokeniser(384)
    + TIMM_BLOCKS.format(name="visual_embed.0")
    + """
visual_embed.1.* 768
visual_prompt_token 1 64 768
visual_prompt_pos 1 64 768
deep_prompt_tokens 11 64 768
deep_prompt_pos 11 64 768
proj_pre.+ 768 384
proj_post.+ 384 768
visual_pos_embed.0.+ 128 3
visual_pos_embed.2.+ 768 128
"""
)


def act_stage1():
    return table(TEACHER)


def act_stage2():
    return (
        table(TRUNK + CLASS + BERT_HEADS.replace("mask_token 1 1 384\n", ""), "ACT_encoder.")
        | table(decoder("ACT_decoder", 1) + "proj_head.+ 384 384")
        | table(TEACHER, "dvae_tokenizer.")
    )


QUERIES = """
{cls,img,text}_token 1 1 384
{cls,img,text}_pos 1 1 384
"""
CONTRAST = """
blocks.blocks.{0..11}.norm1_contrast.* 384
blocks.blocks.{0..11}.norm2_contrast.* 384
blocks.blocks.{0..11}.attn_contrast.q.weight 384 384
blocks.blocks.{0..11}.attn_contrast.kv.weight 768 384
blocks.blocks.{0..11}.attn_contrast.proj.+ 384 384
blocks.blocks.{0..11}.mlp_contrast.fc1.+ 1536 384
blocks.blocks.{0..11}.mlp_contrast.fc2.+ 384 1536
"""


def recon_pretrained():
    return table(TRUNK + QUERIES + CONTRAST, "MAE_encoder.") | table(
        decoder("MAE_decoder", 3) + "increase_dim.0.+ 96 384 1"
    )


def recon_tuned(classes):
    return table(TRUNK + QUERIES + CONTRAST + mlp3(1536, classes))
