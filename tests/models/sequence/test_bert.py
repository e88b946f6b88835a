"""BERT climbs the ladder: parity with transformers, laws of masks, learning, export, foreign weights."""

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn
from torch.export import Dim

from glassworks.api.requests import TrainRequest
from glassworks.api.train import train_request
from glassworks.data.sequence_batches import SequenceBatch
from glassworks.models.sequence.bert import VARIANTS, BERTConfig, build, fitted
from glassworks.recipes.base import default_recipe
from glassworks.tasks.masked_text import MaskedTexts
from glassworks.transfer.parts import parts_of
from glassworks.weights.names import bert as names
from glassworks.weights.names import by_our_names
from glassworks.weights.store import load_into, read_tensors, write_tensors
from tests.models import ladder

# To change these on purpose: run `python -m tests.models.sequence.test_bert`, paste what it prints, and say
# in the commit why the losses moved.
FIRST_LOSSES = [
    3.756725, 3.662075, 3.462526, 3.463031, 3.274730, 2.859246, 2.665843, 3.376969, 2.383605, 2.856337
]  # fmt: skip
WORDS, CONTEXT = 50, 16
BLOCK = {"heads": 4, "norm": "post", "epsilon": 1e-12, "dropout": 0.0}
TINY = {
    "vocabulary": WORDS, "context": CONTEXT, "width": 32, "depth": 2, "dropout": 0.0, "block": BLOCK,
}  # fmt: skip
LENGTHS = torch.tensor([12, 5, 9, 3])
TASK = MaskedTexts(mask=4, vocabulary=WORDS, untouched=(0, 1, 2, 3, 4))


def tiny(**changes):
    return ladder.seeded(lambda: build(BERTConfig(**TINY | changes)))


def texts(filled=0):
    """Token numbers (4, 12) with a start, an end, and `filled` beyond each length."""
    tokens = torch.randint(5, WORDS, (4, 12), generator=torch.Generator().manual_seed(2))
    tokens[:, 0] = 2
    for row, length in enumerate(LENGTHS):
        tokens[row, length - 1] = 3
        tokens[row, length:] = filled
    return tokens


def reference(head="words", seed=5, **changes):
    """transformers' BERT with random weights; nothing is downloaded."""
    transformers = pytest.importorskip("transformers")
    config = transformers.BertConfig(
        vocab_size=WORDS, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=128,
        max_position_embeddings=CONTEXT, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
        num_labels=3, **changes,
    )  # fmt: skip
    kind = {
        "words": transformers.BertForMaskedLM, "classes": transformers.BertForSequenceClassification,
        "none": transformers.BertModel, "both": transformers.BertForPreTraining,
    }[head]  # fmt: skip
    model = ladder.seeded(lambda: kind(config), seed)
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.2)
    if head in ("words", "both"):  # one table and one offset that they write down twice
        model.tie_weights()
    return model


def loaded(theirs, **changes):
    model = tiny(**changes)
    load_into(model, fitted(by_our_names("bert", theirs.state_dict()), model.config), source="the reference")
    return model


@pytest.mark.parametrize("pooling", ["class", "mean"])
@pytest.mark.parametrize("head", ["words", "classes"])
def test_shape_and_gradient(head, pooling):
    model = tiny(head=head, classes=3, pooling=pooling).train()
    said = model(texts(), LENGTHS)
    assert said.shape == ((4, 12, WORDS) if head == "words" else (4, 3)) and torch.isfinite(said).all()
    said.square().mean().backward()
    unused = {"embedding.segments.weight"}  # of its two rows only the first is used
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().sum() > 0, name
    assert unused <= dict(model.named_parameters()).keys()
    assert parts_of(model)[0].name == "embedding" and parts_of(model)[-1].name == "head"


def test_deterministic_in_evaluation_and_each_text_for_itself():
    model = tiny(head="classes", block=BLOCK | {"dropout": 0.5}, dropout=0.5).eval()
    with torch.no_grad():
        first, second = model(texts(), LENGTHS), model(texts(), LENGTHS)
        alone = torch.cat([model(texts()[n : n + 1, :length]) for n, length in enumerate(LENGTHS)])
    assert torch.equal(first, second)
    torch.testing.assert_close(alone, first, rtol=1e-5, atol=1e-5)
    assert not torch.equal(model.train()(texts(), LENGTHS), first)


def test_law_what_fills_a_text_up_is_never_seen():
    for pooling in ("class", "mean"):
        model = tiny(head="none", pooling=pooling).double().eval()
        with torch.no_grad():
            filled, other = model(texts(), LENGTHS), model(texts(filled=17), LENGTHS)
            torch.testing.assert_close(filled, other, rtol=0, atol=1e-12)
            assert not torch.allclose(filled, model(texts()), atol=1e-3)  # without lengths it counts


