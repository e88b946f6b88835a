"""DeiT climbs the ladder: shapes, parity with timm and transformers, the two losses, laws, learning."""

import math

import numpy as np
import pytest
import torch
from torch import nn

import glassworks as gw
from glassworks.api.requests import TrainRequest
from glassworks.api.resolve import recipe_for
from glassworks.api.run import features_of, outputs_of, outputs_of_features
from glassworks.core.rows import PictureInput
from glassworks.data.batches import Batch
from glassworks.data.samples import sample_table
from glassworks.models.vision import vit
from glassworks.models.vision.deit import (
    TEMPERATURE,
    VARIANTS,
    WEIGHT,
    DeiTConfig,
    build,
    distillation_loss,
    resized,
)
from glassworks.tasks.image import ImageClassification
from glassworks.training.run_folder import RunFolder
from glassworks.transfer import lora
from glassworks.transfer.distil import Distilled, teacher_function
from glassworks.transfer.head_start import start_head
from glassworks.transfer.parts import parts_of
from glassworks.weights.names import by_our_names
from glassworks.weights.names import deit as names
from glassworks.weights.store import load_into, read_tensors, write_tensors
from tests.api import pictures as drawn
from tests.models import ladder
from tests.transfer.models import small_cnn

# To change these on purpose: run `python -m tests.models.vision.test_deit`, paste what it prints, and say in
# the commit why the losses moved.
FIRST_LOSSES = [
    2.299280,
    2.296285,
    2.282185,
    2.300796,
    2.298479,
    2.274821,
    2.283820,
    2.293969,
    2.253324,
    2.290951,
]
BLOCK = {"heads": 4}
TINY = {"height": 32, "width": 32, "classes": 10, "patch": 8, "dimension": 32, "depth": 2, "block": BLOCK}
FAMILIES = ("timm", "transformers")
TWO_HEADS = ("head.label.weight", "head.label.bias", "head.teacher.weight", "head.teacher.bias")


def tiny(**changes):
    return ladder.seeded(lambda: build(DeiTConfig(**TINY | changes)))


def reference(library, seed=5):
    """The library's network with random weights, 64 x 64 pixels in patches of 16; nothing is downloaded."""
    if library == "timm":
        deit = pytest.importorskip("timm").models.deit
        make = lambda: deit.VisionTransformerDistilled(  # noqa: E731
            img_size=64, patch_size=16, embed_dim=64, depth=2, num_heads=4, num_classes=10
        )
    else:
        transformers = pytest.importorskip("transformers")
        config = transformers.DeiTConfig(
            hidden_size=64, num_hidden_layers=2, num_attention_heads=4, intermediate_size=256, image_size=64,
            patch_size=16, num_labels=10, layer_norm_eps=1e-6,
        )  # fmt: skip
        make = lambda: transformers.DeiTForImageClassificationWithTeacher(config)  # noqa: E731
    model = ladder.seeded(make, seed)
    for parameter in model.parameters():  # libraries start heads, tokens and positions at zero
        nn.init.normal_(parameter, std=0.1)
    return model


def ours(**changes):
    shape = {"height": 64, "width": 64, "classes": 10, "patch": 16, "dimension": 64, "depth": 2}
    return build(DeiTConfig(**shape | {"block": BLOCK} | changes))


