"""The tape agrees with torch, with finite differences and with pencil and paper."""

import numpy as np
import pytest
import torch

from glassworks.foundations.by_hand import standardise
from glassworks.foundations.tape import Value, cross_entropy


def close(ours, theirs, tolerance=1e-10):
    theirs = theirs.detach().numpy() if isinstance(theirs, torch.Tensor) else np.asarray(theirs)
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance * max(1.0, np.abs(theirs).max()))


def test_one_weight_has_the_gradient_of_the_worked_example():
    """Prediction 2, loss 64, gradient -32: the same here, and in torch's float32 within rounding."""
    weight = Value(1.0)
    loss = (weight * 2.0 - 10.0) ** 2
    loss.backward()
    assert loss.data == 64.0 and weight.grad == -32.0
    theirs = torch.tensor(1.0, requires_grad=True)
    ((theirs * 2.0 - 10.0) ** 2).backward()
    stepped = theirs.item() - 0.01 * theirs.grad.item()
    assert stepped == pytest.approx(1.32) and float(weight.data - 0.01 * weight.grad) == 1.32
    assert np.float32(1.0) - np.float32(0.01) * np.float32(-32.0) == np.float32(1.31999993)


def test_three_steps_of_one_weight():
    weight, losses, weights = Value(1.0), [], []
    for _ in range(4):
        weight.grad = None
        loss = (weight * 2.0 - 10.0) ** 2
        loss.backward()
        losses.append(loss.data.item())
        weight.data = weight.data - 0.01 * weight.grad
        weights.append(weight.data.item())
    assert losses == pytest.approx([64, 54.1696, 45.84914944, 38.80672008], rel=1e-9)
    assert weights[:3] == pytest.approx([1.32, 1.6144, 1.885248], rel=1e-12)


@pytest.mark.parametrize("numbers", [[2.0, 3.0], [2.0, 3.0, 4.0]])
def test_gradient_of_a_mean_of_squares_is_two_x_over_n(numbers):
    x = Value(numbers)
    y = x**2 + 5
    out = y.mean()
    out.backward()
    close(x.grad, 2 * np.array(numbers) / len(numbers))
    if len(numbers) == 2:  # the gradient equals the input only because there are two of them
        assert y.data.tolist() == [9, 14] and out.data == 11.5 and x.grad.tolist() == [2, 3]


def test_gradient_of_a_moved_tensor_is_on_the_leaf_alone():
    """In torch a moved copy is no leaf; on the tape the leaf keeps the gradient too."""
    leaf = torch.tensor([2.0, 3.0], requires_grad=True)
    moved = leaf.to(torch.float64)
    (moved**2).mean().backward()
    with pytest.warns(UserWarning, match="not a leaf"):
        assert moved.grad is None
    x = Value([2.0, 3.0])
    ((x + 0.0) ** 2).mean().backward()
    close(x.grad, leaf.grad.double())


@pytest.mark.parametrize("classes", [10, 1000])
def test_cross_entropy_of_uniform_scores_is_the_logarithm_of_the_classes(classes):
    loss = cross_entropy(Value(np.zeros((4, classes))), np.arange(4))
    assert loss.data == pytest.approx(np.log(classes), rel=1e-12)
    assert loss.data == pytest.approx({10: 2.302585, 1000: 6.907755}[classes], rel=1e-6)


def test_scaling_of_pictures_with_published_figures():
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    close(standardise(np.zeros(3), mean, std), [-2.117904, -2.035714, -1.804444], 1e-6)
    close(standardise(np.ones(3), mean, std), [2.248908, 2.428571, 2.640000], 1e-6)
    assert standardise(np.array([0.0, 0.5, 1.0]), 0.5, 0.5).tolist() == [-1.0, 0.0, 1.0]


