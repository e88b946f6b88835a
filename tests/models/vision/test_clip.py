"""CLIP climbs the ladder: shapes, parity with transformers, laws of the loss, learning, losses, exports.

Where a rung speaks of a classifier it is climbed by what CLIP is instead: two encoders and a matrix of
scores, and for the export the classifier that it becomes when labels are written down (`ZeroShot`).
"""

import math

import numpy as np
import pytest
import torch
from torch import nn

from glassworks.data.samples import sample_table
from glassworks.models.vision.clip import (
    FIRST_SCALE,
    MOST_SCALE,
    VARIANTS,
    CLIPConfig,
    Stack,
    ZeroShot,
    build,
    contrastive_loss,
    resized,
)
from glassworks.transfer.parts import parts_of
from glassworks.weights.names import by_our_names
from glassworks.weights.names import clip as names
from glassworks.weights.store import load_into, read_tensors, write_tensors
from tests.models import ladder

# To change these on purpose: run `python -m tests.models.vision.test_clip`, paste what it prints, and say in
# the commit why the losses moved.
FIRST_LOSSES = [
    5.323555,
    3.572797,
    3.519538,
    3.484717,
    3.480084,
    3.473781,
    3.470648,
    3.467401,
    3.463843,
    3.469110,
]
WORDS, CONTEXT = 99, 16
TINY = {
    "height": 32, "width": 32, "patch": 8, "picture": {"width": 48, "depth": 2, "heads": 4},
    "text": {"width": 32, "depth": 2, "heads": 4}, "dimension": 24, "vocabulary": WORDS, "context": CONTEXT,
}  # fmt: skip


def tiny(**changes):
    return ladder.seeded(lambda: build(CLIPConfig(**TINY | changes)))


def pictures(count=4, side=32, channels=3):
    return torch.randn(count, channels, side, side, generator=torch.Generator().manual_seed(1))


def texts(ends=(3, 5, 15, 9), after=WORDS - 1):
    """Random tokens with a start, an end at the given places, and `after` behind them."""
    tokens = torch.randint(0, WORDS - 2, (len(ends), CONTEXT), generator=torch.Generator().manual_seed(2))
    tokens[:, 0] = WORDS - 2
    for row, end in enumerate(ends):
        tokens[row, end:] = after
        tokens[row, end] = WORDS - 1
    return tokens


def reference(activation="quick_gelu", seed=5):
    """transformers' CLIP with random weights; nothing is downloaded."""
    transformers = pytest.importorskip("transformers")
    shared = {"num_hidden_layers": 2, "num_attention_heads": 4, "hidden_act": activation}
    config = transformers.CLIPConfig(
        text_config={
            "hidden_size": 32, "intermediate_size": 128, "vocab_size": WORDS, "eos_token_id": WORDS - 1,
            "bos_token_id": WORDS - 2, "pad_token_id": WORDS - 1, "max_position_embeddings": CONTEXT,
        } | shared,
        vision_config={
            "hidden_size": 48, "intermediate_size": 192, "image_size": 32, "patch_size": 8,
        } | shared,
        projection_dim=24,
    )  # fmt: skip
    model = ladder.seeded(lambda: transformers.CLIPModel(config), seed)
    for name, parameter in model.named_parameters():
        if name != "logit_scale":
            nn.init.normal_(parameter, std=0.2)
    return model


@pytest.mark.parametrize("tower", ["vit", "lite0"])
def test_shape_and_gradient(tower):
    model = tiny(tower=tower)
    scores = model(pictures(), texts())
    assert scores.shape == (4, 4) and torch.isfinite(scores).all()
    contrastive_loss(scores).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().sum() > 0, name
    both = torch.cat([model.picture_features(pictures()), model.text_features(texts())])
    torch.testing.assert_close(both.norm(dim=1), torch.ones(8))


