"""Key names and shapes of the Point-BERT family's official files, from the dossiers' tables.

ACT dossier, sections 3.7, 3.8, 4.1 and 4.2; CrossMoST dossier, section 2.5. Wrapper prefixes (`module.`,
`MAE_encoder.`, `point_encoder.`) are not part of the names here.
"""


def dense(name, after, before, *, bias=True):
    return {f"{name}.weight": (after, before)} | ({f"{name}.bias": (after,)} if bias else {})


def convolution(name, after, before, *, bias=True):
    return {f"{name}.weight": (after, before, 1)} | ({f"{name}.bias": (after,)} if bias else {})


def norm(name, channels):
    return {f"{name}.weight": (channels,), f"{name}.bias": (channels,)}


def batch_norm(name, channels):
    running = {f"{name}.running_mean": (channels,), f"{name}.running_var": (channels,)}
    return norm(name, channels) | running | {f"{name}.num_batches_tracked": ()}


def trunk(*, depth=12, in_channels=3, patch_channels=384):
    """Section 4.1."""
    keys = {
        **convolution("encoder.first_conv.0", 128, in_channels),
        **batch_norm("encoder.first_conv.1", 128),
        **convolution("encoder.first_conv.3", 256, 128),
        **convolution("encoder.second_conv.0", 512, 512),
        **batch_norm("encoder.second_conv.1", 512),
        **convolution("encoder.second_conv.3", patch_channels, 512),
        **dense("pos_embed.0", 128, 3),
        **dense("pos_embed.2", 384, 128),
        **norm("norm", 384),
    }
    if patch_channels == 256:
        keys |= dense("reduce_dim", 384, 256)
    for i in range(depth):
        block = f"blocks.blocks.{i}"
        keys |= norm(f"{block}.norm1", 384) | norm(f"{block}.norm2", 384)
        keys |= dense(f"{block}.attn.qkv", 1152, 384, bias=False) | dense(f"{block}.attn.proj", 384, 384)
        keys |= dense(f"{block}.mlp.fc1", 1536, 384) | dense(f"{block}.mlp.fc2", 384, 1536)
    return keys


def learned(*names):
    return {f"{name}_{what}": (1, 1, 384) for name in names for what in ("token", "pos")}


def mlp3_head(channels, classes):
    head = "cls_head_finetune"
    keys = dense(f"{head}.0", 256, channels) | batch_norm(f"{head}.1", 256)
    keys |= dense(f"{head}.4", 256, 256) | batch_norm(f"{head}.5", 256)
    return keys | dense(f"{head}.8", classes, 256)


def point_mae(classes=40):
    """Fine-tuned Point-MAE and ACT."""
    return trunk() | learned("cls") | mlp3_head(768, classes)


def point_mae_linear(classes=40):
    return trunk() | learned("cls") | dense("cls_head_finetune.0", classes, 768)


def ulip():
    return trunk(patch_channels=256) | learned("cls")


def ulip2_coloured():
    return trunk(depth=18, in_channels=6, patch_channels=256) | learned("cls")


def point_bert(classes=40):
    """Fine-tuned Point-BERT."""
    head = dense("cls_head_finetune.0", 256, 768) | dense("cls_head_finetune.3", classes, 256)
    return ulip() | head


def recon(classes=15):
    keys = trunk() | learned("cls", "img", "text") | mlp3_head(1536, classes)
    for i in range(12):
        block = f"blocks.blocks.{i}"
        keys |= norm(f"{block}.norm1_contrast", 384) | norm(f"{block}.norm2_contrast", 384)
        keys |= dense(f"{block}.attn_contrast.q", 384, 384, bias=False)
        keys |= dense(f"{block}.attn_contrast.kv", 768, 384, bias=False)
        keys |= dense(f"{block}.attn_contrast.proj", 384, 384)
        keys |= dense(f"{block}.mlp_contrast.fc1", 1536, 384) | dense(f"{block}.mlp_contrast.fc2", 384, 1536)
    return keys


def segmentation(*, classes, categories=False, ending=""):
    """`ending` is "_cls" in ACT's files and empty in those of Point-MAE and ReCon."""
    keys = trunk()
    if categories:
        keys |= convolution(f"label_conv{ending}.0", 64, 16, bias=False)
        keys |= batch_norm(f"label_conv{ending}.1", 64)
    for i, (after, before) in enumerate([(1536, 1155), (1024, 1536)]):
        keys |= convolution(f"propagation_0{ending}.mlp_convs.{i}", after, before)
        keys |= batch_norm(f"propagation_0{ending}.mlp_bns.{i}", after)
    keys |= convolution(f"convs1{ending}", 512, 3392 if categories else 3328)
    keys |= batch_norm(f"bns1{ending}", 512) | convolution(f"convs2{ending}", 256, 512)
    return keys | batch_norm(f"bns2{ending}", 256) | convolution(f"convs3{ending}", classes, 256)


def parts(ending=""):
    return segmentation(classes=50, categories=True, ending=ending)


def scenes(ending=""):
    return segmentation(classes=13, ending=ending)