def test_cross_entropy_equals_torch_also_for_scores_that_would_overflow():
    generator = np.random.default_rng(0)
    for scale in (1.0, 50.0, 1e4):
        scores, targets = generator.normal(size=(6, 5)) * scale, generator.integers(0, 5, 6)
        ours, theirs = Value(scores), torch.tensor(scores, requires_grad=True)
        loss, reference = (
            cross_entropy(ours, targets),
            torch.nn.functional.cross_entropy(theirs, torch.tensor(targets)),
        )
        loss.backward()
        reference.backward()
        assert np.isfinite(loss.data)
        close(loss.data, reference)
        close(ours.grad, theirs.grad)


def grow(generator, depth):
    """A random program; run with Values or with tensors, it does the same operations."""
    program = []
    for _ in range(depth):
        kind = generator.integers(0, 14)
        program.append((int(kind), *(int(n) for n in generator.integers(0, 1_000_000, 3))))

    def run(values, ours):
        pool = list(values)
        for kind, first, second, third in program:
            a, b = pool[first % len(pool)], pool[second % len(pool)]
            axis = third % 2
            axis_name = {"axis": axis} if ours else {"dim": axis}
            keep = {"keepdims": True} if ours else {"keepdim": True}
            if kind == 0:
                new = a + b
            elif kind == 1:
                new = (a - b) * 0.5
            elif kind == 2:
                new = (a * b).tanh()
            elif kind == 3:
                new = a / (b * b + 1.0)
            elif kind == 4:
                new = (a.tanh() @ b.transpose(*((1, 0) if ours else (0, 1)))).tanh() @ b * 0.3
            elif kind == 5:
                new = (a.tanh() * 0.5).exp()
            elif kind == 6:
                new = (a * a + 0.5).log()
            elif kind == 7:
                new = a.relu() - 0.1 * b
            elif kind == 8:
                new = a - a.mean(**axis_name, **keep)
            elif kind == 9:
                new = b + (a.max(**axis_name, **keep) if ours else a.amax(**axis_name, **keep))
            elif kind == 10:
                new = a.reshape(4, 3).transpose(*((1, 0) if ours else (0, 1))) * 0.7 + a
            elif kind == 11:
                new = a[[0, 2, 2]] - b[1]
            elif kind == 12:
                new = (a * a + 1.0) ** (b.tanh() * 0.5)
            else:
                new = 2.0 - a.sum(**axis_name, **keep) / 3.0 * b
            if new.data.max() > 50:  # ordinary branching on what was computed: the graph is dynamic
                new = new.tanh()
            pool.append(new)
        return (pool[-1] * pool[-2]).sum() + pool[-3].mean()

    return run


@pytest.mark.parametrize("seed", range(120))
def test_random_programs_agree_with_torch(seed):
    """120 programs of 4 to 24 random operations: value and every gradient within 1e-10 of torch's float64."""
    generator = np.random.default_rng(seed)
    leaves = [generator.normal(size=shape) for shape in ((3, 4), (3, 4), (1, 4), (3, 1))]
    run = grow(generator, int(generator.integers(4, 25)))
    ours = [Value(leaf) for leaf in leaves]
    theirs = [torch.tensor(leaf, requires_grad=True) for leaf in leaves]
    full = np.zeros((3, 4))  # so that every program has 3 × 4 values to reshape; rows broadcast against it
    left = run([value + full for value in ours], True)
    right = run([value + torch.tensor(full) for value in theirs], False)
    close(left.data, right)
    left.backward()
    right.backward()
    for value, tensor in zip(ours, theirs):
        if tensor.grad is None:
            assert value.grad is None
        else:
            close(value.grad, tensor.grad)


@pytest.mark.parametrize("seed", range(20))
def test_gradients_equal_finite_differences(seed):
    generator = np.random.default_rng(1000 + seed)
    leaves = [generator.normal(size=(3, 4)) for _ in range(2)]
    run = grow(generator, 6)
    values = [Value(leaf) for leaf in leaves]
    run([value + 0.0 for value in values], True).backward()
    step = 1e-6
    for place, value in enumerate(values):
        if value.grad is None:
            continue
        for index in ((0, 0), (1, 2), (2, 3)):
            moved = []
            for sign in (step, -step):
                shifted = [leaf.copy() for leaf in leaves]
                shifted[place][index] += sign
                moved.append(run([Value(leaf) + 0.0 for leaf in shifted], True).data.item())
            assert value.grad[index] == pytest.approx((moved[0] - moved[1]) / (2 * step), rel=1e-4, abs=1e-6)