def pictures(count=4, height=32, width=32):
    return torch.randn(count, 3, height, width, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("positions", ["learned", "sine", "relative", "none"])
@pytest.mark.parametrize("norm", ["pre", "post"])
def test_shape_and_gradient(positions, norm):
    model = tiny(positions=positions, block=BLOCK | {"norm": norm})
    ladder.check_shape_and_gradient(model, pictures(8), 10)
    ladder.check_deterministic_in_evaluation(model, pictures())


def test_deterministic_in_evaluation_with_all_dropouts_on():
    model = tiny(dropout=0.5, block=BLOCK | {"dropout": 0.5, "drop_path": 0.5})
    ladder.check_deterministic_in_evaluation(model, pictures())
    assert not torch.equal(model.train()(pictures()), model(pictures()))


@pytest.mark.parametrize(
    ("variant", "side", "tokens", "parameters"),
    [("ti16", 224, 198, 5_910_800), ("s16", 224, 198, 22_436_432), ("b16", 224, 198, 87_338_192),
     ("b16", 384, 578, 87_630_032)],
)  # fmt: skip
def test_tokens_and_parameters_are_the_published_ones(variant, side, tokens, parameters):
    with torch.device("meta"):
        model = build(DeiTConfig(height=side, width=side, **VARIANTS[variant]))
    assert model.config.tokens == tokens == model.positions.shape[1]
    assert sum(p.numel() for p in model.parameters()) == parameters
    assert [name for name, _ in model.named_children()][-1] == "head"


# ---- parity


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_parity_with_timm_of_each_head_and_of_their_mean(dtype):
    """timm gives both answers while training, where it is asked to, and the mean otherwise."""
    theirs, model = reference("timm").to(dtype), ours().to(dtype)
    load_into(model, by_our_names("deit", theirs.state_dict()), source="the reference")
    seen = pictures(2, 64, 64).to(dtype)
    theirs.set_distilled_training(True)
    with torch.no_grad():
        expected = theirs.train()(seen)
        for mine, other in zip(model.train().two_answers(seen), expected, strict=True):
            ladder.close(mine, other)
        ladder.close(model.eval()(seen), theirs.eval()(seen))
    assert float((expected[0] - expected[1]).abs().mean()) > 0.1


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_parity_with_transformers_of_each_head_and_of_their_mean(dtype):
    theirs, model = reference("transformers").to(dtype).eval(), ours().to(dtype).eval()
    load_into(model, by_our_names("deit", theirs.state_dict()), source="the reference")
    seen = pictures(2, 64, 64).to(dtype)
    with torch.no_grad():
        expected = theirs(seen)
        label, teacher = model.two_answers(seen)
        ladder.close(label, expected.cls_logits)
        ladder.close(teacher, expected.distillation_logits)
        ladder.close(model(seen), expected.logits)
    assert float(expected.logits.std()) > 0.05


def test_gradients_of_the_hard_loss_agree_with_timm():
    theirs, model = reference("timm").double().train(), ours().double().train()
    load_into(model, names.to_ours(theirs.state_dict()), source="the reference")
    theirs.set_distilled_training(True)
    seen, targets, said = pictures(3, 64, 64).double(), torch.tensor([1, 2, 3]), torch.eye(10)[[1, 7, 8]]
    distillation_loss(*model(seen, apart=True), targets, said, "hard").backward()
    label, teacher = theirs(seen)
    ce = nn.functional.cross_entropy
    (0.5 * ce(label, targets) + 0.5 * ce(teacher, torch.tensor([1, 7, 8]))).backward()
    for mine, other in (
        (model.distillation_token, theirs.dist_token),
        (model.positions, theirs.pos_embed),
        (model.head.teacher.weight, theirs.head_dist.weight),
        (model.patches.projection.weight, theirs.patch_embed.proj.weight),
    ):
        ladder.close(mine.grad, other.grad)


# ---- the loss


def test_hard_distillation_at_a_uniform_student_is_the_logarithm_of_the_classes():
    even, targets, said = torch.zeros(3, 1000), torch.tensor([5, 0, 999]), torch.randn(3, 1000)
    both = [distillation_loss(even, even, targets, said, "hard", weight=share) for share in (0.0, 1.0)]
    assert [float(one) for one in both] == [pytest.approx(math.log(1000), rel=1e-6)] * 2
    assert float(distillation_loss(even, even, targets, said)) == pytest.approx(math.log(1000), rel=1e-6)


def test_the_worked_scores_give_the_worked_losses():
    """Student [2, 1, 0], teacher [3, 0, 0]."""
    student, teacher = torch.tensor([[2.0, 1.0, 0.0]]).double(), torch.tensor([[3.0, 0.0, 0.0]]).double()

    def taught(kind, **more):
        nothing = torch.zeros(1, 3).double()
        return float(
            distillation_loss(nothing, student, torch.tensor([0]), teacher, kind, weight=1.0, **more)
        )

    assert taught("hard") == pytest.approx(0.407606, rel=1e-5)
    assert taught("soft", temperature=1.0) == pytest.approx(0.176848, rel=1e-5)
    assert taught("soft", temperature=3.0) == taught("soft") == pytest.approx(0.347331, rel=1e-5)
    assert (WEIGHT, TEMPERATURE) == ({"hard": 0.5, "soft": 0.1}, 3.0)


def batch_of(count=6):
    return Batch(pictures(count, 32, 32), torch.arange(count) % 10, np.arange(count))


def teacher_of(model):
    seen = PictureInput(32, 32, 3, (0.5,) * 3, (0.5,) * 3)
    return teacher_function(model, seen, seen, range(10))


def cnn():
    return ladder.seeded(lambda: small_cnn(height=32, width=32, classes=10))


@pytest.mark.parametrize("kind", ["hard", "soft"])
def test_the_task_gives_each_head_its_own_loss(kind):
    """As the loss rule of the system says, with the task's own smoothing beside it where it has one."""
    model, batch, teacher = tiny().eval(), batch_of(), teacher_of(cnn())
    share = WEIGHT[kind]
    task = Distilled(ImageClassification(10), teacher, kind, TEMPERATURE, share)
    found = task.loss(model, batch)
    expected = distillation_loss(*model.two_answers(batch.inputs), batch.targets, teacher(batch.inputs), kind)
    torch.testing.assert_close(found.total, expected)
    found.parts["labels"].backward(retain_graph=True)
    assert model.head.label.weight.grad is not None and model.head.teacher.weight.grad is None
    model.zero_grad()
    found.parts["teacher"].backward()
    assert model.head.label.weight.grad is None and model.head.teacher.weight.grad is not None


def test_a_wrapped_student_is_asked_through_its_wrapper():
    class Wrapper(nn.Module):  # as torch's own for several processes, and for compiled models
        def __init__(self, module):
            super().__init__()
            self.module, self.calls = module, []

        def forward(self, *inputs, **options):
            self.calls.append(options)
            return self.module(*inputs, **options)

    model, batch, teacher = tiny().eval(), batch_of(), teacher_of(cnn())
    task = Distilled(ImageClassification(10), teacher, "hard")
    wrapped = Wrapper(model)
    assert torch.equal(task.loss(wrapped, batch).total, task.loss(model, batch).total)
    assert wrapped.calls == [{"apart": True}]


def test_the_teacher_is_frozen_in_evaluation_mode_and_stays_as_it_was():
    """A teacher that trains along, or whose batch norm moves, would be another network each step."""
    teacher, model = cnn().train(), tiny().train()
    before = {name: tensor.clone() for name, tensor in teacher.state_dict().items()}
    task = Distilled(ImageClassification(10), teacher_of(teacher), "hard")
    task.loss(model, batch_of()).total.backward()
    assert not any(part.training for part in teacher.modules())
    assert all(p.grad is None and not p.requires_grad for p in teacher.parameters())
    assert all(torch.equal(tensor, before[name]) for name, tensor in teacher.state_dict().items())


def test_without_a_teacher_both_heads_learn_the_label():
    model = tiny()
    ImageClassification(10).loss(model, batch_of()).total.backward()
    label, teacher = model.head.label.bias.grad, model.head.teacher.bias.grad
    assert float(label.abs().sum()) > 0
    torch.testing.assert_close(label, teacher)  # the mean hands each the same


# ---- laws


def test_law_the_answer_is_the_mean_of_both_heads_and_the_head_reads_two_tokens():
    model = tiny().eval()
    with torch.no_grad():
        label, teacher = model.two_answers(pictures())
        features = model.features(pictures())
        tokens = model.encode(model.embed(pictures()))
        assert tokens.shape == (4, 18, 32) and features.shape == (4, 64)
        assert torch.equal(features, torch.cat([tokens[:, 0], tokens[:, 1]], 1))
        torch.testing.assert_close(model(pictures()), (label + teacher) / 2)
        assert torch.equal(model(pictures()), model.head(features))
        assert not torch.allclose(label, teacher)


def test_law_two_tokens_keep_their_positions_when_the_grid_is_resized():
    before = DeiTConfig(**TINY)
    model = ladder.seeded(lambda: build(before))
    same = resized(model.state_dict(), before, DeiTConfig(**TINY | {"classes": 3}))
    assert torch.equal(same["positions"], model.positions)
    after = DeiTConfig(**TINY | {"height": 48, "width": 64})
    larger = build(after)
    load_into(larger, resized(model.state_dict(), before, after), source="the small one")
    assert larger.positions.shape == (1, 2 + 6 * 8, 32) and larger(pictures(2, 48, 64)).shape == (2, 10)
    assert torch.equal(larger.positions[:, :2], model.positions[:, :2])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"pooling": "mean"}, "two tokens answer"), ({"height": 30}, "32x32 can"), ({"depth": 0}, "at least 1"),
     ({"block": {"heads": 5}}, "5 heads"), ({"positions": "wave"}, "positions")],
)  # fmt: skip
def test_impossible_configs_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        DeiTConfig(**TINY | wrong)


