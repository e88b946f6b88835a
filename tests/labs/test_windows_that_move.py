"""Windows that move: variants that differ in their windows alone, and a rule that has three answers."""

import pytest
import torch

from glassworks.labs import windows_that_move as lab


def test_variants_start_from_the_same_numbers_and_differ_in_their_windows():
    for shape in lab.SHAPES:
        models = {variant: lab.model_of(shape, variant, 3) for variant in lab.VARIANTS}
        states = {variant: model.state_dict() for variant, model in models.items()}
        for name, value in states[lab.MOVED].items():
            assert all(torch.equal(value, state[name]) for state in states.values())
        moving = {
            variant: [sum(block.attention.windows.shift) > 0 for block in model.stages[0].blocks]
            for variant, model in models.items()
        }
        assert moving == {lab.MOVED: [False, True], lab.STILL: [False, False], lab.UNMASKED: [False, True]}
        assert [models[variant].stages[0].mask is None for variant in lab.VARIANTS] == [False, True, True]
        assert models[lab.MOVED].stages[0].blocks[0].attention.windows.count == 16


def test_windows_that_never_move_leave_pieces_that_know_nothing_of_each_other():
    pictures = torch.zeros(1, 1, 32, 32, requires_grad=True)
    for variant, others in ((lab.STILL, 0.0), (lab.MOVED, 1e-9)):
        torch.manual_seed(0)
        model = lab.model_of("two stages", variant, 0).double().eval()
        rows = (pictures.double() + torch.rand(1, 1, 32, 32, dtype=torch.float64)).detach().requires_grad_()
        maps = model.patch_norm(model.patches(rows)).unflatten(1, model.config.grids[0])
        model.stages[0](maps)[0, 1, 1].pow(2).sum().backward()  # a token inside the first window of 2 x 2
        beyond = rows.grad[0, 0, 8:, 8:].abs().max().item()
        assert beyond <= others if variant == lab.STILL else beyond > others


def test_the_same_seed_gives_the_same_run_and_leaves_the_shared_dice_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first = lab.train_with("two stages", lab.MOVED, 1, steps=3)
    assert torch.equal(torch.rand(3), expected)
    again = lab.train_with("two stages", lab.MOVED, 1, steps=3)
    assert (first.accuracy, first.learned) == (again.accuracy, again.learned)


def numbers_of(*gains):
    found = {}
    for shape, gain in zip(lab.SHAPES, gains):
        found[f"{shape}: {lab.STILL}"] = [80.0, 81.0, 82.0]
        found[f"{shape}: {lab.MOVED}"] = [80.0 + gain, 81.1 + gain, 81.9 + gain]
        found[f"{shape}: {lab.UNMASKED}"] = [79.0, 80.0, 81.0]
    return found


@pytest.mark.parametrize(
    ("gains", "outcome"),
    [((5.0, 2.0), "holds"), ((5.0, 0.0), "not shown"), ((5.0, -2.0), "does not hold")],
)
def test_the_rule_can_say_each_of_the_three(gains, outcome):
    verdict = lab.judge(numbers_of(*gains))
    assert verdict.outcome == outcome
    assert (
        "from 81.0 to 86.0 % with two stages" in verdict.sentence and "80.0 % and 80.0 %" in verdict.sentence
    )
