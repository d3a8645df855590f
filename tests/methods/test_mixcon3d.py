import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from anaglyph.config import dump_yaml, parse_yaml, structure
from anaglyph.errors import ConfigError, DataError
from anaglyph.methods.mixcon3d.config import MixCon3DConfig
from methods.tower_batches import WIDTH, batch, make, rows_of, train
from reference.mixcon3d import slow_objective

PAIRS = ("shape_image", "shape_text", "image_text", "fused_text")
RELEASED = {"pair_weights": "released", "clamp": "released", "forgotten": True, "average_warm_up": False}
VARIANTS = {
    "paper": {},
    "released": RELEASED,
    "best": {"normalize_before_fusion": True, "loss": "decoupled", "texts": 2},
    "local": {"loss": "infonce_local", "hardness": 0.5, "false_negative_margin": 0.1},
    "sigmoid": {"loss": "sigmoid", "false_negative_margin": 0.1},
    "mlp": {"head": "mlp", "aggregation": "max_linear", "share_head": False, "average_decay": 0.0},
    "bare": {"head": "none", "aggregation": "mean_linear"},
}


@pytest.fixture(params=VARIANTS)
def options(request):
    return VARIANTS[request.param]


def mixcon3d(**options):
    return make("mixcon3d", **options)


def moved(before, after):
    """Names of the entries of two state dicts that differ."""
    return {name for name, value in after.items() if not torch.equal(value, before[name])}


def state_of(method):
    return {name: value.clone() for name, value in method.state_dict().items()}


@pytest.mark.parametrize("released", [False, True])
@pytest.mark.parametrize("aggregation", ["mean", "max"])
def test_the_objective_is_that_of_its_equations(released, aggregation):
    method = mixcon3d(aggregation=aggregation, pair_weights="released" if released else "paper").eval()
    given = batch(6, texts=1, missing=(1, 4))
    with torch.no_grad():
        for number, scale in enumerate(method.contrast.scales.values()):
            scale.log_scale.fill_(math.log(3.0 + number))  # a scale that is not its own would show
        output = method.training_step(given)
        points = method.student.encoders["shape"](given.points)
    (head,), (fusion,) = method.student.heads["shared"].layers, method.student.fusion.joint.layers
    losses, total = slow_objective(
        points.tolist(), given.image_features.tolist(), given.text_features[:, 0].tolist(),
        given.text_present[:, 0].tolist(), (head.weight.tolist(), head.bias.tolist()),
        (fusion.weight.tolist(), fusion.bias.tolist()),
        dict(zip(PAIRS, (3.0, 4.0, 5.0, 6.0), strict=True)), released=released, aggregation=aggregation,
    )  # fmt: skip
    for pair, expected in losses.items():
        assert output.parts[pair].item() == pytest.approx(expected, rel=1e-4)
    assert output.loss.item() == pytest.approx(total, rel=1e-4)


def test_equal_vectors_of_all_objects_cost_the_log_of_the_batch_in_every_pair():
    given = batch(5)
    same = {
        name: getattr(given, name)[:1].expand_as(getattr(given, name))
        for name in ("points", "image_features", "text_features", "text_present")
    }
    output = mixcon3d().eval().training_step(replace(given, **same))
    for pair in PAIRS:
        assert output.parts[pair].item() == pytest.approx(math.log(5), rel=1e-4)
    assert output.loss.item() == pytest.approx(2 * math.log(5), rel=1e-4)  # 1 + 3 times 1/3
    released = mixcon3d(pair_weights="released").eval().training_step(replace(given, **same))
    assert released.loss.item() == pytest.approx(4 * math.log(5), rel=1e-4)


def test_the_log_names_each_pair_and_each_scale():
    parts = mixcon3d().training_step(batch(4)).parts
    assert set(parts) == {*PAIRS, *(f"scale_{pair}" for pair in PAIRS)}
    assert parts["scale_fused_text"].item() == pytest.approx(1 / 0.07, rel=1e-4)