def test_law_both_sides_are_read_and_order_counts():
    model = tiny().double().eval()
    tokens = texts()[:1]
    with torch.no_grad():
        before = model(tokens)
        later, swapped = tokens.clone(), tokens.clone()
        later[0, 8] = 9
        swapped[0, 2:4] = tokens[0, 2:4].flip(0)
        assert not torch.allclose(model(later)[0, 2], before[0, 2], atol=1e-6)
        assert not torch.allclose(model(swapped)[0, 6], before[0, 6], atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("head", ["words", "classes", "none"])
def test_parity(head, dtype):
    """The same random weights give the same hidden states, vectors and scores, with padding."""
    theirs = reference(head).to(dtype).eval()
    model = loaded(theirs, head=head, classes=3).to(dtype).eval()
    seen = (torch.arange(12) < LENGTHS[:, None]).long()
    with torch.no_grad():
        expected = theirs(input_ids=texts(), attention_mask=seen, output_hidden_states=True)
        hidden = model.encode(texts(), LENGTHS)
        said = model(texts(), LENGTHS)
        wanted = expected.pooler_output if head == "none" else expected.logits
        present = seen.bool()
        ladder.close(hidden[present], expected.hidden_states[-1][present])
        told = slice(None) if head != "words" else present
        ladder.close(said[told], wanted[told])
    assert float(wanted.std()) > 0.05


def test_parity_of_segments_and_gradients():
    theirs = reference("words").double()
    model = loaded(theirs).double()
    kinds = (torch.arange(12) > 5).long().expand(4, 12)
    whole = theirs.bert(input_ids=texts(), token_type_ids=kinds).last_hidden_state
    ladder.close(model.encode(texts(), None, kinds), whole)
    answers = torch.where(torch.arange(12) % 3 == 1, texts(), -100)
    seen = (torch.arange(12) < LENGTHS[:, None]).long()
    answers = answers.masked_fill(seen == 0, -100)
    theirs(input_ids=texts(), attention_mask=seen, labels=answers).loss.backward()
    chosen = answers >= 0
    nn.functional.cross_entropy(model(texts(), LENGTHS, chosen), texts()[chosen]).backward()
    ladder.close(model.embedding.tokens.weight.grad, theirs.bert.embeddings.word_embeddings.weight.grad)
    mine = model.blocks[0].attention.query_key_value.weight.grad
    ladder.close(mine[:32], theirs.bert.encoder.layer[0].attention.self.query.weight.grad)


@pytest.mark.parametrize("head", ["words", "classes", "none", "both"])
def test_foreign_weights_load_and_go_back(tmp_path, head):
    theirs = {name: tensor.clone() for name, tensor in reference(head).state_dict().items()}
    write_tensors(tmp_path / "theirs.safetensors", theirs)
    tensors = read_tensors(tmp_path / "theirs.safetensors")
    assert names.is_theirs(tensors) and not names.is_theirs(tiny().state_dict())
    ours = by_our_names("bert", tensors)
    assert names.fields_of(ours) == {
        "vocabulary": WORDS, "width": 32, "depth": 2, "context": CONTEXT, "segments": 2,
    }  # fmt: skip
    back = names.to_theirs(ours, "body" if head == "none" else "bert")
    lost = {name for name in theirs if "seq_relationship" in name}  # the task that is left out
    assert back.keys() == theirs.keys() - lost
    for name, tensor in back.items():
        assert torch.equal(tensor, theirs[name]), name


def test_foreign_weights_of_the_first_releases_say_gamma_and_beta():
    theirs = reference("none").state_dict()
    old = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): one
        for name, one in theirs.items()
    }
    assert old.keys() != theirs.keys()
    ours = by_our_names("bert", old)
    assert torch.equal(ours["embedding.norm.weight"], theirs["embeddings.LayerNorm.weight"])


def test_weights_for_fewer_tokens_and_without_the_first_one_s_layer():
    tensors = tiny(head="none").state_dict()
    cut = fitted(tensors, BERTConfig(**TINY | {"context": 8, "pooling": "mean", "head": "none"}))
    assert len(cut["embedding.positions.weight"]) == 8 and "pooler.weight" not in cut
    with pytest.raises(ValueError, match="know 16 positions"):
        fitted(tensors, BERTConfig(**TINY | {"context": 17}))