def test_deterministic_in_evaluation_and_each_picture_for_itself():
    model = tiny(dropout=0.5).eval()
    with torch.no_grad():
        whole, again = model(pictures(), texts()), model(pictures(), texts())
        alone = torch.cat([model(pictures()[n : n + 1], texts()) for n in range(4)])
    assert torch.equal(whole, again)
    torch.testing.assert_close(alone, whole, rtol=1e-5, atol=1e-5)
    assert not torch.equal(model.train()(pictures(), texts()), whole)


@pytest.mark.parametrize(
    ("variant", "parameters"), [("b32", 151_277_313), ("b16", 149_620_737), ("l14", 427_616_513)]
)
def test_parameters_are_the_published_ones(variant, parameters):
    with torch.device("meta"):
        model = build(CLIPConfig(**VARIANTS[variant]))
    assert sum(p.numel() for p in model.parameters()) == parameters
    assert model.picture_projection.weight.shape == (model.config.dimension, model.config.picture.width)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("activation", ["quick-gelu", "gelu"])
def test_parity(dtype, activation):
    """The same random weights give the same features, scores and loss, by both paths of attention."""
    theirs = reference(activation.replace("-", "_")).to(dtype).eval()
    model = tiny(activation=activation).to(dtype).eval()
    load_into(model, by_our_names("clip", theirs.state_dict()), source="the reference")
    seen, said = pictures().to(dtype), texts()
    with torch.no_grad():
        expected = theirs(input_ids=said, pixel_values=seen, return_loss=True)
        ladder.close(model.picture_features(seen), expected.image_embeds)
        ladder.close(model.text_features(said), expected.text_embeds)
        ladder.close(model(seen, said), expected.logits_per_image)
        ladder.close(contrastive_loss(model(seen, said)), expected.loss)
    ladder.close(model(seen, said).detach(), expected.logits_per_image)  # written out: it is to learn
    assert float(expected.logits_per_image.std()) > 0.1


def test_gradients_agree_with_transformers():
    theirs, model = reference().double(), tiny().double()
    load_into(model, by_our_names("clip", theirs.state_dict()), source="the reference")
    theirs(input_ids=texts(), pixel_values=pictures().double(), return_loss=True).loss.backward()
    contrastive_loss(model(pictures().double(), texts())).backward()
    ladder.close(
        model.text.token_embedding.weight.grad, theirs.text_model.embeddings.token_embedding.weight.grad
    )
    ladder.close(model.log_scale.grad, theirs.logit_scale.grad)
    ladder.close(
        model.picture.patches.projection.weight.grad,
        theirs.vision_model.embeddings.patch_embedding.weight.grad,
    )


def test_law_what_follows_the_end_of_a_text_is_never_seen():
    model = tiny().eval()
    with torch.no_grad():
        filled, other = model.text_features(texts()), model.text_features(texts(after=7))
        short = model.text_features(texts(ends=(3, 5))[:, :6])
        changed = texts()
        changed[:, 1] = 11  # a word before the end
    torch.testing.assert_close(filled, other, rtol=0, atol=1e-6)
    torch.testing.assert_close(short, model.text_features(texts(ends=(3, 5))), rtol=0, atol=1e-6)
    assert not torch.allclose(filled, model.text_features(changed), atol=1e-3)