def test_every_parameter_gets_a_gradient_and_stands_in_one_group(options):
    method = mixcon3d(**options)
    method.training_step(batch(8)).loss.backward()
    trainable = {name: p for name, p in method.named_parameters() if p.requires_grad}
    assert [name for name, p in trainable.items() if p.grad is None or not p.grad.any()] == []
    grouped = [id(p) for group in method.param_groups() for p in group["params"]]
    assert sorted(grouped) == sorted(map(id, trainable.values()))
    frozen = {name.split(".")[0] for name, p in method.named_parameters() if not p.requires_grad}
    assert options.get("forgotten") or frozen <= {"average"}


def test_what_the_release_forgets_never_moves_and_under_paper_it_does():
    forgotten = {"student.fusion", "student.views", "contrast.scales.fused_text"}

    def belongs(name):
        return any(name.startswith(place) for place in forgotten)

    for aggregation in ("mean", "max_linear"):
        released, paper = (
            mixcon3d(aggregation=aggregation, **options)
            for options in (RELEASED, {"pair_weights": "released"})
        )
        before = state_of(released), state_of(paper)
        for method in (released, paper):
            train(method, batch(8), steps=4)
        there = {name for name in before[0] if belongs(name)}
        assert moved(before[0], released.state_dict()).isdisjoint(there)
        assert there <= moved(before[1], paper.state_dict())
        assert any("encoders" in name for name in moved(before[0], released.state_dict()))
        assert "student.heads.shared.layers.0.weight" in moved(before[0], released.state_dict())


def test_the_forgotten_fusion_still_sends_gradients_to_encoder_and_head():
    method = mixcon3d(**RELEASED, pairs=("fused_text",))
    method.training_step(batch(8)).loss.backward()
    assert method.student.heads["shared"].layers[0].weight.grad.any()
    assert all(p.grad.any() for p in method.student.encoders["shape"].parameters() if p.ndim > 1)
    assert all(p.grad is None for p in method.student.fusion.parameters())


@pytest.mark.parametrize(
    ("clamp", "bounded"), [("all", set(PAIRS)), ("released", {"shape_image", "shape_text"}), ("none", set())]
)
def test_scales_are_clamped_after_a_step_as_the_option_says(clamp, bounded):
    method = mixcon3d(clamp=clamp)
    for theta, kept in ((9.0, 100.0), (-1.0, 1.0)):
        for scale in method.contrast.scales.values():
            scale.log_scale.data.fill_(theta)
        with torch.no_grad():
            method.after_step()
        for pair, scale in method.contrast.scales.items():
            assert scale().item() == pytest.approx(kept if pair in bounded else math.exp(theta), rel=1e-4)


def test_every_pair_has_a_scale_of_its_own_that_learns():
    method = mixcon3d()
    train(method, batch(8), steps=3)
    values = [scale().item() for scale in method.contrast.scales.values()]
    assert len(set(values)) == 4
    assert 1 / 0.07 not in values


@pytest.mark.parametrize("name", ["paper", "best", "local", "sigmoid"])
def test_what_stands_for_a_missing_text_changes_nothing(name):
    options = {**VARIANTS[name], "average_decay": 0.0}
    plain = batch(8, missing=(2, 5))
    other = replace(
        plain,
        text_features=torch.where(plain.text_present[..., None], plain.text_features, torch.tensor(7.0)),
    )
    outputs = [mixcon3d(**options).training_step(given) for given in (plain, other)]
    for key, value in outputs[0].parts.items():
        torch.testing.assert_close(outputs[1].parts[key], value)


def test_pairs_with_text_are_those_of_the_objects_that_have_one():
    method = mixcon3d().eval()
    given = batch(8, missing=(2, 5))
    with_text = rows_of(given, [0, 1, 3, 4, 6, 7])
    all_, some = method.training_step(given).parts, method.training_step(with_text).parts
    for pair in ("shape_text", "image_text", "fused_text"):
        torch.testing.assert_close(all_[pair], some[pair])
    everyone = method.training_step(batch(8)).parts
    torch.testing.assert_close(all_["shape_image"], everyone["shape_image"])


def test_a_batch_without_any_text_learns_from_pictures_alone(options):
    output = mixcon3d(**options).training_step(batch(8, missing=range(8)))
    output.loss.backward()
    assert torch.isfinite(output.loss)
    assert output.parts["shape_image"] > 0
    assert all(output.parts[pair].item() == 0 for pair in PAIRS if pair != "shape_image")


