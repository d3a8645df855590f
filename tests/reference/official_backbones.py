"""Names and shapes of official checkpoints beyond the Point-BERT family, typed from the dossiers.

ULIP, OpenShape, Uni3D, and the classic networks as commonly published; notation of `official_keys`.
"""

from reference.official_keys import CLASS, NARROW_PATCHES, NORM, POSITIONS, TIMM_BLOCKS, blocks, table

# Dossier CrossMoST, 2.5
SLIP = """
logit_scale
image_projection 768 512
text_projection 512 512
token_embedding.weight 49408 512
positional_embedding 77 512
ln_final.* 512
transformer.resblocks.{0..11}.attn.in_proj_weight 1536 512
transformer.resblocks.{0..11}.attn.in_proj_bias 1536
transformer.resblocks.{0..11}.attn.out_proj.+ 512 512
transformer.resblocks.{0..11}.mlp.c_fc.+ 2048 512
transformer.resblocks.{0..11}.mlp.c_proj.+ 512 2048
transformer.resblocks.{0..11}.ln_1.* 512
transformer.resblocks.{0..11}.ln_2.* 512
visual.cls_token 1 1 768
visual.pos_embed 1 197 768
visual.patch_embed.proj.+ 768 3 16 16
visual.norm.* 768
""" + TIMM_BLOCKS.format(name="visual.blocks")
SSG = """
sa1.mlp_convs.0.+ 64 3 1 1
sa1.mlp_convs.1.+ 64 64 1 1
sa1.mlp_convs.2.+ 128 64 1 1
sa2.mlp_convs.0.+ 128 131 1 1
sa2.mlp_convs.1.+ 128 128 1 1
sa2.mlp_convs.2.+ 256 128 1 1
sa3.mlp_convs.0.+ 256 259 1 1
sa3.mlp_convs.1.+ 512 256 1 1
sa3.mlp_convs.2.+ 1024 512 1 1
sa1.mlp_bns.{0,1}.@ 64
sa1.mlp_bns.2.@ 128
sa2.mlp_bns.{0,1}.@ 128
sa2.mlp_bns.2.@ 256
sa3.mlp_bns.0.@ 256
sa3.mlp_bns.1.@ 512
sa3.mlp_bns.2.@ 1024
fc1.+ 512 1024
bn1.@ 512
fc2.+ 256 512
bn2.@ 256
"""


def pointmlp_text():
    text = """
embedding.net.0.weight 64 3 1
embedding.net.1.@ 64
classifier.0.+ 512 1024
classifier.1.@ 512
classifier.4.+ 256 512
classifier.5.@ 256
"""
    for stage, width in enumerate((128, 256, 512, 1024)):
        text += f"""
local_grouper_list.{stage}.affine_{{alpha,beta}} 1 1 1 {width // 2}
pre_blocks_list.{stage}.transfer.net.0.weight {width} {width} 1
pre_blocks_list.{stage}.transfer.net.1.@ {width}
{{pre,pos}}_blocks_list.{stage}.operation.{{0,1}}.net{{1,2}}.0.weight {width} {width} 1
{{pre,pos}}_blocks_list.{stage}.operation.{{0,1}}.net{{1,2}}.1.@ {width}
"""
    return text


def pointnext_text():
    text = """
encoder.encoder.0.0.convs.0.0.+ 32 4 1
encoder.encoder.5.0.convs.0.0.weight 512 515 1 1
encoder.encoder.5.0.convs.0.1.@ 512
encoder.encoder.5.0.convs.1.0.weight 512 512 1 1
encoder.encoder.5.0.convs.1.1.@ 512
prediction.head.0.0.weight 512 512
prediction.head.0.1.@ 512
prediction.head.2.0.weight 256 512
prediction.head.2.1.@ 256
"""
    for stage, width in enumerate((64, 128, 256, 512), start=1):
        half = width // 2
        text += f"""
encoder.encoder.{stage}.0.skipconv.0.+ {width} {half} 1
encoder.encoder.{stage}.0.convs.0.0.weight {half} {half + 3} 1 1
encoder.encoder.{stage}.0.convs.0.1.@ {half}
encoder.encoder.{stage}.0.convs.1.0.weight {width} {half} 1 1
encoder.encoder.{stage}.0.convs.1.1.@ {width}
"""
    return text


