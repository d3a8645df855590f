"""Published weights through the importer and the preparation give the accuracy their makers state.

examples/real_weights.py measures all of them on all of the data; here a third of it must do.
"""

import math

import numpy as np
import pytest
import torch

from anaglyph.encoders.checkpoints.importer import import_checkpoint
from anaglyph.encoders.checkpoints.load import load_encoder
from anaglyph.encoders.preparation import prepare_cloud

STATED = 0.8594
"""Of 2,468 clouds; SOURCE.md of the weights."""


@pytest.fixture(scope="module")
def pointnet(shared_data, tmp_path_factory):
    output = tmp_path_factory.mktemp("imported") / "pointnet.safetensors"
    import_checkpoint(shared_data / "weights" / "pointnet_modelnet40_cls.t7", output)
    return load_encoder(output)


@pytest.fixture(scope="module")
def test_clouds(shared_data):
    """Every third cloud, z up, and its class."""
    with np.load(shared_data / "modelnet40_aligned" / "test.npz") as arrays:
        return arrays["points"][::3].astype(np.float32), arrays["label"][::3].astype(np.int64)


@torch.inference_mode()
def accuracy(loaded, clouds, labels, *, up):
    hits = []
    for first in range(0, len(clouds), 32):
        batch = torch.stack(
            [prepare_cloud(c, None, loaded.convention, up=up) for c in clouds[first : first + 32]]
        )
        hits.append(loaded.module.logits(batch).argmax(dim=1).numpy() == labels[first : first + 32])
    return float(np.concatenate(hits).mean())


def test_the_published_pointnet_reaches_its_stated_accuracy_on_modelnet40(pointnet, test_clouds):
    clouds, labels = test_clouds
    sigma = math.sqrt(STATED * (1 - STATED) / len(labels))  # 0.017 for 412 clouds
    assert abs(accuracy(pointnet, clouds, labels, up="z") - STATED) < 3 * sigma


def test_the_wrong_up_axis_costs_most_of_it(pointnet, test_clouds):
    clouds, labels = test_clouds
    assert accuracy(pointnet, clouds[::4], labels[::4], up="y") < 0.25


def test_an_imported_file_embeds_through_the_command(pointnet, shared_data, tmp_path, test_clouds, capsys):
    from anaglyph.cli.main import main

    source = shared_data / "weights" / "pointnet_modelnet40_cls.t7"
    weights, clouds, output = tmp_path / "pointnet.safetensors", tmp_path / "clouds.npz", tmp_path / "out.npy"
    import_checkpoint(source, weights)
    np.savez(clouds, points=test_clouds[0][:6])
    arguments = ["embed", clouds, "--encoder", weights, "--up", "z", "--device", "cpu", "-o", output]
    assert main([str(argument) for argument in arguments]) == 0
    assert "untrained" not in capsys.readouterr().err
    with torch.inference_mode():
        batch = torch.stack(
            [prepare_cloud(cloud, None, pointnet.convention, up="z") for cloud in test_clouds[0][:6]]
        )
        np.testing.assert_allclose(np.load(output), pointnet.module(batch), atol=1e-5)
