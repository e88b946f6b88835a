"""Fine-tune MiniLM on 2,000 film reviews: ours, and the Trainer of transformers, step for step.

    python benchmarks/finetune_minilm.py [--quick]

Both start from the same weights, learn all of them on the same sentences for one pass in batches of 32, with
AdamW (fused), a linear schedule, the same rate, decay, clipping and dropout, on one thread. The Trainer pads
each batch to its longest sentence, which is what it does by default; a third side asks it to put sentences of
like length together, as ours does. Attention weights are dropped nowhere. Nothing is judged, saved or written
while the clock runs. Whoever is faster must not be worse: the loss on 500 sentences that nobody learned from
stands beside the times.
"""

import os
import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np

import common

ROWS, HELD, BATCH, RATE, DECAY = 2_000, 500, 32, 1e-4, 0.01
TRAINER = "Trainer of transformers"


def sentences(rows: int) -> tuple[list[str], np.ndarray, Any, str]:
    """Texts, classes, the tokenizer, and the folder of the weights."""
    from glassworks.api.pretrained_texts import folder_of
    from glassworks.core.keyed import permutation
    from glassworks.data.samples import sample_table
    from glassworks.data.vocabulary import read_tokenizer
    from glassworks.weights import published_texts

    (row,) = published_texts.REGISTRY
    folder = folder_of(row)
    table = sample_table("movie-reviews")
    some = permutation(len(table), "benchmark")[: rows + HELD]
    tokenizer = read_tokenizer(published_texts.tokenizer_of(row, folder))
    return (
        [table.texts[i] for i in some],
        table.targets[some],
        tokenizer,
        str((folder / row.weights[0]).parent),
    )


def numbers_of(texts: list[str], tokenizer: Any) -> list[np.ndarray]:
    """What both sides see: start, tokens, end."""
    return [
        np.array([tokenizer.start, *one[:254], tokenizer.end], np.int64)
        for one in tokenizer.encode_many(texts)
    ]


class Ours:
    """The network, batches and step of `glassworks finetune bert`."""

    def __init__(self, numbers: list[np.ndarray], targets: np.ndarray, rows: int):
        from glassworks.data.sequence_batches import SequenceBatches

        self.rows = rows
        self.batches = SequenceBatches(numbers, targets, np.arange(rows), batch=BATCH, seed=1)
        self.held = SequenceBatches(numbers, targets, np.arange(rows, len(numbers)))

    def train(self, precision: str) -> float:
        """Processor seconds of one pass; the model is kept for `loss`."""
        import torch

        from glassworks.api.pretrained import pretrained
        from glassworks.models.sequence.bert import BERTConfig, build
        from glassworks.tasks.image import ImageClassification
        from glassworks.training.loop import next_boundary
        from glassworks.training.optimizer import BETAS
        from glassworks.training.runtime import Runtime
        from glassworks.training.schedule import rate_at
        from glassworks.training.state import TrainingState
        from glassworks.training.step import supervised
        from glassworks.transfer.tuning import Tuning, groups_of, optimizer_groups
        from glassworks.weights.store import load_into

        weights = pretrained("bert", "minilm")
        model = build(BERTConfig(**weights.model | {"head": "classes", "pooling": "class"}))  # type: ignore[operator]
        load_into(model, weights.tensors(model.config), source="minilm", skip=("head.",))
        groups = optimizer_groups(groups_of(model, Tuning("full")), DECAY)
        state = TrainingState(model, torch.optim.AdamW(groups, lr=1.0, betas=BETAS, fused=True))
        step = supervised(
            ImageClassification(2), model, Runtime(torch.device("cpu"), precision, 1), seed=1, clip=1.0,
            average=0.0,
        )  # fmt: skip
        self.model = model

        def work() -> None:
            start = 0
            while start < self.rows:
                stop = next_boundary(start, self.rows, BATCH)
                share = (start + stop) / 2 / self.rows
                for group in state.optimizer.param_groups:
                    group["lr"] = RATE * rate_at(share, warmup=0.1, shape="linear")
                step(state, self.batches.training(0, start, stop), stop - start)
                state.step += 1
                start = stop

        return common.processor_seconds(work)

    def loss(self) -> float:
        import torch

        from glassworks.api.sequence_learner import outputs_of_sequences
        from glassworks.training.runtime import Runtime

        said = outputs_of_sequences(self.model, self.held, Runtime(torch.device("cpu"), "fp32", 1))
        truth = self.held.targets[torch.from_numpy(self.held.rows)]
        return float(torch.nn.functional.cross_entropy(said, truth))


