"""Networks for pictures whose weights are public: torchvision's ResNets, ResNet-20 and MobileNet-V2."""

from __future__ import annotations

from anaglyph.encoders import mobilenet_v2, resnet_cifar
from anaglyph.encoders.checkpoints.family import Contents, Family, Variant
from anaglyph.encoders.checkpoints.patches import classes_of


def _read_resnet(contents: Contents) -> Variant:
    classes = classes_of(contents, "linear.weight")
    return Variant(
        title=f"classifier of {classes} classes",
        encoder="resnet20_cifar",
        options={"head_classes": classes},
        pictures={"pixels": resnet_cifar.PIXELS, "mean": resnet_cifar.MEAN, "std": resnet_cifar.STD},
    )


RESNET20_CIFAR = Family(
    name="resnet20_cifar",
    title="ResNet-20 for CIFAR-10 (He et al., 2016), as pytorch_resnet_cifar10 publishes it",
    licence="BSD-2-Clause",
    recognise=lambda contents: (
        contents.has("layer1.0.conv1.") and contents.has("linear.") and not contents.has("layer4.", "fc.")
    ),
    read=_read_resnet,
)


def _read_torchvision(contents: Contents) -> Variant:
    classes = classes_of(contents, "fc.weight")
    name = {512: "resnet18", 2048: "resnet50"}[contents.choice("fc.weight", 1, (512, 2048))]
    return Variant(
        title=f"{name}, classifier of {classes} classes",
        encoder=name,
        options={"head_classes": classes},
        pictures={"pixels": 224, "mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)},
    )


RESNET_TORCHVISION = Family(
    name="resnet_torchvision",
    title="ResNet-18 and ResNet-50 (He et al., 2016) as torchvision publishes them",
    licence="BSD-3-Clause",
    recognise=lambda contents: contents.has("layer4.") and contents.has("fc.") and contents.has("bn1."),
    read=_read_torchvision,
)


def _read_mobilenet(contents: Contents) -> Variant:
    classes = classes_of(contents, "conv52.weight")
    return Variant(
        title=f"classifier of {classes} classes",
        encoder="mobilenet_v2",
        options={"head_classes": classes},
        pictures={"pixels": mobilenet_v2.PIXELS, "mean": mobilenet_v2.MEAN, "std": mobilenet_v2.STD},
    )


MOBILENET_V2 = Family(
    name="mobilenet_v2",
    title="MobileNet-V2 (Sandler et al., 2018), the npz unpacked from Google's file and the JSON beside it",
    licence="Apache-2.0",
    recognise=lambda contents: contents.has("conv52.") and contents.has("conv00."),
    read=_read_mobilenet,
)
