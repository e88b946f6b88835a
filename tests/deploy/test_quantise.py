"""Eight bits: smaller, nearly the same answers, with pixels and probabilities left in float."""

import json

import numpy as np
import onnx
import pytest
import torch

from glassworks.core.rows import PictureInput
from glassworks.deploy import bundle, formats, quantise
from glassworks.deploy.quantise import Way
from glassworks.deploy.subject import Subject, eager, in_batches
from glassworks.deploy.verify import how_far


@pytest.fixture(scope="module")
def network(digits, tmp_path_factory):
    return formats.to_onnx(digits.subject, tmp_path_factory.mktemp("float") / "model.onnx")


@pytest.mark.parametrize(
    "way", [Way("minmax"), Way("percentile"), Way("percentile", "both"), quantise.DYNAMIC], ids=str
)
def test_every_way_answers_nearly_the_same(digits, network, tmp_path, way):
    path = quantise.quantise(network, tmp_path / "int8.onnx", way, digits.training[:64])
    pixels = digits.held.pixels
    told = in_batches(formats.onnx_predictor(path), pixels)
    apart = how_far(digits.subject, in_batches(eager(digits.subject), pixels), told)
    assert apart.agrees >= 0.98
    assert 0 < apart.answers < 0.5  # it is another file, and not a copy in float
    assert path.stat().st_size < network.stat().st_size


def test_scaling_and_probabilities_stay_in_float(digits, network, tmp_path):
    path = quantise.quantise(network, tmp_path / "int8.onnx", Way("minmax"), digits.training[:32])
    nodes = list(onnx.load(path).graph.node)
    made_by = {output: node for node in nodes for output in node.output}
    first = next(node for node in nodes if node.op_type == "Conv")
    before = made_by[made_by[first.input[0]].input[0]]  # what is made whole for the first layer
    assert before.op_type == "QuantizeLinear" and made_by[before.input[0]].op_type == "Add"
    answers = made_by["answers"]
    assert answers.op_type == "Softmax"


def test_whole_numbers_are_used_for_every_layer_but_the_named_ends(digits, network, tmp_path):
    counts = {}
    for ends in quantise.ENDS:
        path = quantise.quantise(
            network, tmp_path / f"{ends}.onnx", Way("minmax", ends), digits.training[:32]
        )
        nodes = list(onnx.load(path).graph.node)
        weights = {
            t.name
            for t in onnx.load(path).graph.initializer
            if t.data_type == onnx.TensorProto.FLOAT and len(t.dims) > 1
        }
        counts[ends] = sum(node.op_type in ("Conv", "Gemm") and node.input[1] in weights for node in nodes)
    assert counts == {"none": 0, "first": 1, "both": 2}


def test_candidates_come_fastest_first_and_look_at_calibration_pictures_only(digits, network, tmp_path):
    found = quantise.candidates(digits.subject, network, tmp_path, digits.training[:64])
    assert [c.latency for c in found] == sorted(c.latency for c in found)
    assert {c.way.ends for c in found} == {"none", "first", "both"}
    assert len({c.way.scales for c in found}) == 1  # the better of two, chosen once
    assert all(c.path.is_file() for c in found)


class Dense(torch.nn.Module):
    """A network without filters: pixels in a row, two dense layers."""

    def __init__(self):
        super().__init__()
        self.dense, self.head = torch.nn.Linear(64, 32), torch.nn.Linear(32, 3)

    def features(self, pictures):
        return self.dense(pictures.flatten(1)).relu()

    def forward(self, pictures):
        return self.head(self.features(pictures))


def test_scales_as_it_goes_are_tried_for_a_dense_network_alone(digits, network, tmp_path):
    torch.manual_seed(0)
    subject = Subject(Dense().eval(), PictureInput(8, 8, 1, (0.5,), (0.3,)), "label", ("a", "b", "c"))
    dense = formats.to_onnx(subject, tmp_path / "dense.onnx")
    pixels = np.random.default_rng(0).integers(0, 256, (32, 8, 8, 1)).astype(np.uint8)
    found = quantise.candidates(subject, dense, tmp_path, pixels)
    assert quantise.DYNAMIC in [candidate.way for candidate in found]
    assert max(candidate.apart.answers for candidate in found) < 0.1
    assert quantise.has_convolutions(network) and not quantise.has_convolutions(dense)


@pytest.mark.parametrize(("side", "used"), [(8, 200), (126, 200), (224, 63), (1024, 32)])
def test_fewer_pictures_are_looked_at_where_they_are_large(side, used):
    assert quantise.pictures_used(np.empty((500, side, side, 3), np.uint8)) == used


def test_an_int8_bundle_is_smaller_and_says_how_it_was_made(digits, tmp_path):
    verified = bundle.export(digits.subject, "int8", tmp_path / "int8", digits.held, digits.training)
    facts = json.loads((tmp_path / "int8" / "model.json").read_text(encoding="utf-8"))
    assert facts["format"] == "int8" and facts["quantised"].startswith(("static", "dynamic"))
    assert verified.passed and verified.apart.agrees >= 0.98
    assert verified.size_bytes == (tmp_path / "int8" / "model.onnx").stat().st_size
    assert facts["verified"]["drop"]["value"] <= 0.01
    assert (tmp_path / "int8" / "predict.py").is_file()
