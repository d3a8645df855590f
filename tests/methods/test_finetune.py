import pytest
import torch

from anaglyph.encoders.catalog import create_encoder
from anaglyph.errors import ConfigError
from anaglyph.methods.catalog import create_method
from anaglyph.randomness import seeded
from anaglyph.types import Batch

TINY = {"width": 12, "depth": 2, "heads": 2, "groups": 6, "group_size": 4}
NAMES = ["one", "two", "three"]


def make(mode="full", *, encoder="point_mae", classes=NAMES, options=TINY, **config):
    with seeded("finetune", mode):
        encoders = {"shape": create_encoder(encoder, **options)}
        config = {"classes": list(classes), "mode": mode, **config}
        return create_method("finetune", config, encoders=encoders, objects=6)


def clouds(rows=6, seed=0):
    points = torch.randn(rows, 40, 3, generator=torch.Generator().manual_seed(seed))
    labels = torch.arange(rows) % len(NAMES)
    return Batch(keys=tuple(map(str, range(rows))), indices=torch.arange(rows), points=points, labels=labels)


def learning(method):
    return {name for name, p in method.named_parameters() if p.requires_grad}


def numbers(method):
    return sum(p.numel() for p in method.parameters() if p.requires_grad)


@pytest.mark.parametrize(
    ("mode", "classes", "expected"),
    [("full", 40, 22_099_752), ("linear", 40, 31_528), ("mlp3", 15, 268_303)],
)
def test_what_learns_of_the_paper_s_network_counts_as_published(mode, classes, expected):
    with torch.device("meta"):
        encoders = {"shape": create_encoder("point_mae")}
        config = {"classes": [str(number) for number in range(classes)], "mode": mode}
        assert numbers(create_method("finetune", config, encoders=encoders, objects=2)) == expected


def test_a_head_on_a_frozen_trunk_leaves_the_class_token_to_learn_as_published():
    trunk = {name for name in learning(make("linear")) if name.startswith("encoders")}
    assert trunk == {"encoders.shape.cls_token", "encoders.shape.cls_pos"}


def test_without_learned_tokens_the_trunk_is_frozen_as_a_whole():
    assert not any(name.startswith("encoders") for name in learning(make("mlp3", learned_tokens=False)))


def test_bitfit_teaches_every_bias_and_no_matrix_of_the_trunk():
    method = make("bitfit", learned_tokens=False)
    trunk = {name for name in learning(method) if name.startswith("encoders")}
    assert trunk == {
        name for name, _ in method.named_parameters() if name.startswith("encoders") and name.endswith("bias")
    }


@pytest.mark.parametrize("mode", ["prompt", "side"])
def test_prompts_and_a_side_network_learn_beside_a_frozen_trunk(mode):
    method = make(mode, learned_tokens=False)
    parts = {name.split(".")[0] for name in learning(method)}
    assert parts == {"head", {"prompt": "prompts", "side": "side"}[mode]}


@pytest.mark.parametrize("mode", ["linear", "bitfit", "prompt", "side"])
def test_a_step_changes_what_learns_and_nothing_else(mode):
    method = make(mode, still_trunk=True)
    before = {name: value.clone() for name, value in method.state_dict().items()}
    optimiser = torch.optim.SGD(method.param_groups(), lr=0.1)
    with seeded("step"):
        method.train().training_step(clouds()).loss.backward()
    optimiser.step()
    changed = {name for name, value in method.state_dict().items() if not torch.equal(value, before[name])}
    assert {name for name in changed if name.startswith("encoders")} <= learning(method)
    assert any(name.startswith("head") for name in changed)


def test_in_the_published_code_a_frozen_trunk_still_moves_its_batch_statistics():
    method = make("linear")
    before = method.encoder.encoder.first_conv[1].running_mean.clone()
    method.train().training_step(clouds())
    assert not torch.equal(method.encoder.encoder.first_conv[1].running_mean, before)


def test_a_still_trunk_gives_the_same_features_in_training_as_in_the_test():
    method = make("linear", still_trunk=True)
    expected = method.eval().features(clouds())
    assert torch.equal(method.train().features(clouds()), expected)


def test_prompts_stand_in_every_block_and_are_gone_after_the_last():
    method = make("prompt", prompts=5, prompt_dropout=0.0).eval()
    assert method.prompts.prompt_tokens.shape == (2, 5, 12)
    plain = method.encoder(clouds().points)
    assert method.features(clouds()).shape == plain.shape
    assert not torch.allclose(method.features(clouds()), plain)


def test_tokens_and_prompts_are_not_decayed():
    method = make("prompt")
    by_id = {id(p): name for name, p in method.named_parameters()}
    spared = {
        by_id[id(p)] for group in method.param_groups() if group.get("weight_decay") == 0.0
        for p in group["params"]
    }  # fmt: skip
    assert spared == {"encoders.shape.cls_token", "prompts.prompt_tokens"}


def test_any_encoder_of_shapes_can_be_taught():
    method = make("linear", encoder="pointnet_small", options={"embed_dim": 8})
    assert method.logits(clouds()).shape == (6, 3)


@pytest.mark.parametrize(
    ("mode", "more", "said"),
    [
        ("prompt", {"encoder": "pointnet_small", "options": {"embed_dim": 8}}, "take point_mae, point_bert"),
        ("linear", {"head": "mlp3"}, "mode linear is the head linear"),
        ("full", {"classes": ["one"]}, "classes has 1 names and must have two or more"),
        ("full", {"classes": ["one", "one"]}, "classes has 'one' twice"),
        ("full", {"label_smoothing": 1.0}, "label_smoothing=1.0"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_would(mode, more, said):
    with pytest.raises(ConfigError, match=said):
        make(mode, **more)
