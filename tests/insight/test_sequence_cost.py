"""Costs of networks for sequences: products counted step by step, and one page for each system."""

import dataclasses

import pytest
import torch

import glassworks as gw
from glassworks.api.describe_sequences import KINDS
from glassworks.catalogue import CATALOGUE
from glassworks.core.errors import PersonError
from glassworks.insight.sequence_cost import sequence_costs
from glassworks.models.sequence.lstm import LSTMConfig, build

SYSTEMS = [entry.name for entry in CATALOGUE if entry.task in KINDS]


def test_products_of_an_lstm_are_counted_at_every_step():
    """1 number to 64, two layers, 7 steps: 4 x 64 x (1 + 64) + 4 x 64 x (64 + 64) a step, and the head."""
    config = LSTMConfig(channels=1, classes=1, width=64, layers=2, bidirectional=False)
    with torch.device("meta"):
        model = build(config)
        layer, head = sequence_costs(model, torch.zeros(1, 7, 1))
    assert (layer.name, head.name) == ("layer", "head")
    assert (layer.parameters, head.parameters) == (50_432, 65)
    assert layer.multiply_adds == 7 * (4 * 64 * (1 + 64) + 4 * 64 * (64 + 64)) and head.multiply_adds == 64
    assert layer.shape == (7, 64) and head.shape == (1,)
    assert model.layer.fused  # as it was


@pytest.mark.parametrize("system", SYSTEMS)
def test_info_tells_the_cost_of_every_system_that_reads_sequences(system):
    facts = gw.info(system)
    for variant in facts["variants"]:
        assert variant["parameters"] > 0 and variant["of"].startswith(("a text", "a series"))
        assert variant["multiply_adds"] == sum(stage["multiply_adds"] for stage in variant["stages"]) > 0
    assert all(row["meaning"] for row in facts["settings"])


def test_what_pictures_have_is_refused():
    with pytest.raises(PersonError) as error:
        gw.info("lstm", side=32)
    assert error.value.code == "contradiction"


def test_meanings_of_shared_settings_are_found():
    """A config that is made of another tells the other's fields too."""
    named = {row["name"]: row for row in gw.info("rnn")["settings"]}
    assert "orthogonal" in named["start"]["meaning"] and "recurrent layers" in named["layers"]["meaning"]
    assert set(named) == {field.name for field in dataclasses.fields(LSTMConfig)} | {"start"}
