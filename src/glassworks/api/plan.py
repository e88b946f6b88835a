"""Planning: the memory that a model needs to answer and to learn, for a system, a run, or a number."""

from pathlib import Path
from typing import Any

from glassworks.api.requests import PlanRequest
from glassworks.core.errors import PersonError
from glassworks.deploy.memory import Plan, Transformer
from glassworks.deploy.memory import plan as memory_plan

TRIED = 2  # pictures on which the maps that training keeps are counted


def plan(system: str | None = None, **options: Any) -> Plan:
    """The memory of a model; the keywords are the options of `glassworks plan --help`.

    gw.plan("resnet", variant="50", side=224), gw.plan("runs/photos"), gw.plan(params=175e9)
    """
    return plan_request(PlanRequest(system=system, **options))


def plan_request(request: PlanRequest) -> Plan:
    """The same, from a whole request. Raises PersonError for contradictions and numbers below 0."""
    if (request.system is None) == (request.params is None):
        raise PersonError(
            "bad-arguments",
            expected="a system or a run, or --params",
            got="both" if request.system else "neither",
            fix="glassworks plan resnet --variant 50, or glassworks plan --params 7e9",
        )
    shared: dict[str, Any] = {"device_bytes": request.memory * 1024**3, "batch": request.batch}
    if request.params is not None:
        return memory_plan(request.params, active=request.active, transformer=_transformer(request), **shared)
    model, shape = _model(request)
    import torch

    from glassworks.deploy.activations import measured

    pictures = torch.zeros(TRIED, *shape)
    return memory_plan(
        sum(parameter.numel() for parameter in model.parameters()),
        activations=measured(model, pictures),
        head=sum(parameter.numel() for parameter in model.head.parameters()),
        **shared,
    )


def _model(request: PlanRequest) -> tuple[Any, tuple[int, int, int]]:
    """A run's own model, or a system's with random numbers, and the shape of its pictures."""
    from glassworks.api.describe import built
    from glassworks.api.run import load, published_name

    name = str(request.system)
    if Path(name).is_dir() or published_name(name):
        if request.variant:
            raise PersonError(
                "contradiction", expected="a run or weights, which have a variant of their own",
                got=f"--variant {request.variant}", fix="leave --variant out",
            )  # fmt: skip
        run = load(name, device="cpu")
        return run.model, (run.input.channels, run.input.height, run.input.width)
    model = built(name, request.variant, side=request.side)
    return model, (3, request.side, request.side)


def _transformer(request: PlanRequest) -> Transformer | None:
    given = {name: getattr(request, name) for name in ("layers", "width", "heads")}
    if not any(given.values()):
        return None
    missing = [f"--{name}" for name, value in given.items() if not value]
    if missing:
        raise PersonError(
            "bad-arguments", expected="--layers, --width and --heads together",
            got=f"no {', '.join(missing)}",
            fix="for example --layers 32 --width 4096 --heads 32",
        )  # fmt: skip
    try:
        return Transformer(**given, context=request.context, key_heads=request.key_heads)
    except ValueError as error:
        raise PersonError(
            "bad-value", expected="sizes that a transformer can have", got=str(error),
            fix="for example --layers 32 --width 4096 --heads 32",
        ) from error  # fmt: skip
