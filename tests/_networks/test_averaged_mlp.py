import pytest
import torch

from sksoftinfo import MLP
from sksoftinfo._networks.averaged_mlp import AveragedMLP
from sksoftinfo._networks.cross_fitted_mlp import CrossFittedMLP


@pytest.mark.parametrize("hidden_sizes", [(), (8,), (8, 6)])
def test_it_is_the_average_of_perceptrons(hidden_sizes):
    averaged = AveragedMLP(4, 3, hidden_sizes=hidden_sizes, n_members=3).double()
    start = torch.zeros(3, dtype=torch.float64)
    trained = CrossFittedMLP(averaged, [0.0], start, 1.0, dtype=torch.float64, device="cpu")
    best = trained.best[0]
    torch.nn.init.normal_(best.head.weight)
    x = torch.randn(5, 4, dtype=torch.float64)
    logits = []
    for member in range(3):
        single = MLP(4, 3, hidden_sizes=hidden_sizes).double()
        ours = [layer for layer in [*best.hidden, best.head] if hasattr(layer, "weight")]
        theirs = [layer for layer in [*single.body, single.head] if hasattr(layer, "weight")]
        with torch.no_grad():
            for layer, stacked in zip(theirs, ours, strict=True):
                layer.weight.copy_(stacked.weight[member].T)
                layer.bias.copy_(stacked.bias[member, 0])
        logits.append(single(x))
    expected = torch.stack(logits)
    torch.testing.assert_close(best(averaged.prepare(x)), expected)
    found = trained.finish()
    assert found is averaged
    torch.testing.assert_close(found(x), expected.mean(0))
    torch.testing.assert_close(found.head(found.features(x)), found(x))
    assert found.features(x).shape == (5, 3 * (hidden_sizes or (4,))[-1])
