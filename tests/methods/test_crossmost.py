import math
from dataclasses import replace

import pytest
import torch

from anaglyph.encoders.catalog import create_encoder
from anaglyph.errors import ConfigError, TrainingError
from anaglyph.methods.catalog import create_method
from anaglyph.methods.crossmost.config import CrossMoSTConfig
from anaglyph.methods.crossmost.student import Student
from anaglyph.methods.self_training import __name__ as baseline
from anaglyph.randomness import row_keys, seeded
from methods import synthetic
from methods.crossmost_batches import CLASSES, batch, make


def step(method, **more):
    return method.training_step(batch(**more)).parts


def test_the_published_networks_have_the_published_numbers_of_parameters():
    with torch.device("meta"):
        encoders = {
            "image": create_encoder(
                "projected_image", encoder="clip_vit", embed_dim=512, mean=(0.5,), std=(0.2,), bias=False
            ),
            "shape": create_encoder("projected", encoder="point_bert", options={"groups": 64}, embed_dim=512),
        }
        student = Student(CrossMoSTConfig(classes=tuple(map(str, range(40)))), encoders)

    def count(module):
        return sum(p.numel() for p in module.parameters())

    assert count(student.image.trunk) == 85_799_424
    assert (
        student.image.mask_token.numel() + count(student.image.patch_norm) + count(student.image.decoder)
        == 592_896
    )
    assert count(student.image.encoder.projection) == student.shape.encoder.projection.numel() == 393_216
    assert count(student.shape) - student.shape.encoder.projection.numel() == 22_203_648
    assert count(student.shape.trunk.encoder) == 428_800
    assert (student.classifier.numel(), count(student)) == (20_480, 109_402_881)
    assert sum(p.numel() for p in student.parameters() if p.requires_grad) == 108_974_081


def test_the_names_of_parameters_are_those_of_the_published_file():
    with torch.device("meta"):
        keys = {key: tuple(value.shape) for key, value in create_encoder("clip_vit").state_dict().items()}
    block = "transformer.resblocks.11"
    assert {
        "conv1.weight": (768, 3, 16, 16), "class_embedding": (768,), "positional_embedding": (197, 768),
        "ln_pre.bias": (768,), "ln_post.weight": (768,), f"{block}.attn.in_proj_weight": (2304, 768),
        f"{block}.attn.in_proj_bias": (2304,), f"{block}.attn.out_proj.weight": (768, 768),
        f"{block}.mlp.c_fc.weight": (3072, 768), f"{block}.mlp.c_proj.weight": (768, 3072),
        f"{block}.ln_1.weight": (768,), f"{block}.ln_2.bias": (768,),
    }.items() <= keys.items()  # fmt: skip
    assert len(keys) == 3 + 4 + 12 * 12


def test_the_classifier_begins_as_the_vectors_of_the_names_and_the_teacher_as_the_student():
    method = make()
    vectors = torch.nn.functional.normalize(torch.arange(48.0).reshape(3, 16).cos(), dim=1)
    context = replace(synthetic.context(synthetic.objects(4)), class_vectors=lambda names: 7 * vectors)
    method.start(context)
    torch.testing.assert_close(method.student.classifier.data, vectors)
    teacher = method.teacher.module.state_dict()
    assert all(torch.equal(value, teacher[key]) for key, value in method.student.state_dict().items())


def test_a_teacher_is_no_part_of_the_gradient_and_is_always_in_eval_mode():
    method = make().train()
    assert not method.teacher.module.training
    assert not any(p.requires_grad for p in method.teacher.parameters())


def test_the_teacher_ramps_up_over_all_state():
    method = make(teacher_start=0.5, teacher_decay=0.9, teacher_ramp=4)
    expected = {key: value.clone() for key, value in method.teacher.module.state_dict().items()}
    for decay in (0.5, 0.6, 0.7, 0.8, 0.9, 0.9):
        method.training_step(batch())  # running statistics move
        with torch.no_grad():
            for parameter in method.student.parameters():
                parameter.add_(0.1)
        method.after_step()
        for key, value in method.student.state_dict().items():
            old = expected[key]
            expected[key] = decay * old + (1 - decay) * value if value.is_floating_point() else value
    assert any("running" in key for key in expected)
    for key, value in method.teacher.module.state_dict().items():
        torch.testing.assert_close(value, expected[key], rtol=1e-5, atol=1e-5)


def test_nothing_confident_leaves_only_what_needs_no_labels():
    parts = step(make(threshold=0.999, scale_start=1.0))
    assert parts["image_label"] == parts["shape_label"] == parts["image_kept"] == 0
    assert all(torch.isfinite(part) for part in parts.values())