class Theirs:
    """AutoModelForSequenceClassification with Trainer, as its documentation shows them."""

    def __init__(self, numbers: list[np.ndarray], targets: np.ndarray, rows: int, folder: str):
        from transformers import PreTrainedTokenizerFast

        self.folder, self.rows = folder, rows
        self.words = PreTrainedTokenizerFast(tokenizer_file=f"{folder}/tokenizer.json", pad_token="[PAD]")
        self.data = [
            {"input_ids": one.tolist(), "attention_mask": [1] * len(one), "labels": int(target)}
            for one, target in zip(numbers, targets)
        ]

    def train(self, precision: str, order: str) -> float:
        from safetensors.torch import load_file
        from transformers import (
            BertConfig,
            BertForSequenceClassification,
            DataCollatorWithPadding,
            Trainer,
            TrainingArguments,
            set_seed,
        )

        set_seed(1)
        config = BertConfig(
            hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536,
            attention_probs_dropout_prob=0.0, num_labels=2,
        )  # fmt: skip
        model = BertForSequenceClassification(config)
        tensors = load_file(f"{self.folder}/model.safetensors")
        model.bert.load_state_dict({name: one for name, one in tensors.items() if "position_ids" not in name})
        with tempfile.TemporaryDirectory() as place:
            asked = TrainingArguments(
                place, num_train_epochs=1, per_device_train_batch_size=BATCH, learning_rate=RATE,
                weight_decay=DECAY, warmup_steps=round(0.1 * -(-self.rows // BATCH)), max_grad_norm=1.0,
                optim="adamw_torch_fused", bf16=precision == "bf16", use_cpu=True, report_to=[],
                save_strategy="no", logging_strategy="no", disable_tqdm=True, train_sampling_strategy=order,
                dataloader_num_workers=0, seed=1,
            )  # fmt: skip
            trainer = Trainer(
                model, asked, train_dataset=self.data[: self.rows],  # type: ignore[arg-type]
                data_collator=DataCollatorWithPadding(self.words),
            )  # fmt: skip
            self.model = model
            return common.processor_seconds(trainer.train)

    def loss(self) -> float:
        import torch
        from transformers import DataCollatorWithPadding

        collate, losses = DataCollatorWithPadding(self.words), []
        self.model.eval()
        with torch.inference_mode():
            for start in range(self.rows, len(self.data), 100):
                part = self.data[start : start + 100]
                losses.append(float(self.model(**collate(part)).loss) * len(part))
        return sum(losses) / (len(self.data) - self.rows)


def main() -> None:
    """Both precisions, the sides in turn."""
    asked = common.arguments(__doc__ or "")
    os.environ["HF_HUB_OFFLINE"] = "1"
    common.one_thread()
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    rows, rounds = (320, 1) if asked.quick else (ROWS, 2)
    texts, targets, tokenizer, folder = sentences(rows)
    numbers = numbers_of(texts, tokenizer)
    ours, theirs = Ours(numbers, targets, rows), Theirs(numbers, targets, rows, folder)
    table, facts = [], {"rows": rows, "batch": BATCH, "steps": -(-rows // BATCH), "rate": RATE}
    for precision in ("fp32", "bf16"):
        sides: dict[str, Callable[..., float]] = {
            "ours": lambda p=precision: ours.train(p),
            TRAINER: lambda p=precision: theirs.train(p, "random"),
            f"{TRAINER}, by length": lambda p=precision: theirs.train(p, "group_by_length"),
        }
        times = common.in_turn(sides, rounds, warm=False)
        losses = {"ours": ours.loss(), TRAINER: theirs.loss()}  # of the last turn; theirs by length
        facts[precision] = {"seconds": times, "losses": losses}
        for name, seconds in times.items():
            ratio = common.ratios(seconds, times["ours"])
            loss = losses["ours" if name == "ours" else TRAINER] if name != TRAINER else None
            table.append(
                [precision, name, f"{common.Spread.of(seconds)} s", f"{ratio} ×",
                 "–" if loss is None else f"{loss:.3f}"]
            )  # fmt: skip
    common.report(
        "finetune_minilm",
        ["precision", "side", f"processor seconds, {rows:,} sentences", "ours is faster by", "held-out loss"],
        table, facts, quick=asked.quick,
    )  # fmt: skip


if __name__ == "__main__":
    main()
