"""Every encoder by name: what builds it, its paper, licence of the official weights, size and input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from anaglyph.registry import Catalog, Entry


@dataclass(frozen=True)
class EncoderEntry(Entry):
    """A registered encoder."""

    licence: str = ""
    """Of the official weights; empty where there are none."""
    parameters: Mapping[str, int] = field(default_factory=dict)
    """Trainable numbers by variant; "default" is what `create_encoder(name)` builds."""
    convention: str = ""
    """"package.module:ATTRIBUTE" of the `PointConvention` its official weights expect."""


ENCODERS = Catalog(
    kind="encoder",
    entries={
        "digit_cnn": EncoderEntry(
            target="anaglyph.encoders.digit_cnn:DigitCNN",
            summary="Three convolutions for pictures of digits, 8 to 32 pixels.",
            tags=("image",),
            parameters={"default": 684_000},
        ),
        "resnet18": EncoderEntry(
            target="anaglyph.encoders.resnet:resnet18",
            summary="Residual network of 18 layers, torchvision's key names, any number of channels.",
            source="He et al., 2016",
            tags=("image",),
            parameters={"default": 11_176_512},
        ),
        "resnet50": EncoderEntry(
            target="anaglyph.encoders.resnet:resnet50",
            summary="Residual network of 50 layers, torchvision's key names, any number of channels.",
            source="He et al., 2016",
            tags=("image",),
            parameters={"default": 23_508_032},
        ),
        "pointnet_small": EncoderEntry(
            target="anaglyph.encoders.pointnet_small:SmallPointNet",
            summary="One MLP shared by all points, then a maximum; small and fast.",
            source="after Qi et al., 2017",
            tags=("shape",),
            parameters={"default": 116_288},
        ),
        "dgcnn_small": EncoderEntry(
            target="anaglyph.encoders.dgcnn_small:SmallDGCNN",
            summary="Edge convolutions on neighbour graphs in feature space, with a short head.",
            source="after Wang et al., 2019",
            tags=("shape",),
            parameters={"default": 354_688},
        ),
        "pointnet": EncoderEntry(
            target="anaglyph.encoders.pointnet:PointNet",
            summary="PointNet as published, with or without its transforms; 1,024 numbers, a maximum each.",
            source="Qi et al., 2017",
            tags=("shape",),
            licence="MIT (learning3d)",
            convention="anaglyph.encoders.pointnet:LEARNING3D",
            parameters={"default": 151_680, "40 classes": 819_624, "with transforms": 2_812_105},
        ),
        "pointnet_parts": EncoderEntry(
            target="anaglyph.encoders.pointnet_parts:PointNetParts",
            summary="PointNet for the parts of objects of a known category.",
            source="Qi et al., 2017",
            tags=("segmentation",),
            parameters={"default": 8_342_395},
        ),
        "pointnet2": EncoderEntry(
            target="anaglyph.encoders.pointnet2:PointNet2",
            summary="PointNet++ with one scale per level: balls of balls of points.",
            source="Qi et al., 2017 (PointNet++)",
            tags=("shape",),
            licence="BSD-3-Clause (ULIP)",
            parameters={"default": 1_465_408, "40 classes": 1_475_688},
            convention="anaglyph.encoders.pointnet2:ULIP",
        ),
        "pointnet2_parts": EncoderEntry(
            target="anaglyph.encoders.pointnet2_parts:PointNet2Parts",
            summary="PointNet++ with one scale per level for the parts of objects of a known category.",
            source="Qi et al., 2017 (PointNet++)",
            tags=("segmentation",),
            parameters={"default": 1_411_250},
        ),
        "pointmlp": EncoderEntry(
            target="anaglyph.encoders.pointmlp:PointMLP",
            summary="Residual MLPs on neighbourhoods that a geometric affine makes comparable.",
            source="Ma et al., 2022",
            tags=("shape",),
            licence="BSD-3-Clause (ULIP)",
            parameters={"default": 13_228_224},
            convention="anaglyph.encoders.pointmlp:ULIP",
        ),
        "pointmlp_elite": EncoderEntry(
            target="anaglyph.encoders.pointmlp:pointmlp_elite",
            summary="The narrow form of pointmlp.",
            source="Ma et al., 2022",
            tags=("shape",),
            parameters={"default": 705_952},
            convention="anaglyph.encoders.pointmlp:ULIP",
        ),
        "pointnext_s": EncoderEntry(
            target="anaglyph.encoders.pointnext:PointNeXt",
            summary="PointNet++ brought up to date: relative positions by radius, residual levels.",
            source="Qian et al., 2022",
            tags=("shape",),
            licence="BSD-3-Clause (ULIP)",
            parameters={"default": 1_363_264, "15 classes": 1_367_119},
            convention="anaglyph.encoders.pointnext:ULIP",
        ),
        "dgcnn": EncoderEntry(
            target="anaglyph.encoders.dgcnn:DGCNN",
            summary="Edge convolutions on neighbour graphs in feature space, as published.",
            source="Wang et al., 2019",
            tags=("shape",),
            licence="MIT",
            parameters={"default": 1_799_296, "40 classes": 1_809_576},
            convention="anaglyph.encoders.dgcnn:MODELNET",
        ),
        "dgcnn_parts": EncoderEntry(
            target="anaglyph.encoders.dgcnn_parts:DGCNNParts",
            summary="Edge convolutions for the parts of objects of a known category.",
            source="Wang et al., 2019",
            tags=("segmentation",),
            parameters={"default": 1_460_361},
        ),
        "ppat": EncoderEntry(
            target="anaglyph.encoders.ppat:PPAT",
            summary="OpenShape's and MixCon3D's transformer over coloured balls, in six scalings.",
            source="Liu et al., 2023; Gao et al., 2024",
            tags=("shape",),
            licence="Apache-2.0 (OpenShape)",
            parameters={
                "scaling 1": 5_100_768,
                "scaling 2": 13_346_880,
                "scaling 3": 25_954_368,
                "scaling 4": 32_326_080,
                "scaling 5": 72_070_336,
                "scaling 6": 171_262_144,
            },
            convention="anaglyph.encoders.ppat:OPENSHAPE",
        ),
        "uni3d": EncoderEntry(
            target="anaglyph.encoders.uni3d:Uni3D",
            summary="An EVA vision transformer over coloured patches, in five sizes.",
            source="Zhou et al., 2024",
            tags=("shape",),
            licence="MIT",
            convention="anaglyph.encoders.uni3d:UNI3D",
            parameters={
                "size ti": 6_221_824,
                "size s": 22_498_432,
                "size b": 86_951_296,
                "size l": 304_671_552,
                "size g": 1_012_864_128,
            },
        ),
        "word_text": EncoderEntry(
            target="anaglyph.encoders.word_text:WordText",
            summary="Short texts by hashed words and pieces of words, then a transformer; no vocabulary.",
            source="after Bojanowski et al., 2017; Vaswani et al., 2017",
            tags=("text",),
            parameters={"default": 958_464},
        ),
        "resnet20_cifar": EncoderEntry(
            target="anaglyph.encoders.resnet_cifar:resnet20_cifar",
            summary="Residual network of 20 layers for pictures of 32 pixels.",
            source="He et al., 2016",
            tags=("image",),
            licence="BSD-2-Clause",
            parameters={"default": 269_072},
        ),
        "mobilenet_v2": EncoderEntry(
            target="anaglyph.encoders.mobilenet_v2:MobileNetV2",
            summary="Inverted residuals, normalisation folded in, as Google's quantised file has it.",
            source="Sandler et al., 2018",
            tags=("image",),
            licence="Apache-2.0",
            parameters={"default": 2_206_816},
        ),
        "clip_vit": EncoderEntry(
            target="anaglyph.encoders.clip_vit:ClipViT",
            summary="CLIP's vision transformer B/16 without its projection, OpenAI's key names.",
            source="Radford et al., 2021",
            tags=("image",),
            licence="MIT (OpenAI)",
            parameters={"default": 85_799_424},
        ),
        "projected_image": EncoderEntry(
            target="anaglyph.encoders.projected_image:ProjectedImage",
            summary="Another image encoder and a linear map into a space shared with words.",
            source="Radford et al., 2021",
            tags=("image",),
            parameters={"default": 2_534_752},
        ),
        "point_bert": EncoderEntry(
            target="anaglyph.encoders.point_bert:point_bert",
            summary="Plain transformer over 512 patches with a 256-wide patch embedding, as in ULIP.",
            source="Yu et al., 2022; Xue et al., 2023",
            tags=("shape",),
            licence="ULIP BSD-3-Clause, Point-BERT MIT",
            parameters={"default": 21_858_816, "fine-tuned, 40 classes": 22_065_960},
            convention="anaglyph.encoders.point_bert:ULIP",
        ),
        "point_bert_colored": EncoderEntry(
            target="anaglyph.encoders.point_bert:point_bert_colored",
            summary="The same with colours and 18 blocks, as in ULIP-2.",
            source="Xue et al., 2024",
            tags=("shape",),
            licence="BSD-3-Clause",
            parameters={"default": 32_499_072},
            convention="anaglyph.encoders.point_bert:ULIP2_COLOURED",
        ),
        "point_mae": EncoderEntry(
            target="anaglyph.encoders.point_mae:point_mae",
            summary="Plain transformer over 64 patches, pre-trained by masked reconstruction.",
            source="Pang et al., 2022",
            tags=("shape",),
            licence="MIT",
            parameters={"default": 21_825_792, "40 classes": 22_099_752},
            convention="anaglyph.encoders.point_mae:MODELNET_1K",
        ),
        "act": EncoderEntry(
            target="anaglyph.encoders.point_mae:point_mae",
            summary="The student of ACT: the network of point_mae, taught by a prompted image transformer.",
            source="Dong et al., 2023",
            tags=("shape",),
            licence="MIT",
            parameters={"default": 21_825_792, "40 classes": 22_099_752},
            convention="anaglyph.encoders.point_mae:MODELNET_1K",
        ),
        "recon": EncoderEntry(
            target="anaglyph.encoders.recon:recon",
            summary="ReCon's two-stream transformer: three queries look at the patches in every block.",
            source="Qi et al., 2023",
            tags=("shape",),
            licence="MIT",
            parameters={"default": 43_107_072, "15 classes": 43_571_215},
            convention="anaglyph.encoders.point_mae:MODELNET_1K",
        ),
        "point_transformer_parts": EncoderEntry(
            target="anaglyph.encoders.point_transformer_parts:PointTransformerParts",
            summary="Parts of objects of a known category, from blocks 4, 8 and 12 (ShapeNetPart).",
            source="Pang et al., 2022",
            tags=("segmentation",),
            licence="MIT",
            parameters={"default": 27_063_730},
            convention="anaglyph.encoders.point_transformer_parts:SHAPENET_PART",
        ),
        "point_transformer_scenes": EncoderEntry(
            target="anaglyph.encoders.point_transformer_parts:point_transformer_scenes",
            summary="The same without a category, for columns of rooms (S3DIS).",
            source="Dong et al., 2023",
            tags=("segmentation",),
            licence="MIT",
            parameters={"default": 27_020_301},
            convention="anaglyph.encoders.point_transformer_parts:S3DIS_BLOCK",
        ),
        "projected": EncoderEntry(
            target="anaglyph.encoders.projected:ProjectedEncoder",
            summary="Another encoder and a linear map into a shared space, as ULIP and ULIP-2 have it.",
            source="Xue et al., 2023 and 2024",
            tags=("shape",),
            licence="BSD-3-Clause (ULIP)",
            parameters={
                "default": 22_252_032,
                "pointnet2": 1_596_480,
                "pointmlp": 13_359_296,
                "pointnext_s": 1_494_336,
                "point_bert_colored": 33_482_112,
            },
            convention="anaglyph.encoders.point_bert:ULIP",
        ),
        "act_autoencoder": EncoderEntry(
            target="anaglyph.encoders.act_autoencoder:ACTAutoencoder",
            summary="The teacher of ACT: patches through a codebook and a prompted image transformer.",
            source="Dong et al., 2023",
            tags=("teacher",),
            licence="MIT",
            parameters={"default": 116_185_883},
            convention="anaglyph.encoders.point_mae:SHAPENET",
        ),
        "point_grid": EncoderEntry(
            target="anaglyph.encoders.point_grid:PointGrid",
            summary="A soft occupancy grid read by the digits' CNN; for aligned shapes that live in a plane.",
            source="after Lang et al., 2019",
            tags=("shape",),
            parameters={"default": 685_600},
        ),
    },
)
