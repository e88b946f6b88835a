"""The verbs for little data: `finetune`, `cross-validate`, `learning-curve`."""

from glassworks.api.requests import CrossValidateRequest, FinetuneRequest, LearningCurveRequest
from glassworks.cli.show import print_json, print_table
from glassworks.cli.work import trained


def finetune(request: FinetuneRequest) -> int:
    """Teach a pretrained model."""
    from glassworks.api.train import finetune_request

    return trained("finetune", request, lambda: finetune_request(request))


def cross_validate(request: CrossValidateRequest) -> int:
    """Print the figures over all folds, beside the baselines."""
    from glassworks.api.crossval import PAGE, cross_validate_request
    from glassworks.judging.metrics import READABLE

    result = cross_validate_request(request)
    if request.json:
        print_json(result.as_json())
        return 0
    judged = result.judgement
    print(f"{judged.verdict}\n")
    names = list(judged.metrics)[:4]
    rows = [["this model", *(judged.metrics[name].words(name) for name in names)]]
    rows += [[b, *(f[n].words(n) for n in names)] for b, f in judged.baselines.items()]
    print_table(["", *(READABLE[name] for name in names)], rows)
    print(f"\n{result.judgement.n} {result.things}, each judged once, in {result.seconds:.0f} s")
    print(f"page: {result.folder / PAGE}")
    return 0


def learning_curve(request: LearningCurveRequest) -> int:
    """Print figures by examples a class, from scratch and from pretrained weights."""
    from glassworks.api.curve import learning_curve_request

    result = learning_curve_request(request)
    if request.json:
        print_json(result.as_json())
        return 0
    print_table(*result.as_table())
    print(f"\n{result.verdict}")
    print(f"page: {result.page}")
    return 0
