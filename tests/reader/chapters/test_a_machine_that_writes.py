"""The chapter "A machine that writes": its numbers are true, and its figures show what they say."""

import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from glassworks.api.requests import EvaluateRequest, ExplainRequest, GenerateRequest, TrainRequest
from glassworks.blocks.sampling import Sampling, chances
from glassworks.models.sequence.text_lstm import TextLSTM, TextLSTMConfig
from glassworks.reader import exercises
from glassworks.reader.exercises.kinds import CodeExercise, NumberExercise
from glassworks.reader.figures import counted_book, guess_the_next, how_bold, memory_handed_on, three_units
from glassworks.reader.figures.copied_or_new import LEAST, CopiedOrNew, copied, usual, wrote
from glassworks.reader.figures.guess_the_next import GuessTheNext, passage
from glassworks.reader.figures.how_bold import HowBold
from glassworks.reader.figures.longer_runs import LongerRuns, by_length
from glassworks.reader.figures.memory_handed_on import MemoryHandedOn, differences
from glassworks.reader.figures.one_character_ahead import OneCharacterAhead, bits, writes
from glassworks.reader.figures.three_units import UNITS, ThreeUnits, guessed
from glassworks.tasks.text_generation import IGNORED, Windows
from tests.reader.chapters.ladder import prose, words

SLUG = "sequence/a_machine_that_writes"
ROOT = Path(__file__).parents[3]


def solution(word: str) -> dict:
    """The names that an exercise's reference answer defines."""
    found, names = exercises.find(f"a_machine_that_writes.{word}"), {}
    assert isinstance(found, CodeExercise)
    exec(found.solution, names)  # noqa: S102
    return names


def number(word: str) -> NumberExercise:
    found = exercises.find(f"a_machine_that_writes.{word}")
    assert isinstance(found, NumberExercise)
    return found


def known(figure, **values) -> str:
    """What a measured figure draws when all that it needs is there."""
    arguments = figure.arguments({**figure.values, **values})
    return words(figure.show({run: figure.measure(run) for run in figure.runs(**arguments)}, **arguments))


def test_the_commands_of_the_text_are_commands():
    text = prose(SLUG)
    options = {"--data": TrainRequest, "--out": TrainRequest, "--temperature": GenerateRequest,
               "--top-p": GenerateRequest, "--stop": GenerateRequest}  # fmt: skip
    for option, request in options.items():
        assert option in text and option[2:].replace("-", "_") in request.__dataclass_fields__
    for verb, request in (("evaluate", EvaluateRequest), ("explain", ExplainRequest)):
        assert f"glassworks {verb} runs/mine" in text and "run" in request.__dataclass_fields__


# ---- lessons and the shift


def test_the_windows_of_the_exercise_are_the_librarys():
    """The shift by one, on the stream: the library's windows from its first token."""
    for tokens, context in ((6401, 64), (21, 5), (30, 7)):
        stream = np.arange(100, 100 + tokens)
        inputs, targets = solution("windows")["windows"](torch.from_numpy(stream), context)
        ours = Windows(stream, context).load(np.arange((tokens - 1) // context))
        assert torch.equal(ours.inputs, inputs) and torch.equal(ours.targets, targets)
        assert torch.equal(targets, inputs + 1)
        if tokens == 6401:
            assert targets.numel() == number("lessons").target == 6400 and len(inputs) == 100


def test_a_model_without_the_shift_is_perfect_and_writes_one_letter():
    assert bits(0) == 0 and set(writes(0)) == {"t"}
    assert 3.2 < bits(1) < 3.7 < bits(2) < 4.2
    assert len(set(writes(1))) > 10
    assert "0.00 bits" in known(OneCharacterAhead(), shift="0, forgotten")
    # Shifted the wrong way round, a memory of one token is enough to be perfect as well.
    tokens = torch.arange(5).repeat(3)
    assert torch.equal(tokens[1:].roll(1)[1:], tokens[1:-1])


# ---- nats, bits, perplexity


def test_nats_bits_and_perplexity_turn_into_each_other():
    one = number("convert")
    assert one.target == math.log2(128) / 5.6 == 1.25
    slips = (7, math.log(128) / 5.6, math.log(128), 128 / 5.6, 7 * 5.6, math.log2(128 / 5.6))
    assert sorted(m.value for m in one.mistakes) == pytest.approx(sorted(slips), abs=1e-3)
    assert round(2**1.25, 2) == 2.38 and f"{math.log(2):.4f}" == "0.6931"
    assert -math.log2(1 / 1024) == 10


def test_the_bits_of_the_exercise_are_those_of_the_report():
    """The same formula as `api.language_judge.quick_figures`: sum of nats, over ln 2, over letters."""
    dice = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 9, 7, generator=dice)
    targets = torch.randint(0, 7, (2, 9), generator=dice)
    targets[1, 5:] = IGNORED
    mean = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED)
    wanted = float(mean) * int((targets != IGNORED).sum()) / 40 / math.log(2)
    assert solution("bits")["bits_per_character"](logits, targets, 40) == pytest.approx(wanted, rel=1e-6)