def test_everything_confident_teaches_every_row():
    parts = step(make(threshold=0.0))
    assert parts["image_kept"] == parts["shape_kept"] == 1
    assert 0 <= parts["image_evenness"] <= 1


@pytest.mark.parametrize("rule", ["joint", "separate", "agreement", "naive", "image", "shape"])
def test_a_batch_of_one_and_every_rule_give_a_finite_step(rule):
    method = make(rule=rule, threshold=0.0, balance=0.5, soft_labels=True, threshold_kind="adaptive")
    output = method.training_step(batch(1))
    output.loss.backward()
    method.after_step()
    assert torch.isfinite(output.loss)
    assert output.parts["alignment"] == 0  # a picture and its cloud alone are certain of each other


def test_the_baseline_is_the_same_method_with_two_switches():
    assert baseline == "anaglyph.methods.self_training"
    parts = step(make(rule="separate", alignment_weight=0.0))
    assert "alignment" not in parts
    both = step(make(rule="separate"))
    assert {name: both[name] for name in parts} == parts


def test_the_loss_is_the_sum_of_its_losses():
    output = make().training_step(batch())
    kinds = ("label", "fairness", "rebuilt", "local")
    losses = [f"{m}_{kind}" for m in ("image", "shape") for kind in kinds] + ["alignment"]
    torch.testing.assert_close(output.loss, sum(output.parts[name] for name in losses))


def test_without_a_temperature_the_alignment_stays_between_its_bounds():
    rows = 8
    value = float(step(make(), rows=rows)["alignment"].detach()) / 2
    assert math.log(1 + (rows - 1) * math.exp(-2)) <= value <= math.log(1 + (rows - 1) * math.exp(2))


def test_hidden_pixels_change_nothing_but_what_is_to_be_rebuilt():
    method, strong = make().eval(), batch().crops[0]
    branch, rows = method.student.image, row_keys(strong.keys, "somewhere")
    images = strong.images
    seen = branch.taught(images, rows)
    from anaglyph.nn.masking import cell_masks

    hidden = cell_masks(rows, (4, 4), cell=2, share=0.3).reshape(-1, 1, 1, 4, 4)
    hidden = hidden.repeat_interleave(4, 3).repeat_interleave(4, 4)
    other = branch.taught(torch.where(hidden, 1 - images, images), rows)
    torch.testing.assert_close(other.vectors, seen.vectors)
    assert not torch.allclose(other.rebuilt.total, seen.rebuilt.total)
    assert not torch.allclose(
        branch.taught(torch.where(hidden, images, 1 - images), rows).vectors, seen.vectors
    )


def test_the_target_of_a_cloud_is_its_patches_and_not_the_mask_token():
    method, strong = make().eval(), batch().crops[0]
    branch, rows = method.student.shape, row_keys(strong.keys, "somewhere")
    with torch.no_grad():
        before = branch.taught(strong.points, rows).rebuilt
        head = branch.head
        head.weight.zero_()
        head.bias.copy_(branch.mask_token)
        assert float((branch.taught(strong.points, rows).rebuilt.total).sum()) > 0
    assert float(before.counted.sum()) % branch.mask_token.numel() == 0


def test_the_released_target_of_a_cloud_is_the_mask_token_and_shrinks_with_the_batch():
    values = {}
    for rows in (2, 4):
        method = make(released_shape_target=True).eval()
        with torch.no_grad():
            method.student.shape.head.weight.zero_()
            method.student.shape.head.bias.copy_(method.student.shape.mask_token + 1)
        values[rows] = float(method.training_step(batch(rows)).parts["shape_rebuilt"].detach())
    width = method.student.shape.mask_token.numel()
    assert values == pytest.approx({2: width / 2, 4: width / 4})


def test_the_released_divisor_of_pictures_is_197_in_place_of_3():
    fair, released = (
        float(step(make(released_image_divisor=b))["image_rebuilt"].detach()) for b in (False, True)
    )
    assert released == pytest.approx(fair * 3 / 197)


def test_released_ties_that_add_up_to_no_class_end_the_run_by_name():
    method = make(released_ties=True, alpha=1.0)
    sure = 100 * torch.eye(3)
    with pytest.raises(TrainingError, match=r"added two class numbers to 3, and there are 3 classes"):
        method.teaching.lessons(sure[[2, 0]], sure[[1, 0]], torch.zeros(2, dtype=torch.bool))


def test_thresholds_by_class_follow_how_sure_the_teacher_is():
    method = make(threshold_kind="adaptive")
    logits = torch.tensor([[4.0, 0.0, 0.0]]).expand(8, 3)
    for _ in range(600):
        method.label(logits, logits)
        method.teaching.lessons(logits, logits, torch.zeros(8, dtype=torch.bool))
        method.teaching.after_step()
    p = logits.softmax(dim=1)[0]
    expected = p[0] * p / p.max()
    torch.testing.assert_close(method.teaching._threshold(0), expected, rtol=1e-2, atol=1e-3)