@pytest.mark.parametrize(
    "left, right",
    [((4,), (4,)), ((4,), (4, 2)), ((3, 4), (4,)), ((2, 3, 4), (4, 5)), ((2, 1, 3, 4), (5, 4, 2))],
)
def test_matrix_products_of_every_rank_agree_with_torch(left, right):
    generator = np.random.default_rng(0)
    a, b = generator.normal(size=left), generator.normal(size=right)
    ours, theirs = (
        (Value(a), Value(b)),
        (torch.tensor(a, requires_grad=True), torch.tensor(b, requires_grad=True)),
    )
    product, reference = ours[0] @ ours[1], theirs[0] @ theirs[1]
    close(product.data, reference)
    (product**2).sum().backward()
    (reference**2).sum().backward()
    for value, tensor in zip(ours, theirs):
        close(value.grad, tensor.grad)


def test_branches_and_loops_are_recorded_as_they_run():
    def model(x):
        while abs(x.data) < 10:
            x = x * 3.0 if x.data > 0 else x * -2.0
        return x

    for start, slope in ((1.0, 27.0), (-1.0, -18.0), (20.0, 1.0)):
        x = Value(start)
        (model(x) * 1.0).backward()
        assert x.grad == slope


def test_a_chain_of_ten_thousand_operations_needs_no_recursion():
    x = Value(1.0)
    y = x
    for _ in range(10_000):
        y = y + 1e-4
    y.backward()
    assert x.grad == 1.0


def test_gradients_add_up_over_passes_and_over_uses():
    x = Value([1.0, 2.0])
    (x * x + x).sum().backward()
    assert x.grad.tolist() == [3.0, 5.0]
    (x * 2.0).sum().backward()
    assert x.grad.tolist() == [5.0, 7.0]


def test_a_kept_tape_can_be_walked_twice_and_a_released_one_says_so():
    x = Value(3.0, name="x")
    y = x * x
    loss = y + 1.0
    loss.backward(keep_graph=True)
    loss.backward(keep_graph=True)
    assert x.grad == 12.0 and y.grad == 1.0
    loss.backward()
    assert x.grad == 18.0
    with pytest.raises(RuntimeError, match="keep_graph=True"):
        loss.backward()
    with pytest.raises(RuntimeError, match="released"):
        (y * 2.0).backward()
    assert x.grad == 18.0


def test_mistakes_say_what_was_expected():
    x = Value(np.ones((2, 3)))
    for action, words in (
        (lambda: (x * 2.0).backward(), r"single number.*\(2, 3\).*\.sum\(\)"),
        (lambda: Value(1.0, constant=True).backward(), "at least one leaf"),
        (lambda: x + np.ones((2, 4)), r"equal or 1; got \(2, 3\) and \(2, 4\)"),
        (lambda: x @ np.ones((2, 4)), r"columns on the left.*3, 2 in"),
        (lambda: x @ 2.0, "single numbers with"),
        (lambda: x.reshape(4, 2), r"6 numbers.*\(4, 2\)"),
        (lambda: (x - 1.0).log(), "positive numbers; got 0"),
        (lambda: cross_entropy(x, np.array([0.0, 1.0])), "whole-number targets"),
        (lambda: cross_entropy(x, np.array([0, 3])), "from 0 to 2; got 0 to 3"),
        (lambda: cross_entropy(x, np.array([0, 1, 1])), "targets"),
    ):
        with pytest.raises(ValueError, match=words):
            action()
    with pytest.raises(TypeError, match="use it as it is"):
        Value(x)


def test_constants_receive_no_gradient():
    x, c = Value(2.0), Value(3.0, constant=True)
    (x**c).backward()
    assert x.grad == 12.0 and c.grad is None
    assert (Value(0.0) ** 2).data == 0.0