POINT_BERT = CLASS + NARROW_PATCHES + POSITIONS + NORM


def ulip(backbone):
    text, width = {
        "pointnet2": (SSG, 256),
        "pointmlp": (pointmlp_text(), 256),
        "pointnext": (pointnext_text(), 256),
        "point_bert": (POINT_BERT + blocks(11), 768),
    }[backbone]
    return table(text, "point_encoder.") | table(SLIP) | {"pc_projection": (width, 512)}


CLIP_PICTURES = """
image_projection 768 512
visual.class_embedding 768
visual.positional_embedding 197 768
visual.conv1.weight 768 3 16 16
visual.{ln_pre,ln_post,ln_patch}.* 768
visual.mask_token_embedding 1 1 768
visual.decoder.0.+ 768 768 1 1
visual.transformer.resblocks.{0..11}.attn.in_proj_weight 2304 768
visual.transformer.resblocks.{0..11}.attn.in_proj_bias 2304
visual.transformer.resblocks.{0..11}.attn.out_proj.+ 768 768
visual.transformer.resblocks.{0..11}.mlp.c_fc.+ 3072 768
visual.transformer.resblocks.{0..11}.mlp.c_proj.+ 768 3072
visual.transformer.resblocks.{0..11}.{ln_1,ln_2}.* 768
"""
HIDDEN = """
mask_token 1 1 384
proj 384 512
lm_head.+ 384 384
"""


def crossmost(classes):
    """Dossier CrossMoST, 2.5: its student, without the module prefix."""
    points = table(POINT_BERT + blocks(11) + HIDDEN, "point_encoder.")
    rest = {"pc_projection": (768, 512), "classifier": (512, classes), "logit_scale": ()}
    return points | table(CLIP_PICTURES) | rest


def ulip2():
    coloured = POINT_BERT.replace("first_conv.0.+ 128 3 1", "first_conv.0.+ 128 6 1") + blocks(17)
    return table(coloured, "point_encoder.") | {"pc_projection": (768, 1280), "logit_scale": ()}


# Dossier MixCon3D, 2.1 and 3.1: depth, width, hidden, patch width of the six scalings
PPAT = {
    1: (6, 256, 1024, 96, 64),
    2: (6, 512, 1024, 128, 64),
    3: (12, 512, 1024, 128, 64),
    4: (12, 512, 1536, 256, 64),
    5: (12, 768, 2304, 256, 64),
    6: (24, 768, 3072, 256, 64),
}


def ppat(scaling, teacher=1280):
    depth, width, hidden, patch, first = PPAT[scaling]
    last = depth - 1
    return table(f"""
ppat.cls_token {width}
ppat.sa.mlp_convs.0.+ {first} 9 1 1
ppat.sa.mlp_convs.1.+ 64 64 1 1
ppat.sa.mlp_convs.2.+ {patch} 64 1 1
ppat.sa.mlp_bns.{{0,1}}.@ 64
ppat.sa.mlp_bns.2.@ {patch}
ppat.lift.0.+ {width} {patch + 3} 1
ppat.lift.2.* {width}
ppat.transformer.layers.{{0..{last}}}.0.norm.* {width}
ppat.transformer.layers.{{0..{last}}}.0.fn.to_qkv.weight {3 * width} {width}
ppat.transformer.layers.{{0..{last}}}.0.fn.to_out.0.+ {width} {width}
ppat.transformer.layers.{{0..{last}}}.1.norm.* {width}
ppat.transformer.layers.{{0..{last}}}.1.fn.net.0.+ {hidden} {width}
ppat.transformer.layers.{{0..{last}}}.1.fn.net.3.+ {width} {hidden}
proj.+ {teacher} {width}
""")