def test_balance_evens_out_what_the_teacher_says_of_a_batch():
    logits = torch.randn(30, 3, generator=torch.Generator().manual_seed(0)) + torch.tensor([1.0, 0.0, 0.0])
    uneven, even = (make(balance=b).teaching.probabilities(logits) for b in (0.0, 1.0))
    torch.testing.assert_close(even.sum(dim=1), torch.ones(30))
    torch.testing.assert_close(even.mean(dim=0), torch.full((3,), 1 / 3), rtol=0.01, atol=0.01)
    assert uneven.mean(dim=0)[0] > 0.45


def test_earlier_blocks_of_the_image_encoder_learn_slower():
    method = make(image_layer_decay=0.5)
    scales = {id(p): g["lr_scale"] for g in method.param_groups() for p in g["params"]}
    image, shape = method.student.image, method.student.shape
    blocks = image.trunk.transformer.resblocks  # two of them
    assert scales[id(image.trunk.conv1.weight)] == scales[id(image.mask_token)] == 0.125
    assert [scales[id(block.mlp.c_fc.weight)] for block in blocks] == [0.25, 0.5]
    for parameter in (image.trunk.ln_post.weight, image.decoder.weight, method.student.classifier,
                      next(shape.trunk.blocks.parameters()), shape.mask_token):  # fmt: skip
        assert scales[id(parameter)] == 1.0


def test_the_network_of_patches_is_frozen_but_for_its_running_statistics():
    method = make().train()
    patches = method.student.shape.trunk.encoder
    before = patches.first_conv[1].running_mean.clone()
    method.training_step(batch()).loss.backward()
    assert all(p.grad is None for p in patches.parameters())
    assert not torch.equal(patches.first_conv[1].running_mean, before)


@pytest.mark.parametrize("shape", ["pointnet2", "pointmlp", "pointnext_s", "pointnet_small"])
def test_other_point_encoders_lose_a_block_of_points(shape):
    small = {
        "pointnet2": {
            "centres": (8, 4),
            "neighbours": (4, 4),
            "widths": ((4,) * 3, (4,) * 3, (8,) * 3),
            "hidden": 8,
        },
        "pointmlp": {"width": 4, "centres": (8, 4, 2, 2), "neighbours": 2, "hidden": 8},
        "pointnext_s": {"in_channels": 3},
        "pointnet_small": {},
    }[shape]
    off = {"shape_reconstruction_weight": 0.0, "shape_local_weight": 0.0}
    with seeded("other encoders"):
        encoder = (
            create_encoder(shape, **small, shortage="repeat")
            if shape != "pointnet_small"
            else create_encoder(shape)
        )
    method = make(shape=encoder, **off).train()
    assert torch.isfinite(method.training_step(batch()).loss)
    with pytest.raises(ConfigError, match="has no tokens of patches"):
        make(shape=encoder)


def test_an_encoder_with_a_feature_map_loses_pixels_and_rebuilds_them():
    encoder = create_encoder("mobilenet_v2", embed_dim=16, width=8)
    method = make(image=encoder, image_mask_pixels=32, image_mask=0.5).eval()
    images = torch.rand(3, 2, 3, 64, 70, generator=torch.Generator().manual_seed(0))
    seen = method.student.image.taught(images, row_keys(["a", "b", "c"], 0))
    assert seen.rebuilt.counted.tolist() == [2 * 3 * 3 * 32 * 32] * 3  # three of six cells of both views
    assert torch.isfinite(seen.local.total).all()
    assert not torch.allclose(seen.vectors, method.student.image(images))


def test_grey_pictures_are_all_colours_alike():
    encoder = create_encoder("projected_image", options={"width": 8, "embed_dim": 8}, embed_dim=16).eval()
    grey = torch.rand(2, 1, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    method = make(image=encoder, image_mask_pixels=32).eval()
    torch.testing.assert_close(
        method.student.image(grey), method.student.image(grey.expand(-1, -1, 3, -1, -1))
    )
    assert torch.isfinite(method.student.image.taught(grey, row_keys(["a", "b"], 0)).vectors).all()


def test_encoders_without_tokens_are_refused_what_needs_them():
    encoder = create_encoder("digit_cnn", embed_dim=8, width=4, in_channels=3)
    with pytest.raises(ConfigError, match=r"image_layer_decay is 0\.65"):
        make(image=encoder, image_layer_decay=0.65, image_reconstruction_weight=0.0, image_local_weight=0.0)
    with pytest.raises(ConfigError, match="has no map of tokens"):
        make(image=encoder)
    with pytest.raises(
        ConfigError, match="image_mask_pixels must be a multiple of the encoder's patch, 4, got 6"
    ):
        make(image_mask_pixels=6)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("chair",), "at least two classes"),
        (("chair", " "), "name 2 of 2 is empty"),
        (("chair", "sofa", " Chair"), "names 'chair' and ' Chair', which are one"),
    ],
)
def test_names_that_cannot_be_meant_are_refused(names, said):
    with pytest.raises(ConfigError, match=said):
        CrossMoSTConfig(classes=names)


