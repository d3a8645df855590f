"""Official files as state dicts of the dossiers' names and shapes, and as real files of a few kilobytes."""

from functools import cache

import pytest
import torch

from anaglyph.encoders.checkpoints import importer
from anaglyph.encoders.checkpoints.match import own_shapes
from reference import official_backbones as backbones
from reference import official_keys as official

FILES = {
    # name: (family, state dict, names of what lies beside it, parameters of the encoder by the dossiers)
    "point_bert pre-trained": ("point_bert", official.point_bert_pretrained, (), 21_858_816),
    "point_bert 40": ("point_bert", lambda: official.point_bert_tuned(40), (), 22_065_960),
    "point_mae pre-trained": ("point_mae", official.point_mae_pretrained, (), 21_825_792),
    "point_mae 40": ("point_mae", lambda: official.point_mae_tuned(40), (), 22_099_752),
    "point_mae linear": ("point_mae", lambda: official.point_mae_linear(40), (), 21_856_552),
    "point_mae parts": ("point_mae", lambda: official.segmentation(50), (), 27_063_730),
    "point_mae scenes": ("point_mae", lambda: official.segmentation(13, label=False), (), 27_020_301),
    "act_stage2": ("act_stage2", official.act_stage2, (), 21_825_792),
    "act_stage1": ("act_stage1", official.act_stage1, (), 116_185_883),
    "act 15": ("act", lambda: official.point_mae_tuned(15), (), None),
    "act parts": ("act", lambda: official.segmentation(50, suffix="_cls"), (), 27_063_730),
    "act scenes": ("act", lambda: official.segmentation(13, label=False, suffix="_cls"), (), 27_020_301),
    "recon pre-trained": ("recon", official.recon_pretrained, (), 43_107_072),
    "recon 15": ("recon", lambda: official.recon_tuned(15), (), 43_571_215),
    "ulip pointnet2": ("ulip", lambda: backbones.ulip("pointnet2"), (), 1_596_480),
    "ulip pointmlp": ("ulip", lambda: backbones.ulip("pointmlp"), (), 13_359_296),
    "ulip point_bert": ("ulip", lambda: backbones.ulip("point_bert"), (), 22_252_032),
    "ulip pointnext": ("ulip", lambda: backbones.ulip("pointnext"), (), 1_494_336),
    "ulip2": ("ulip2", backbones.ulip2, (), 33_482_112),
    "openshape 1": ("openshape", lambda: backbones.ppat(1), ("logit_scale",), 5_100_768),
    "openshape 2": ("openshape", lambda: backbones.ppat(2), ("logit_scale",), 13_346_880),
    "mixcon3d 3": ("mixcon3d", lambda: backbones.ppat(3), ("pc_img_proj",), 25_954_368),
    "openshape 4": ("openshape", lambda: backbones.ppat(4), ("logit_scale",), 32_326_080),
    "openshape 5": ("openshape", lambda: backbones.ppat(5), ("logit_scale",), 72_070_336),
    "openshape 6": ("openshape", lambda: backbones.ppat(6), ("logit_scale",), 171_262_144),
    "openshape ViT-L": ("openshape", lambda: backbones.ppat(4, 768), ("logit_scale",), None),
    "uni3d ti": ("uni3d", lambda: backbones.uni3d("ti"), (), None),
    "uni3d s": ("uni3d", lambda: backbones.uni3d("s"), (), None),
    "uni3d b": ("uni3d", lambda: backbones.uni3d("b"), (), None),
    "uni3d l": ("uni3d", lambda: backbones.uni3d("l"), (), None),
    "uni3d g": ("uni3d", lambda: backbones.uni3d("g"), (), None),
    "pointnet2 40": ("pointnet2", lambda: backbones.pointnet2_classifier(40), (), 1_475_688),
    "pointnet2 normals": ("pointnet2", lambda: backbones.pointnet2_classifier(40, 6), (), None),
    "pointnet2 parts": ("pointnet2", lambda: backbones.pointnet2_parts(50), (), None),
    "dgcnn 40": ("dgcnn", lambda: backbones.dgcnn_classifier(40), (), None),
    "dgcnn parts": ("dgcnn", lambda: backbones.dgcnn_parts(50), (), None),
    "pointnet 40": ("pointnet", lambda: backbones.pointnet(40), (), None),
    "resnet18": ("resnet_torchvision", lambda: backbones.resnet_torchvision(18, 1000), (), 11_689_512),
    "resnet50": ("resnet_torchvision", lambda: backbones.resnet_torchvision(50, 1000), (), 25_557_032),
    "resnet20": ("resnet20_cifar", lambda: backbones.resnet20(10), (), None),
}


@pytest.fixture(autouse=True)
def built_once(monkeypatch):
    """Encoders are built once per set of options, not once per state dict."""

    @cache
    def cached(name, options, tensors):
        return own_shapes(name, dict(options), tensors=tensors)

    def shapes(name, options, *, tensors):
        return cached(name, _frozen(options), max(tensors, 5000))

    monkeypatch.setattr(importer, "own_shapes", shapes)
    return shapes


def _frozen(options):
    return tuple(
        (key, _Frozen(value) if isinstance(value, dict) else value) for key, value in options.items()
    )


class _Frozen(dict):
    def __hash__(self):
        return hash(tuple(sorted(map(str, self.items()))))


@pytest.fixture(scope="session")
def tensors_of():
    """Shapes -> tensors of those shapes that take four bytes each on disk."""

    def make(shapes, value=0.25):
        one, count = torch.full((1,), value), torch.zeros((), dtype=torch.int64)
        return {
            key: count if key.endswith("num_batches_tracked") else one.view([1] * len(shape)).expand(shape)
            for key, shape in shapes.items()
        }

    return make