def test_a_picture_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r"expected pictures of shape \(batch, 3, 32, 32\)"):
        tiny()(pictures(2, 64, 64))


# ---- transfer


def test_both_heads_are_one_part_and_stay_whole_beside_adapters(tmp_path):
    model = tiny().eval()
    assert parts_of(model)[-1].parameters == TWO_HEADS
    before = model(pictures()).detach()
    adapted = lora.add_adapters(model, 2, 4.0)
    assert adapted and not any(name.startswith("head") for name in adapted)
    torch.testing.assert_close(model(pictures()), before)
    nn.init.normal_(model.get_parameter(f"{adapted[0]}.up.weight"))
    lora.write_peft(tmp_path, model)
    other = tiny()
    lora.read_peft(tmp_path, other)
    torch.testing.assert_close(other.eval()(pictures()), model(pictures()))


def test_new_heads_are_fitted_on_what_both_tokens_hold():
    head = tiny().head
    features, targets = torch.randn(40, 64, generator=torch.Generator().manual_seed(2)), torch.arange(40) % 10
    before, after = start_head(head, lambda: nn.functional.cross_entropy(head(features), targets), 40)
    assert before == pytest.approx(math.log(10), rel=1e-5) and after < 0.5 * before
    assert all(float(p.detach().abs().sum()) > 0 for p in head.parameters())