def test_five_thousand_names_and_names_of_any_language_are_fine():
    assert len(CrossMoSTConfig(classes=tuple(f"thing {n}" for n in range(5000))).classes) == 5000
    assert CrossMoSTConfig(classes=("стул", "椅子", "Stühle")).classes[1] == "椅子"


def test_a_method_without_names_is_refused_when_it_is_made():
    with pytest.raises(ConfigError, match="at least two classes, got"):
        create_method(
            "crossmost", {}, encoders={"image": torch.nn.Identity(), "shape": torch.nn.Identity()}, objects=4
        )


def test_labels_are_chosen_by_the_teacher_and_answers_can_be_had_of_both():
    method = make().eval()
    given = batch()
    with torch.no_grad():
        method.student.classifier.add_(1.0)
    assert method.class_logits("image", given).shape == (8, len(CLASSES))
    assert not torch.equal(
        method.class_logits("shape", given), method.class_logits("shape", given, teacher=False)
    )
    assert method.label(torch.eye(3), torch.eye(3))["image"].chosen.labels.tolist() == [0, 1, 2]


def test_with_many_classes_fairness_follows_what_was_predicted_in_steps_that_were_taken():
    method, plain = make(fairness_average_from=3), make()
    even = torch.full((3,), 1 / 3)
    given = batch()
    expected = method.training_step(given).parts["image_fairness"]
    torch.testing.assert_close(method.predicted.before("image").exp(), even)  # a refused step leaves no trace
    assert method.training_step(given).parts["image_fairness"] == expected
    method.after_step()
    moved = method.predicted.before("image")
    torch.testing.assert_close(-2 * moved.mean(), expected.detach())
    assert not torch.allclose(moved.exp(), even)
    assert step(plain)["image_fairness"] != expected


def test_the_running_mean_begins_at_its_number_of_classes_and_is_part_of_what_is_saved():
    assert make(fairness_average_from=4).predicted is None
    assert not [key for key in make().state_dict() if "predicted" in key]
    method, other = make(fairness_average_from=2), make(fairness_average_from=2)
    method.training_step(batch())
    method.after_step()
    other.load_state_dict(method.state_dict())
    assert torch.equal(step(method)["shape_fairness"], step(other)["shape_fairness"])
    with pytest.raises(ConfigError, match="fairness_average_from must be null or >= 2, got 1"):
        CrossMoSTConfig(fairness_average_from=1)


def test_points_of_hidden_patches_can_be_the_target_and_the_order_of_made_points_does_not_matter():
    method, strong = make(shape_target="chamfer").eval(), batch().crops[0]
    branch, rows = method.student.shape, row_keys(strong.keys, "somewhere")
    assert branch.head.out_features == 3 * 4
    turned = torch.arange(12).reshape(4, 3).flip(0).flatten()
    with torch.no_grad():
        before = branch.taught(strong.points, rows).rebuilt
        branch.head.weight.copy_(branch.head.weight[turned])
        branch.head.bias.copy_(branch.head.bias[turned])
        after = branch.taught(strong.points, rows).rebuilt
    torch.testing.assert_close(before.total, after.total)
    assert (before.counted >= 1).all()  # patches, of 6 each


def test_the_released_target_has_no_points():
    with pytest.raises(ConfigError, match="released_shape_target is a fault of shape_target: tokens"):
        CrossMoSTConfig(shape_target="chamfer", released_shape_target=True)


@pytest.mark.parametrize("shape_target", ["tokens", "chamfer"])
def test_a_picture_that_is_all_hidden_and_a_cloud_of_one_seen_patch_give_a_finite_step(shape_target):
    method = make(image_mask=1.0, shape_mask=(0.99, 0.99), shape_target=shape_target, threshold=0.0)
    output = method.training_step(batch(2))
    output.loss.backward()
    assert torch.isfinite(output.loss)
    assert all(torch.isfinite(p.grad).all() for p in method.parameters() if p.grad is not None)


def test_a_cloud_that_is_all_hidden_is_refused():
    with pytest.raises(ConfigError, match=r"shape_mask must be two numbers, 0 <= least <= most < 1"):
        CrossMoSTConfig(shape_mask=(0.3, 1.0))