@pytest.mark.parametrize("aggregation", ["mean", "max", "mean_linear", "max_linear"])
def test_the_order_of_views_changes_nothing(aggregation):
    method = mixcon3d(aggregation=aggregation).eval()
    given = batch(6)
    turned = replace(given, image_features=given.image_features[:, [2, 0, 1]])
    torch.testing.assert_close(method.training_step(turned).loss, method.training_step(given).loss)
    for modality in ("image", "fused"):
        torch.testing.assert_close(method.embed(modality, turned), method.embed(modality, given))


def test_pictures_and_texts_share_one_head_or_have_one_each():
    given = batch(4, texts=1)
    same = replace(given, image_features=given.text_features)
    for share in (True, False):
        method = mixcon3d(share_head=share).eval()
        equal = torch.allclose(method.embed("image", same), method.embed("text", same), atol=1e-5)
        assert equal == share
    assert set(mixcon3d(share_head=False).student.heads) == {"image", "text"}


def test_towers_may_differ_in_width():
    method = mixcon3d(image_dim=12, text_dim=20, share_head=False)
    given = batch(6)
    given = replace(
        given, image_features=given.image_features[..., :12], text_features=F.pad(given.text_features, (0, 4))
    )
    train(method, given, steps=1)
    method.eval()
    assert method.embed("image", given).shape == method.embed("text", given).shape == (6, WIDTH)
    assert method.class_vectors(torch.ones(3, 20)).shape == (3, WIDTH)


def test_class_vectors_go_through_the_head_like_texts_of_objects():
    method, given = mixcon3d(), batch(6, texts=1, missing=())
    train(method, given, steps=2)
    method.eval()
    vectors = method.class_vectors(given.text_features[:, 0])
    torch.testing.assert_close(vectors, method.embed("text", given))
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(6))


def test_several_texts_of_an_object_are_averaged_behind_the_head_without_the_missing_ones():
    method, given = mixcon3d().eval(), batch(4, texts=3)
    head = method.student.heads["shared"]
    for row in range(4):
        there = given.text_features[row][given.text_present[row]]
        expected = F.normalize(head(there).mean(dim=0), dim=0)
        torch.testing.assert_close(method.embed("text", given)[row], expected)


def test_evaluation_takes_the_average_and_training_does_not():
    given = batch(8)
    for evaluate in (True, False):
        method = mixcon3d(average_decay=0.9, evaluate_average=evaluate)
        train(method, given, steps=5)
        found = method.eval().embed("shape", given)
        chosen = method.average.module if evaluate else method.student
        torch.testing.assert_close(found, chosen.eval().embed("shape", given))
        assert not torch.allclose(
            method.average.module.embed("shape", given), method.student.embed("shape", given)
        )


def test_the_average_follows_all_that_learns_and_can_do_without_its_warm_up():
    for warm_up in (True, False):
        method = mixcon3d(average_decay=0.9, average_warm_up=warm_up, aggregation="mean_linear")
        start = state_of(method)
        train(method, batch(8), steps=1)
        share = 0.1 if not warm_up else 1 - 1 / 10
        for name, new in method.student.named_parameters():
            expected = torch.lerp(start[f"student.{name}"], new.detach(), share)
            torch.testing.assert_close(method.average.module.get_parameter(name), expected)


def test_the_average_starts_from_weights_that_were_put_in_later():
    method = mixcon3d()
    with torch.no_grad():
        method.student.encoders["shape"].head.weight.fill_(0.5)
    method.start(None)
    assert torch.equal(
        method.average.module.encoders["shape"].head.weight, method.student.encoders["shape"].head.weight
    )


def test_a_state_dict_is_the_whole_state(options):
    given, method = batch(8), mixcon3d(**options)
    train(method, given, steps=2)
    other = mixcon3d(**options)
    other.load_state_dict(method.state_dict())
    assert train(other, given, steps=3) == train(method, given, steps=3)
    assert moved(method.state_dict(), other.state_dict()) == set()


