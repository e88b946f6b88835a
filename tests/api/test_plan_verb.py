"""Planning memory through the verb: for a system, a run, published weights or a number of parameters."""

import json

import pytest

import glassworks as gw
from glassworks.cli import main


def test_a_system_is_counted_at_its_own_size():
    found = gw.plan("resnet", variant="50", side=64)
    assert found.params == gw.info("resnet", variant="50", side=64)["variants"][0]["parameters"]
    assert gw.plan("resnet", variant="18", side=64).params < found.params
    small, large = (gw.plan("cnn", side=side).as_text() for side in (32, 128))
    assert small != large


def test_a_run_is_counted_as_it_is(base):
    found = gw.plan(str(base.path))
    assert found.params == base.card["parameters"]
    assert gw.plan(str(base.path), batch=8).as_text() != found.as_text()


def test_a_number_of_parameters_needs_no_model():
    found = gw.plan(params=7e9, layers=32, width=4096, heads=32, context=4096)
    assert found.params == 7e9 and any("devices" in cell for cell in found.as_text()[0])
    weights = 7e9 * 2 / 1024**3
    (row,) = [row for row in found.as_text() if row[0].startswith("answer, bf16")]
    assert f"{weights:.1f}" in row[2]
    assert gw.plan(params=47e9, active=13e9).params == 47e9


def test_json_has_schema_and_command(capsys):
    assert main(["plan", "cnn", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["schema"] == 1 and facts["command"] == "plan"
    assert main(["plan", "--params", "7e9"]) == 0
    assert "7,000,000,000 parameters" in capsys.readouterr().out


MISTAKES = {
    "neither": ("bad-arguments", {}), "both": ("bad-arguments", {"system": "cnn", "params": 1e9}),
    "negative": ("bad-value", {"params": -1.0}), "nan": ("bad-value", {"params": float("nan")}),
    "infinite": ("bad-value", {"params": float("inf")}),
    "no batch": ("bad-value", {"system": "cnn", "batch": 0}),
    "no memory": ("bad-value", {"system": "cnn", "memory": 0.0}),
    "no memory at all": ("bad-value", {"params": 1e9, "memory": -1.0}),
    "variant": ("unknown-variant", {"system": "resnet", "variant": "51"}),
    "system": ("unknown-system", {"system": "resnt"}),
    "side": ("bad-model", {"system": "cnn", "side": -4}),
    "no side": ("bad-model", {"system": "resnet", "side": 0}),
    "half a transformer": ("bad-arguments", {"params": 1e9, "layers": 3}),
    "heads that divide nothing": ("bad-value", {"params": 1e9, "layers": 3, "width": 7, "heads": 2}),
    "more active than there are": ("bad-value", {"params": 1e9, "active": 2e9}),
    "no context": ("bad-value", {"params": 1e9, "layers": 2, "width": 8, "heads": 2, "context": 0}),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told(refused, mistake):
    code, options = MISTAKES[mistake]
    refused(code, lambda: gw.plan(**options))


def test_a_run_has_its_variant(base, refused):
    assert "--variant" in refused("contradiction", lambda: gw.plan(str(base.path), variant="two-layer")).got