# ---- losses, learning, exports, names


def losses():
    return ladder.first_losses(tiny(), 3)


def test_same_losses():
    """The first ten losses, to 1e-3: a change here is a change of the mathematics."""
    np.testing.assert_allclose(losses(), FIRST_LOSSES, rtol=1e-3)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    """A CNN that has learned the digits a little; it teaches, and is loaded by its folder."""
    return ladder.train_on_digits("cnn", tmp_path_factory.mktemp("teacher") / "cnn", epochs=1)


@pytest.fixture(scope="module")
def student(teacher, tmp_path_factory):
    """The tiny recipe, a few passes, with the CNN's hard answers."""
    return ladder.train_on_digits(
        "deit", tmp_path_factory.mktemp("student") / "deit", epochs=3, teacher=str(teacher.path)
    )


def test_learns_digits_from_a_cnn(student, teacher):
    """A few passes of the tiny recipe: far above the chance of 10 %."""
    assert student.card["metrics"]["accuracy"]["low"] > 0.5
    part = student.recipe.teacher
    assert (part.run, part.kind, part.weight) == (str(teacher.path.resolve()), "hard", 0.5)
    rows = RunFolder(student.path).history()
    assert rows[-1]["train_teacher"] < rows[0]["train_teacher"] and rows[-1]["train_labels"] > 0


def test_each_kind_has_its_own_weight_and_named_settings_win(teacher):
    def part(*settings, system="deit", **options):
        request = TrainRequest(system=system, size="tiny", teacher=str(teacher.path), set=settings, **options)
        return recipe_for(request, sample_table("digits")).teacher

    assert (part().kind, part().weight) == ("hard", 0.5)
    soft = part(distil="soft")
    assert (soft.kind, soft.weight, soft.temperature) == ("soft", 0.1, 3.0)
    assert part("teacher.temperature=2", distil="soft").temperature == 2.0
    hard = part(distil="hard", system="vit")  # a student with one head keeps its own
    assert (hard.kind, hard.weight) == ("hard", 0.7)