def test_bfloat16_is_finite_near_single_precision_and_heads_stay_exact(options):
    given = batch(8)
    method = mixcon3d(**options).train()
    full = method.training_step(given).loss
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = method.training_step(given)
        features = method.encode(given)
    output.loss.backward()
    assert output.loss.dtype == torch.float32
    assert abs(output.loss.item() - full.item()) < 0.1 * full.item()
    assert torch.equal(features["image"], method.encode(given)["image"])
    assert all(torch.isfinite(p.grad).all() for p in method.parameters() if p.grad is not None)


def test_gradients_of_the_objective_match_finite_differences_scales_included():
    method = mixcon3d(average_decay=0.0).double().eval()
    given = batch(3, missing=(1,), dtype=torch.float64)
    features = {name: f.detach() for name, f in method.encode(given).items()}
    names = [name for name in features if name != "text_present"]
    leaves = [features[name].requires_grad_() for name in names]
    scales = [scale.log_scale for scale in method.contrast.scales.values()]

    def loss(*values):
        given_ = dict(zip(names, values[: len(names)], strict=True))
        return method.objective({**given_, "text_present": features["text_present"]}).loss

    assert torch.autograd.gradcheck(loss, (*leaves, *scales))


def test_fewer_pairs_are_an_ablation_and_without_fused_text_nothing_is_fused():
    method = mixcon3d(pairs=("shape_image", "shape_text"))
    assert set(method.contrast.scales) == {"shape_image", "shape_text"}
    assert method.student.fusion is None
    train(method, batch(8), steps=1)
    with pytest.raises(ConfigError, match="no fusion layer, so it cannot embed 'fused'"):
        method.eval().embed("fused", batch(2))


def test_false_negatives_are_taken_out_of_every_pair():
    given = batch(6, texts=1, missing=())
    twins = replace(
        given,
        image_features=given.image_features[[0, 0, 2, 3, 4, 5]],
        text_features=given.text_features[[0, 0, 2, 3, 4, 5]],
    )
    plain, masked = (mixcon3d(false_negative_margin=margin).eval() for margin in (None, 0.0001))
    for pair in PAIRS:
        assert masked.training_step(twins).parts[pair] < plain.training_step(twins).parts[pair]


def test_the_config_survives_yaml(options):
    config = structure(MixCon3DConfig, options, where="test")
    assert structure(MixCon3DConfig, parse_yaml(dump_yaml(config)), where="test") == config


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"embed_dim": 0}, "embed_dim must be >= 1, got 0"),
        ({"average_decay": 1.0}, r"average_decay must lie in \[0, 1\), got 1.0; 0 keeps no average"),
        ({"text_dim": 512}, "one head cannot serve image_dim=1280 and text_dim=512; set share_head: false"),
        ({"head": "none", "embed_dim": 64}, "without a head image_dim must be embed_dim=64, got 1280"),
        ({"pairs": ()}, "pairs must name at least one pair"),
        ({"pairs": ("shape_text", "shape_text")}, "each once"),
        ({"pairs": ("image_text",)}, "teach nothing about shape; add one with it"),
        ({"pairs": ("shape_text",)}, "teach nothing about image"),
        ({"hardness": -1.0}, "hardness must be >= 0"),
        ({"hardness": 1.0, "loss": "sigmoid"}, "hardness=1.0 weighs the negatives of a softmax"),
        ({"false_negative_margin": -0.1}, "false_negative_margin must be >= 0 or null"),
        ({"texts": 3}, "texts=3, but loss: infonce reads one text"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        MixCon3DConfig(**options)


def test_widths_that_do_not_fit_are_named_with_the_option_to_set():
    with pytest.raises(ConfigError, match=r"gives 16 numbers, embed_dim=32 are wanted\. Set embed_dim: 32"):
        mixcon3d(embed_dim=32)
    method = mixcon3d()
    with pytest.raises(DataError, match=r"text features have 12 numbers, text_dim is 16\. Set text_dim: 12"):
        method.class_vectors(torch.ones(2, 12))
    with pytest.raises(DataError, match="has no 'image_features'"):
        method.training_step(replace(batch(4), image_features=None))