# Dossier MixCon3D, 3.3: width, depth, hidden, fused attention, MLP, places of the picture model, its classes
UNI3D = {
    "ti": (192, 12, 512, True, "fused", 257, 0),
    "s": (384, 12, 1024, True, "fused", 257, 0),
    "b": (768, 12, 2048, False, "split", 1025, 1000),
    "l": (1024, 24, 2730, False, "split", 1025, 1000),
    "g": (1408, 40, 6144, True, "gelu", 1601, 1000),
}


def uni3d(size):
    width, depth, hidden, fused, mlp, places, classes = UNI3D[size]
    block = f"visual.blocks.{{0..{depth - 1}}}"
    text = f"""
encoder.first_conv.0.+ 128 6 1
encoder.first_conv.1.@ 128
encoder.first_conv.3.+ 256 128 1
encoder.second_conv.0.+ 512 512 1
encoder.second_conv.1.@ 512
encoder.second_conv.3.+ 512 512 1
encoder2trans.+ {width} 512
trans2embed.+ 1024 {width}
cls_token 1 1 {width}
cls_pos 1 1 {width}
pos_embed.0.+ 128 3
pos_embed.2.+ {width} 128
visual.cls_token 1 1 {width}
visual.pos_embed 1 {places} {width}
visual.patch_embed.proj.+ {width} 3 14 14
visual.fc_norm.* {width}
{block}.norm1.* {width}
{block}.norm2.* {width}
{block}.attn.proj.+ {width} {width}
{block}.mlp.fc2.+ {width} {hidden}
"""
    if fused:
        text += f"{block}.attn.qkv.weight {3 * width} {width}\n{block}.attn.{{q,v}}_bias {width}\n"
    else:
        text += f"{block}.attn.{{q,v}}_proj.+ {width} {width}\n{block}.attn.k_proj.weight {width} {width}\n"
    text += {
        "fused": f"{block}.mlp.fc1.+ {2 * hidden} {width}\n",
        "gelu": f"{block}.mlp.fc1.+ {hidden} {width}\n",
        "split": f"{block}.mlp.fc1_{{g,x}}.+ {hidden} {width}\n{block}.mlp.norm.* {hidden}\n",
    }[mlp]
    if classes:
        text += f"visual.head.+ {classes} {width}\n"
    return table(text, "point_encoder.") | {"logit_scale": ()}


def pointnet2_classifier(classes, channels=3):
    return table(SSG.replace("sa1.mlp_convs.0.+ 64 3", f"sa1.mlp_convs.0.+ 64 {channels}")) | table(
        f"fc3.+ {classes} 256"
    )


def pointnet2_parts(classes):
    down = SSG[: SSG.index("fc1")].replace("sa1.mlp_convs.0.+ 64 3", "sa1.mlp_convs.0.+ 64 6")
    return table(
        down
        + f"""
fp3.mlp_convs.0.+ 256 1280 1
fp3.mlp_convs.1.+ 256 256 1
fp3.mlp_bns.{{0,1}}.@ 256
fp2.mlp_convs.0.+ 256 384 1
fp2.mlp_convs.1.+ 128 256 1
fp2.mlp_bns.0.@ 256
fp2.mlp_bns.1.@ 128
fp1.mlp_convs.0.+ 128 150 1
fp1.mlp_convs.{{1,2}}.+ 128 128 1
fp1.mlp_bns.{{0..2}}.@ 128
conv1.+ 128 128 1
bn1.@ 128
conv2.+ {classes} 128 1
"""
    )


def dgcnn_classifier(classes):
    return table(f"""
conv1.0.weight 64 6 1 1
conv2.0.weight 64 128 1 1
conv3.0.weight 128 128 1 1
conv4.0.weight 256 256 1 1
conv5.0.weight 1024 512 1
{{bn1,conv1.1}}.@ 64
{{bn2,conv2.1}}.@ 64
{{bn3,conv3.1}}.@ 128
{{bn4,conv4.1}}.@ 256
{{bn5,conv5.1}}.@ 1024
linear1.weight 512 2048
bn6.@ 512
linear2.+ 256 512
bn7.@ 256
linear3.+ {classes} 256
""")