def test_a_student_is_tuned_further_on_other_classes_without_its_teacher(student, tmp_path):
    """Two fresh heads are fitted on what both tokens hold; the run answers as a whole."""
    data = drawn.class_folders(tmp_path / "data", count=20)
    run = gw.finetune(
        "deit", str(data), start_from=str(student.path), tune="head", epochs=2,
        out=str(tmp_path / "run"), threads=1, quiet=True,
    )  # fmt: skip
    assert run.recipe.model["positions"] == "learned" and run.model.head.teacher.out_features == 2
    assert run.recipe.teacher.run is None
    body, before = run.model.state_dict(), student.model.state_dict()
    kept = [name for name in before if not name.startswith("head.")]
    assert all(torch.equal(body[name].cpu(), before[name].cpu()) for name in kept)
    assert float(run.model.head.teacher.weight.detach().abs().sum()) > 0
    batch = run.data().batches("test")
    whole, by_head = outputs_of(run.model, batch, run.runtime), features_of(run.model, batch, run.runtime)
    torch.testing.assert_close(outputs_of_features(run.model, by_head), whole)


def test_a_plain_transformer_learns_both_with_its_only_head():
    model = ladder.seeded(lambda: vit.build(vit.ViTConfig(**TINY))).eval()
    batch, teacher = batch_of(), teacher_of(cnn())
    found = Distilled(ImageClassification(10), teacher, "hard", weight=0.5).loss(model, batch).total
    scores = model(batch.inputs)
    torch.testing.assert_close(
        found, distillation_loss(scores, scores, batch.targets, teacher(batch.inputs), "hard")
    )


@pytest.mark.long
def test_tiny_recipe_reaches_its_floor(tmp_path):
    """Floor of the tiny recipe, on digits it has not seen: 93 % at the lower end of the interval."""
    run = ladder.train_on_digits("deit", tmp_path / "run")
    assert run.evaluate().judgement.metrics["accuracy"].low >= 0.93


def test_exports(tmp_path):
    ladder.check_exports(tiny(), tmp_path)


@pytest.mark.parametrize("library", FAMILIES)
def test_foreign_weights_load_and_go_back(tmp_path, library):
    theirs = reference(library).state_dict()
    write_tensors(tmp_path / "theirs.safetensors", theirs)
    tensors = read_tensors(tmp_path / "theirs.safetensors")
    assert names.is_theirs(tensors) and not names.is_theirs({"patches.projection.weight": torch.zeros(1)})
    model = ours()
    load_into(model, by_our_names("deit", tensors), source="theirs")
    back = names.to_theirs(model.state_dict(), library)
    assert back.keys() == theirs.keys()
    assert all(torch.equal(back[name], theirs[name]) for name in theirs)
    assert by_our_names("deit", model.state_dict()).keys() == model.state_dict().keys()  # ours stay ours


def test_foreign_weights_by_the_names_of_older_files():
    """Files published before transformers 5 call the parts of a block otherwise."""
    model = ours()
    older = names.to_theirs(model.state_dict(), "transformers-4")
    for name in (
        "deit.embeddings.distillation_token", "deit.encoder.layer.1.attention.attention.query.weight",
        "deit.encoder.layer.0.attention.output.dense.bias", "deit.encoder.layer.0.layernorm_before.weight",
        "deit.encoder.layer.0.intermediate.dense.weight", "deit.encoder.layer.0.output.dense.weight",
        "deit.layernorm.weight", "cls_classifier.weight", "distillation_classifier.bias",
    ):  # fmt: skip
        assert name in older
    again = by_our_names("deit", older)
    assert all(torch.equal(again[name], tensor) for name, tensor in model.state_dict().items())


if __name__ == "__main__":
    print("FIRST_LOSSES = [" + ", ".join(f"{loss:.6f}" for loss in losses()) + "]")
