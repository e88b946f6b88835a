"""The drawing of the tape shows every value, and the step list is the backward pass that really ran."""

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from glassworks.foundations.graph import columns, steps, svg, text
from glassworks.foundations.tape import Value, cross_entropy, ordered

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def loss():
    generator = np.random.default_rng(0)
    weight, bias = (
        Value(generator.normal(size=(3, 2)), name="weight <w>"),
        Value(np.zeros(2), name="bias & co"),
    )
    return cross_entropy((np.ones((4, 3)) @ weight + bias).relu(), np.array([0, 1, 1, 0]))


def test_the_drawing_is_xml_with_every_value_once(loss):
    loss.backward(keep_graph=True)
    root = ElementTree.fromstring(svg(loss))
    boxes = [group.get("data-value") for group in root.iter(f"{SVG}g")]
    assert len(boxes) == len(set(boxes)) == len(ordered(loss))
    assert {"weight <w>", "bias & co"} <= set(boxes)
    written = "".join(root.itertext())
    for word in ("relu", "exp", "log", "@", f"value {loss.data.item():.6g}", "grad 1"):
        assert word in written
    assert "prefers-color-scheme: dark" in written and "currentColor" in written


def test_boxes_lie_inside_the_drawing_and_never_on_each_other(loss):
    root = ElementTree.fromstring(svg(loss))
    _, _, width, height = (float(number) for number in root.get("viewBox").split())
    corners = [(float(box.get("x")), float(box.get("y"))) for box in root.iter(f"{SVG}rect")]
    assert len(set(corners)) == len(corners)
    assert all(0 <= x <= width - 150 and 0 <= y <= height - 58 for x, y in corners)


def test_every_result_stands_right_of_its_inputs(loss):
    order = ordered(loss)
    column = columns(order)
    assert all(column[id(parent)] < column[id(node)] for node in order for parent, _ in node.edges)
    assert min(column.values()) == 0


def test_text_for_a_terminal_has_a_line_for_each_value(loss):
    lines = text(loss).splitlines()
    assert len(lines) == 1 + len(ordered(loss))
    assert lines[0].split() == ["value", "operation", "from", "number", "gradient"]
    assert "–" in lines[1]  # no gradient before backward


def test_steps_tell_the_chain_rule_of_the_worked_example():
    x, y, weight = (
        Value(2.0, name="x", constant=True),
        Value(10.0, name="y", constant=True),
        Value(1.0, name="w"),
    )
    prediction = weight * x
    prediction.name = "prediction"
    error = prediction - y
    loss = error**2
    told = steps(loss)
    assert [step.operation for step in told] == ["**", "-", "*", "leaf"]
    assert dict(told[1].shares)["prediction"] == -16.0 and dict(told[2].shares)["w"] == -32.0
    assert str(told[-1]) == "w (leaf) has gradient -32: done, it is a leaf"
    assert weight.grad is None, "telling the steps does not train"
    loss.backward()
    assert weight.grad == told[-1].gradient


def test_steps_agree_with_backward_on_a_network(loss):
    told = {step.value: step.gradient for step in steps(loss)}
    loss.backward(keep_graph=True)
    leaves = [node for node in ordered(loss) if node.operation == "leaf"]
    assert len(leaves) == 2
    for leaf in leaves:
        np.testing.assert_array_equal(told[leaf.name], leaf.grad)


def test_a_released_tape_cannot_be_drawn_and_says_why(loss):
    loss.backward()
    with pytest.raises(RuntimeError, match="keep_graph=True"):
        svg(loss)


def test_a_single_leaf_and_equal_names_can_be_drawn():
    ElementTree.fromstring(svg(Value(1.0)))
    a, b = Value(1.0, name="a"), Value(2.0, name="a")
    root = ElementTree.fromstring(svg(a + b))
    assert len({group.get("data-value") for group in root.iter(f"{SVG}g")}) == 3


def test_a_pass_that_is_under_way_shows_its_gradients_and_marks_its_place():
    a, b = Value(3.0, name="a"), Value(2.0, name="b")
    product = a * b
    product.name = "product"
    drawn = svg(product + a, gradients={"product": np.array(7.5)}, visiting="product")
    root = ElementTree.fromstring(drawn)
    texts = {group.get("data-value"): "".join(group.itertext()) for group in root.iter(f"{SVG}g")}
    marked = [group.get("data-value") for group in root.iter(f"{SVG}g") if "visiting" in group.get("class")]
    assert marked == ["product"] and "grad 7.5" in texts["product"] and "grad –" in texts["a"]
    assert sum(path.get("class") == "visiting" for path in root.iter(f"{SVG}path")) == 2 * 2  # two inputs
    assert "visiting" not in "".join(path.get("class", "") for path in ElementTree.fromstring(svg(a + b)))


def test_an_arrow_that_passes_a_column_runs_between_the_rows():
    a, b = Value(3.0, name="a"), Value(2.0, name="b")
    root = ElementTree.fromstring(svg(a * b + a))
    lines = [path.get("d") for path in root.iter(f"{SVG}path") if "H" in path.get("d")]
    boxes = [(float(box.get("y")), float(box.get("y")) + 58) for box in root.iter(f"{SVG}rect")]
    level = float(lines[0].partition("H")[0].split()[-1])
    assert len(lines) == 1 and all(not top <= level <= bottom for top, bottom in boxes)
