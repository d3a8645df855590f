"""Key names and shapes of the classical point networks, typed from the CrossMoST dossier, section 2.5, and
from the common PyTorch ports. Prefixes such as `point_encoder.` are not part of the names.
"""

from reference.point_transformer_keys import batch_norm, convolution, dense


def flat_convolution(name, after, before, *, bias=True):
    return {f"{name}.weight": (after, before, 1, 1)} | ({f"{name}.bias": (after,)} if bias else {})


def abstractions(*widths):
    """sa1, sa2, ...; `widths` are (in, out, out, out) of each."""
    keys = {}
    for stage, channels in enumerate(widths, start=1):
        for i in range(3):
            keys |= flat_convolution(f"sa{stage}.mlp_convs.{i}", channels[i + 1], channels[i])
            keys |= batch_norm(f"sa{stage}.mlp_bns.{i}", channels[i + 1])
    return keys


def pointnet2():
    keys = abstractions((3, 64, 64, 128), (131, 128, 128, 256), (259, 256, 512, 1024))
    keys |= dense("fc1", 512, 1024) | batch_norm("bn1", 512)
    return keys | dense("fc2", 256, 512) | batch_norm("bn2", 256)


def pointnet2_parts():
    keys = abstractions((6, 64, 64, 128), (131, 128, 128, 256), (259, 256, 512, 1024))
    steps = {"fp3": (1280, 256, 256), "fp2": (384, 256, 128), "fp1": (150, 128, 128, 128)}
    for name, channels in steps.items():
        for i in range(len(channels) - 1):
            keys |= convolution(f"{name}.mlp_convs.{i}", channels[i + 1], channels[i])
            keys |= batch_norm(f"{name}.mlp_bns.{i}", channels[i + 1])
    return keys | convolution("conv1", 128, 128) | batch_norm("bn1", 128) | convolution("conv2", 50, 128)


def residual(name, channels):
    keys = {}
    for net in ("net1", "net2"):
        keys |= convolution(f"{name}.{net}.0", channels, channels, bias=False)
        keys |= batch_norm(f"{name}.{net}.1", channels)
    return keys


def pointmlp():
    keys = convolution("embedding.net.0", 64, 3, bias=False) | batch_norm("embedding.net.1", 64)
    for i, (before, channels) in enumerate(((64, 128), (128, 256), (256, 512), (512, 1024))):
        keys[f"local_grouper_list.{i}.affine_alpha"] = (1, 1, 1, before)
        keys[f"local_grouper_list.{i}.affine_beta"] = (1, 1, 1, before)
        transfer = f"pre_blocks_list.{i}.transfer.net"
        keys |= convolution(f"{transfer}.0", channels, channels, bias=False)
        keys |= batch_norm(f"{transfer}.1", channels)
        for block in range(2):
            keys |= residual(f"pre_blocks_list.{i}.operation.{block}", channels)
            keys |= residual(f"pos_blocks_list.{i}.operation.{block}", channels)
    keys |= dense("classifier.0", 512, 1024) | batch_norm("classifier.1", 512)
    return keys | dense("classifier.4", 256, 512) | batch_norm("classifier.5", 256)


def pointnext():
    keys = convolution("encoder.encoder.0.0.convs.0.0", 32, 4)
    for stage, channels in enumerate((64, 128, 256, 512), start=1):
        name, half = f"encoder.encoder.{stage}.0", channels // 2
        keys |= convolution(f"{name}.skipconv.0", channels, half)
        keys |= flat_convolution(f"{name}.convs.0.0", half, half + 3, bias=False)
        keys |= batch_norm(f"{name}.convs.0.1", half)
        keys |= flat_convolution(f"{name}.convs.1.0", channels, half, bias=False)
        keys |= batch_norm(f"{name}.convs.1.1", channels)
    for layer, before in enumerate((515, 512)):
        keys |= flat_convolution(f"encoder.encoder.5.0.convs.{layer}.0", 512, before, bias=False)
        keys |= batch_norm(f"encoder.encoder.5.0.convs.{layer}.1", 512)
    keys |= dense("prediction.head.0.0", 512, 512, bias=False) | batch_norm("prediction.head.0.1", 512)
    return keys | dense("prediction.head.2.0", 256, 512, bias=False) | batch_norm("prediction.head.2.1", 256)