def test_law_the_loss_knows_its_ends():
    """All scores equal: ln N. The right pairs at cosine 1 and scale 100, all others at 0: nothing is lost."""
    for count, expected in ((2, 0.693147), (4, 1.386294), (8, 2.079442)):
        assert float(contrastive_loss(torch.zeros(count, count))) == pytest.approx(expected, abs=1e-6)
    assert float(contrastive_loss(100 * torch.eye(8))) == pytest.approx(0.0, abs=1e-6)
    scores = torch.randn(5, 5, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    turned = contrastive_loss(scores.T.contiguous())
    torch.testing.assert_close(contrastive_loss(scores), turned)  # neither side comes first


def test_law_pairs_that_repeat_share_the_answer():
    """Two rows with one caption: telling them apart is not asked for, so a perfect model loses only ln 2."""
    fits = torch.tensor([[1, 1, 0], [1, 1, 0], [0, 0, 1]], dtype=torch.bool)
    perfect = 100.0 * fits
    assert float(contrastive_loss(perfect, fits)) == pytest.approx(2 / 3 * math.log(2), abs=1e-6)
    apart = 100.0 * torch.eye(3)  # says that the copies do not fit: punished, where it was right before
    assert float(contrastive_loss(apart)) < 1e-6 < 10 < float(contrastive_loss(apart, fits))
    with pytest.raises(ValueError, match="every picture needs a text"):
        contrastive_loss(torch.zeros(2, 2), torch.tensor([[True, True], [False, False]]))


def test_law_the_scale_starts_at_the_paper_s_and_ends_at_a_hundred():
    model = tiny()
    assert (
        float(model.log_scale.detach()) == pytest.approx(2.659260, abs=1e-6)
        and math.log(1 / 0.07) == FIRST_SCALE
    )
    assert pytest.approx(4.605170, abs=1e-6) == MOST_SCALE
    with torch.no_grad():
        model.log_scale.fill_(9.0)
    assert float(model.scale.detach()) == pytest.approx(100.0, rel=1e-6)
    model.hold_scale()
    contrastive_loss(model(pictures(), texts())).backward()
    assert float(model.log_scale.detach()) == pytest.approx(MOST_SCALE) and model.log_scale.grad != 0


def test_scores_of_three_texts_are_the_derived_ones():
    """Cosines 0.25, 0.20, 0.15: certain at scale 100, undecided at scale 1."""
    cosines = torch.tensor([0.25, 0.20, 0.15], dtype=torch.float64)
    model = tiny().double()
    features = torch.zeros(4, 24, dtype=torch.float64)
    features[0, 0] = 1.0
    for row, cosine in enumerate(cosines, start=1):
        features[row, 0], features[row, row] = cosine, (1 - cosine**2).sqrt()
    for scale, expected in (
        (100.0, (0.993262, 0.006693, 0.000045)), (1.0, (0.350132, 0.333056, 0.316812)),
    ):  # fmt: skip
        with torch.no_grad():
            model.log_scale.fill_(math.log(scale))
            chances = model.scores(features[:1], features[1:]).softmax(1)[0]
        assert chances.tolist() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"height": 30}, "32x32 can"), ({"text": Stack(32, 2, 4), "vocabulary": 2}, "vocabulary"),
     ({"tower": "resnet"}, "tower"), ({"dropout": 1.0}, "dropout"), ({"activation": "tanh"}, "activation"),
     ({"picture": {"width": 48, "depth": 2, "heads": 5}}, "5 heads"), ({"dimension": 0}, "dimension")],
)  # fmt: skip
def test_impossible_configs_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        CLIPConfig(**TINY | wrong)


@pytest.mark.parametrize(
    ("tokens", "message"),
    [(torch.zeros(2, CONTEXT + 1, dtype=torch.long), "up to 16"), (torch.zeros(2, 4), "whole numbers"),
     (torch.zeros(2, 4, dtype=torch.long), "without an end"), (torch.zeros(4, dtype=torch.long), "up to 16")],
)  # fmt: skip
def test_what_is_no_text_is_refused(tokens, message):
    with pytest.raises(ValueError, match=message):
        tiny().text_features(tokens)
    with pytest.raises(ValueError, match=r"expected pictures of shape \(batch, 3, 32, 32\)"):
        tiny().picture_features(pictures(side=64))