def dgcnn_parts(classes):
    return table(f"""
transform_net.conv1.0.weight 64 6 1 1
transform_net.conv2.0.weight 128 64 1 1
transform_net.conv3.0.weight 1024 128 1
transform_net.{{bn1,conv1.1}}.@ 64
transform_net.{{bn2,conv2.1}}.@ 128
transform_net.conv3.1.@ 1024
transform_net.linear1.weight 512 1024
transform_net.bn3.@ 512
transform_net.linear2.weight 256 512
transform_net.bn4.@ 256
transform_net.transform.+ 9 256
conv1.0.weight 64 6 1 1
conv2.0.weight 64 64 1 1
conv3.0.weight 64 128 1 1
conv4.0.weight 64 64 1 1
conv5.0.weight 64 128 1 1
conv6.0.weight 1024 192 1
conv7.0.weight 64 16 1
conv8.0.weight 256 1280 1
conv9.0.weight 256 256 1
conv10.0.weight 128 256 1
conv11.weight {classes} 128 1
{{bn1,conv1.1}}.@ 64
{{bn2,conv2.1}}.@ 64
{{bn3,conv3.1}}.@ 64
{{bn4,conv4.1}}.@ 64
{{bn5,conv5.1}}.@ 64
{{bn6,conv6.1}}.@ 1024
{{bn7,conv7.1}}.@ 64
{{bn8,conv8.1}}.@ 256
{{bn9,conv9.1}}.@ 256
{{bn10,conv10.1}}.@ 128
""")


def pointnet(classes):
    return table(f"""
feature_model.conv1.+ 64 3 1
feature_model.conv{{2,3}}.+ 64 64 1
feature_model.conv4.+ 128 64 1
feature_model.conv5.+ 1024 128 1
feature_model.bn{{1..3}}.@ 64
feature_model.bn4.@ 128
feature_model.bn5.@ 1024
linear1.+ 512 1024
bn1.@ 512
linear2.+ 256 512
bn2.@ 256
linear3.+ {classes} 256
""")


def resnet20(classes):
    text = f"conv1.weight 16 3 3 3\nbn1.@ 16\nlinear.+ {classes} 64\n"
    before = 16
    for stage, width in enumerate((16, 32, 64), start=1):
        text += f"layer{stage}.0.conv1.weight {width} {before} 3 3\n"
        text += f"layer{stage}.{{1,2}}.conv1.weight {width} {width} 3 3\n"
        text += f"layer{stage}.{{0..2}}.conv2.weight {width} {width} 3 3\n"
        text += f"layer{stage}.{{0..2}}.bn{{1,2}}.@ {width}\n"
        before = width
    return table(text)


def resnet_torchvision(depth, classes):
    """torchvision's resnet18 and resnet50: 11,689,512 and 25,557,032 parameters with 1,000 classes."""
    blocks = {18: (2, 2, 2, 2), 50: (3, 4, 6, 3)}[depth]
    expansion = 4 if depth == 50 else 1
    text = "conv1.weight 64 3 7 7\nbn1.@ 64\n"
    before = 64
    for stage, (count, width) in enumerate(zip(blocks, (64, 128, 256, 512), strict=True), start=1):
        after = width * expansion
        for block in range(count):
            name = f"layer{stage}.{block}"
            if depth == 18:
                text += f"{name}.conv1.weight {width} {before} 3 3\n{name}.conv2.weight {width} {width} 3 3\n"
                text += f"{name}.bn{{1,2}}.@ {width}\n"
            else:
                text += f"{name}.conv1.weight {width} {before} 1 1\n{name}.conv2.weight {width} {width} 3 3\n"
                text += f"{name}.conv3.weight {after} {width} 1 1\n{name}.bn{{1,2}}.@ {width}\n"
                text += f"{name}.bn3.@ {after}\n"
            if block == 0 and before != after:
                text += f"{name}.downsample.0.weight {after} {before} 1 1\n{name}.downsample.1.@ {after}\n"
            before = after
    return table(text + f"fc.+ {classes} {before}\n")