def layers(prefix, conv, norm, widths):
    keys = {}
    for i in range(1, len(widths)):
        keys |= convolution(f"{prefix}{conv}{i}", widths[i], widths[i - 1])
        keys |= batch_norm(f"{prefix}{norm}{i}", widths[i])
    return keys


def pointnet(classes=40):
    keys = layers("feature_model.", "conv", "bn", (3, 64, 64, 64, 128, 1024))
    keys |= dense("linear1", 512, 1024) | batch_norm("bn1", 512)
    keys |= dense("linear2", 256, 512) | batch_norm("bn2", 256)
    return keys | dense("linear3", classes, 256)


def transform_net(name, channels, size):
    keys = layers(f"{name}.", "conv", "bn", (channels, 64, 128, 1024))
    keys |= dense(f"{name}.fc1", 512, 1024) | batch_norm(f"{name}.bn4", 512)
    keys |= dense(f"{name}.fc2", 256, 512) | batch_norm(f"{name}.bn5", 256)
    return keys | dense(f"{name}.fc3", size * size, 256)


def pointnet_parts():
    keys = transform_net("stn", 3, 3) | transform_net("fstn", 128, 128)
    keys |= layers("", "conv", "bn", (3, 64, 128, 128, 512, 2048))
    keys |= layers("", "convs", "bns", (4944, 256, 256, 128))
    return keys | convolution("convs4", 50, 128)


def dgcnn(classes=40):
    """Ours: the port's conv{i}.0.weight is edge_convs.{i - 1}.linear.weight without its last two axes."""
    keys = {}
    for i, (before, after) in enumerate(((3, 64), (64, 64), (64, 128), (128, 256))):
        keys |= dense(f"edge_convs.{i}.linear", after, 2 * before, bias=False)
        keys |= batch_norm(f"edge_convs.{i}.norm", after)
    keys |= dense("point_mlp.layers.0", 1024, 512, bias=False) | batch_norm("point_mlp.layers.1", 1024)
    keys |= dense("linear1", 512, 2048, bias=False) | batch_norm("bn6", 512)
    keys |= dense("linear2", 256, 512) | batch_norm("bn7", 256)
    return keys | dense("linear3", classes, 256)


def dgcnn_parts():
    """Without the second name, bn{i}, under which the port stores each normalisation."""
    keys = {}
    flat = {
        "transform_net.conv1": (64, 6),
        "transform_net.conv2": (128, 64),
        "conv1": (64, 6),
        "conv2": (64, 64),
        "conv3": (64, 128),
        "conv4": (64, 64),
        "conv5": (64, 128),
    }
    plain = {
        "transform_net.conv3": (1024, 128),
        "conv6": (1024, 192),
        "conv7": (64, 16),
        "conv8": (256, 1280),
        "conv9": (256, 256),
        "conv10": (128, 256),
    }
    for name, (after, before) in flat.items():
        keys |= flat_convolution(f"{name}.0", after, before, bias=False) | batch_norm(f"{name}.1", after)
    for name, (after, before) in plain.items():
        keys |= convolution(f"{name}.0", after, before, bias=False) | batch_norm(f"{name}.1", after)
    keys |= dense("transform_net.linear1", 512, 1024, bias=False) | batch_norm("transform_net.bn3", 512)
    keys |= dense("transform_net.linear2", 256, 512, bias=False) | batch_norm("transform_net.bn4", 256)
    keys |= dense("transform_net.transform", 9, 256)
    return keys | convolution("conv11", 50, 128, bias=False)