@pytest.mark.parametrize(
    ("variant", "parameters"),
    # As published: base and MiniLM without head (109,482,240 and 22,713,216, less MiniLM's unused pooler).
    [("base", 109_482_240), ("minilm", 22_713_216 - 384 * 385), ("tiny", 4_385_920), ("mini", 11_170_560)],
)
def test_parameters_are_the_published_ones(variant, parameters):
    with torch.device("meta"):
        model = build(BERTConfig(**VARIANTS[variant] | {"head": "none"}))
    assert sum(p.numel() for p in model.parameters()) == parameters


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"vocabulary": 3}, "vocabulary"), ({"context": 2}, "context"), ({"width": 30}, "4 heads"),
     ({"head": "both"}, "head is one of"), ({"pooling": "max"}, "pooling is one of"),
     ({"depth": 0}, "at least 1"), ({"dropout": 1.0}, "dropout")],
)  # fmt: skip
def test_impossible_configs_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        BERTConfig(**TINY | wrong)


def test_what_is_no_text_is_refused():
    model = tiny()
    for tokens, lengths, message in (
        (texts().float(), None, "whole numbers"),
        (texts().repeat(1, 2), None, "up to 16"),
        (texts() + WORDS, None, "another tokenizer"),
        (texts(), LENGTHS[:2], "one length a text"),
        (texts(), LENGTHS * 0, "lengths from 1 to 12"),
    ):
        with pytest.raises(ValueError, match=message):
            model(tokens, lengths)


def first_losses():
    """Ten steps of guessing hidden words at a fixed seed, in float64 with plain gradient descent."""
    model = tiny().double()
    rule = torch.optim.SGD(model.parameters(), lr=0.05)
    generator = torch.Generator().manual_seed(7)
    batch = SequenceBatch(texts(), LENGTHS, torch.zeros(4), np.arange(4))
    losses = []
    for _ in range(10):
        loss = TASK.loss(model, batch, generator).total
        rule.zero_grad()
        loss.backward()
        rule.step()
        losses.append(float(loss.detach()))
    return losses


def test_same_losses():
    """The first ten losses, to 1e-3: a change here is a change of the mathematics."""
    np.testing.assert_allclose(first_losses(), FIRST_LOSSES, rtol=1e-3)


def test_exports_for_any_number_of_texts_and_tokens(tmp_path):
    model = tiny(head="classes", classes=3, pooling="mean").eval()
    batch, length = Dim("batch", min=1, max=256), Dim("length", min=2, max=CONTEXT)
    program = torch.onnx.export(
        model, (texts(), LENGTHS), dynamo=True, input_names=["tokens", "lengths"], output_names=["scores"],
        dynamic_shapes=({0: batch, 1: length}, {0: batch}), verbose=False,
    )  # fmt: skip
    program.save(tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    for tokens, lengths in ((texts(), LENGTHS), (texts()[1:2, :5], LENGTHS[1:2])):
        (said,) = session.run(None, {"tokens": tokens.numpy(), "lengths": lengths.numpy()})
        with torch.no_grad():
            np.testing.assert_allclose(said, model(tokens, lengths).numpy(), atol=1e-5)


def written(folder, texts_of_each=400):
    """Sentences whose last word answers their first, with words between that say nothing of either."""
    generator = np.random.default_rng(3)
    animals = {"the dog": "barks", "the cat": "purrs", "the cow": "moos", "the bee": "hums"}
    between = ["in the garden", "on a hill", "at night", "every day", "near the old mill", "without end"]
    lines = []
    for _ in range(texts_of_each):
        animal = generator.choice(list(animals))
        lines.append(f"{animal} {' '.join(generator.choice(between, 2))} {animals[animal]}")
    path = folder / "texts.jsonl"
    path.write_text("".join(f'{{"text": "{line}"}}\n' for line in lines), encoding="utf-8")
    return str(path)


def test_learns_to_guess_hidden_words(tmp_path):
    """What no neighbour tells, the model finds at the other end: better than both counts."""
    run = train_request(
        TrainRequest(
            system="bert", data=written(tmp_path), size="tiny", labels="none", out=str(tmp_path / "run"),
            epochs=30, threads=1, quiet=True, set=("input.tokens=word",),
        )
    )  # fmt: skip
    best = min(row["masked_loss"]["low"] for row in run.card["baselines"].values())
    assert run.card["kind"] == "none" and len(run.card["baselines"]) == 2
    assert run.card["metrics"]["masked_loss"]["high"] < best


def test_recipes_fit_the_data():
    from glassworks.recipes.base import TextFacts

    for size in ("tiny", "small", "paper"):
        labelled = default_recipe("bert", size, None, TextFacts("label", 3, 1000, 20, 50, 100_000))
        alone = default_recipe("bert", size, None, TextFacts("none", 0, 1000, 20, 50, 100_000))
        assert (labelled.model["head"], labelled.model["classes"]) == ("classes", 3)
        assert alone.model["head"] == "words" and alone.model["context"] == alone.input.context


if __name__ == "__main__":
    print("FIRST_LOSSES = [" + ", ".join(f"{loss:.6f}" for loss in first_losses()) + "]")