def test_perplexities_differ_by_the_token_and_bits_per_character_do_not():
    found = {unit: guessed(unit) for unit in UNITS}
    perplexity = {unit: math.exp(one.loss) for unit, one in found.items()}
    assert 4 < perplexity["characters"] < 5 and 60 < perplexity["1,000 pieces"] < 75
    assert 130 < perplexity["2,000 pieces"] < 165
    level = [found[unit].bits() for unit in ("characters", "1,000 pieces", "2,000 pieces")]
    assert max(level) - min(level) < 0.05
    assert 2.7 < found["1,000 pieces"].characters / found["1,000 pieces"].tokens < 3.1
    text = found["words"]
    assert text.bits(spelling=False) < min(level) - 0.4 and text.bits() > max(level) + 0.1
    assert 1 / 10 < text.unknown < 1 / 8  # "every ninth token"
    assert "together" in known(ThreeUnits(), unit="words", spelling=True)
    assert "together" not in known(ThreeUnits(), unit="words", spelling=False)
    assert len(counted_book.prose(counted_book.HELD[1])) == text.characters


# ---- counting


def test_longer_runs_know_what_they_read_and_not_more_of_the_unread():
    seen, new, strange = by_length(1.0)
    assert seen == sorted(seen, reverse=True) and seen[-1] < 0.8
    best = int(np.argmin(new)) + 1
    assert 6 <= best <= 8 and max(new[5:]) - min(new) < 0.02
    assert strange[best - 1] < 0.6 < 0.8 < strange[-1]
    assert by_length(0.25)[1][best - 1] > new[best - 1] + 0.1
    assert f"best: {best}" in known(LongerRuns())
    assert 130_000 < len(counted_book.read()) < 400_000


def test_surprise_falls_with_the_memory_and_shuffling_takes_that_away():
    mean = {(which, back): float(guess_the_next.surprise(which, back).mean() / math.log(2))
            for which in ("unread", "read", "shuffled", "french") for back in (0, 5)}  # fmt: skip
    assert mean["unread", 5] < mean["unread", 0] - 1 and mean["read", 5] < mean["unread", 5]
    assert mean["shuffled", 5] > mean["shuffled", 0] and mean["french", 5] > mean["unread", 5] + 1
    said = passage("unread")
    assert sorted(said) == sorted(passage("shuffled")) and said in counted_book.unread()
    assert said not in counted_book.read() and passage("read") in counted_book.read()
    # "After netwo you are sure": r
    share = counted_book.chances("A recurrent netwo", 6)
    assert counted_book.tokenizer().decode([int(share.argmax())]) == "r" and float(share.max()) > 0.9
    nats = guess_the_next.surprise("unread", 5)[16]
    at = counted_book.chances(said[:16], 6)[counted_book.tokenizer().encode(said)[16]]
    assert float(-at.log()) == pytest.approx(nats, abs=0.01)
    assert "bits a character" in known(GuessTheNext())


def test_the_figures_on_austen_are_those_of_the_log():
    log, text = (ROOT / "docs" / "log.md").read_text(encoding="utf-8"), prose(SLUG)
    assert "1.639 bits a character (1.630 to 1.649) against 1.695 of Kneser-Ney" in log
    assert "1.639 bits a character on the held-out part (1.630 to 1.649)" in text
    assert "1.695: 3 % less" in text
    assert round(100 * (1 - 1.639 / 1.695)) == 3