def losses():
    """Ten steps of plain gradient descent in float64 on digits whose captions are eight random tokens."""
    model = tiny(channels=1).double()
    table = sample_table("digits")
    seen = torch.from_numpy(np.stack(table.sources[:320])).double()[:, None] / 128 - 1
    said = torch.randint(0, WORDS - 2, (10, 8), generator=torch.Generator().manual_seed(4))
    said[:, -1] = WORDS - 1
    numbers = torch.from_numpy(np.asarray(table.targets[:320]))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02)
    found = []
    for step in range(10):
        rows = slice(step * 32, step * 32 + 32)
        fits = numbers[rows, None] == numbers[rows]
        loss = contrastive_loss(model(seen[rows], said[numbers[rows]]), fits)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        found.append(float(loss.detach()))
    return found


def test_same_losses():
    """The first ten losses, to 1e-3: a change here is a change of the mathematics."""
    np.testing.assert_allclose(losses(), FIRST_LOSSES, rtol=1e-3)


def test_learns_digits_from_captions(tmp_path):
    """A few passes of the tiny recipe: pictures find their caption far above the chance of 10 %."""
    run = ladder.train_on_digits("clip", tmp_path / "run", epochs=5)
    assert run.card["metrics"]["text_at_1"]["low"] > 0.4
    assert run.card["metrics"]["zero_shot_accuracy"]["low"] > 0.4
    assert run.card["baselines"]["chance"]["text_at_1"]["value"] == pytest.approx(0.1)


@pytest.mark.long
def test_tiny_recipe_reaches_its_floor(tmp_path):
    """Floor of the tiny recipe on digits it has not seen."""
    found = ladder.train_on_digits("clip", tmp_path / "run").evaluate().judgement
    assert found.metrics["text_at_1"].low >= 0.85 and found.metrics["zero_shot_accuracy"].low >= 0.8


def test_exports_as_the_classifier_that_its_labels_make(tmp_path):
    model = tiny().eval()
    with torch.no_grad():
        said = model.text_features(texts())
    classifier = ZeroShot(model, said).eval()
    with torch.no_grad():
        torch.testing.assert_close(classifier(pictures()), model(pictures(), texts()))
    assert [part.name for part in parts_of(classifier)][-1] == "head"
    ladder.check_exports(classifier, tmp_path)


@pytest.mark.parametrize("family", sorted(names.FAMILIES))
def test_foreign_weights_load_and_go_back(tmp_path, family):
    """transformers' own file, and one in the authors' names and shapes that is made of it."""
    reference_tensors = reference().state_dict()
    model = tiny().eval()
    load_into(model, by_our_names("clip", reference_tensors), source="theirs")
    theirs = names.to_theirs(model.state_dict(), family)
    if family == "transformers":
        assert theirs.keys() == reference_tensors.keys()
        assert all(torch.equal(theirs[name], reference_tensors[name]) for name in theirs)
        theirs = theirs | {"text_model.embeddings.position_ids": torch.arange(CONTEXT)[None]}  # older files
    else:
        assert theirs["visual.proj"].shape == (48, 24) and theirs["visual.class_embedding"].shape == (48,)
        assert theirs["transformer.resblocks.1.attn.in_proj_weight"].shape == (96, 32)
    write_tensors(tmp_path / "theirs.safetensors", theirs)
    tensors = read_tensors(tmp_path / "theirs.safetensors")
    assert names.is_theirs(tensors) and not names.is_theirs(model.state_dict())
    other = tiny(dropout=0.1).eval()
    load_into(other, by_our_names("clip", tensors), source="theirs")
    assert torch.equal(other(pictures(), texts()), model(pictures(), texts()))


def test_resizing_fits_the_positions_to_another_grid():
    model, after = tiny(), CLIPConfig(**TINY | {"height": 48, "width": 64})
    larger = build(after)
    load_into(larger, resized(model.state_dict(), model.config, after), source="the small one")
    assert larger(torch.randn(2, 3, 48, 64), texts(ends=(3, 5))).shape == (2, 2)
    assert torch.equal(larger.picture.positions[:, 0], model.picture.positions[:, 0])


if __name__ == "__main__":
    print("FIRST_LOSSES = [" + ", ".join(f"{loss:.6f}" for loss in losses()) + "]")