# ---- the network


def test_the_network_of_the_text_has_the_parameters_that_it_says():
    """T50: (1, 3) to (1, 5000), memory (1, 1, 256) twice, 2,320,264 parameters; step by step as at once."""
    model = TextLSTM(TextLSTMConfig()).eval()
    sizes = {name: sum(one.numel() for one in part.parameters()) for name, part in model.named_children()}
    assert (sizes["token_embedding"], sizes["lstm"], sizes["head"]) == (640_000, 395_264, 1_285_000)
    total = sum(sizes.values())
    assert total == 2_320_264 and round(6 * sizes["lstm"] / total) == 1
    assert all(f"{count:,}" in prose(SLUG) for count in (640_000, 395_264, 1_285_000, 2_320_264))
    tokens = torch.tensor([[7, 77, 777]])
    with torch.no_grad():
        last, memory = model.next(tokens)
        every, _ = model(tokens)
        state, steps = None, []
        for at in range(3):
            step, state = model.next(tokens[:, at : at + 1], state)
            steps.append(step)
    assert last.shape == (1, 5000) and [tuple(one.shape) for one in memory] == [(1, 1, 256)] * 2
    assert torch.allclose(torch.stack(steps, 1), every, atol=1e-6)


def test_reading_in_pieces_is_reading_at_once_when_the_memory_is_handed_on():
    for piece in (1, 8, 16):
        assert max(differences(piece, True)) < 1e-5
        cut = differences(piece, False)
        assert max(cut[:piece]) < 1e-5 and max(cut[piece:]) > 0.3
    assert "500,500" in words(MemoryHandedOn().drawn)
    assert sum(range(1, memory_handed_on.WRITTEN + 1)) == 500_500


# ---- writing


def test_top_p_of_the_exercise_equals_the_library_on_many_rows():
    dice = torch.Generator().manual_seed(1)
    for p in (0.1, 0.5, 0.9, 1.0):
        shares = torch.randn(50, generator=dice, dtype=torch.float64).mul(2).softmax(-1)
        wanted = chances(shares.log()[None], Sampling(top_p=p))[0]
        assert torch.allclose(solution("top_p")["top_p"](shares, p), wanted, atol=1e-12)


def test_greedy_goes_in_circles_and_a_cut_keeps_fewer_characters():
    figure = HowBold()
    greedy, whole, cut = (known(figure, temperature=t, top_p=p) for t, p in ((0, 1.0), (1, 1.0), (1, 0.9)))
    assert "1 characters may be drawn" in greedy
    circles = [int(re.search(r"(\d+)% of the runs", one)[1]) for one in (greedy, whole)]  # type: ignore[index]
    assert circles[0] > 50 > 10 > circles[1]
    counts = [int(re.search(r"(\d+) characters may", one)[1]) for one in (whole, cut)]  # type: ignore[index]
    assert counts[0] > 2 * counts[1]
    again = counted_book.written(how_bold.RUN, Sampling(), 0, 40)
    assert again == counted_book.written(how_bold.RUN, Sampling(), 0, 40)


def test_long_runs_copy_and_short_ones_do_not():
    def share(run: int, temperature: float) -> list[float]:
        return [sum(marks) / len(marks) for _, marks in (wrote(run, temperature, seed) for seed in range(5))]

    long = share(12, 0.5)
    assert 0.55 < np.mean(long) < 0.8 and min(long) > 0.25 and max(long) < 1
    assert max(share(3, 0.5)) < 0.1
    assert max(share(12, 1.0)) < 0.4
    assert 0.02 < usual() < 0.06
    assert not any(copied(counted_book.read()[: LEAST - 1])) and all(copied(counted_book.read()[:30]))
    assert "of it stands in stretches" in known(CopiedOrNew())
    assert "of it stands in stretches" in words(exercises.find("a_machine_that_writes.copied").reveal())  # type: ignore[union-attr]


def test_every_shown_unit_is_one_that_the_recipe_has():
    from glassworks.models.sequence.text_lstm import VARIANTS

    assert {kind for kind, _ in three_units.UNITS.values()} == set(VARIANTS)
