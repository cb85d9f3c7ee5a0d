import pytest
import torch

from sksoftinfo import MLP
from sksoftinfo._networks.averaged_mlp import AveragedMLP
from sksoftinfo._networks.cross_fitted_module import CrossFittedModule


@pytest.mark.parametrize("hidden_sizes", [(), (8,), (8, 6)])
def test_it_is_the_average_of_mlps(hidden_sizes):
    averaged = AveragedMLP(4, 3, hidden_sizes=hidden_sizes, n_members=3).double()
    start = torch.zeros(3, dtype=torch.float64)
    trained = CrossFittedModule(averaged, [0.0], start, dtype=torch.float64, device="cpu")
    best = trained.best[0]
    torch.nn.init.normal_(best.last.weight)
    x = torch.randn(5, 4, dtype=torch.float64)
    logits = []
    for member in range(3):
        single = MLP(4, 3, hidden_sizes=hidden_sizes).double()
        ours = [layer for layer in [*best.hidden, best.last] if hasattr(layer, "weight")]
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


@pytest.mark.parametrize("hidden_sizes", [(), (8, 6)])
def test_linear_functions_of_the_columns_are_added(hidden_sizes):
    """Each family adds its factor times its difference from the initial logits."""
    averaged = AveragedMLP(4, 3, hidden_sizes, missing=[1], n_members=2, with_columns=True)
    start = torch.tensor([0.0, 1.0, 2.0])
    trained = CrossFittedModule(averaged, [0.1, 1.0], start, dtype=torch.float32, device="cpu")
    for weight in trained.best.parameters():
        torch.nn.init.normal_(weight)
    trained.best_losses.copy_(torch.tensor([0.9, 0.8, 0.7]))
    x = torch.randn(5, 4)
    x[0, 1] = float("nan")
    columns = averaged.prepare(x)
    chosen, linear = (one.of_members(columns).mean(0) - start for one in trained.best[1:])
    # The second family is linear: it maps the mean of two rows to the mean of their logits.
    middle = trained.best[2].of_members(columns[:2].mean(0, keepdim=True)).mean(0) - start
    torch.testing.assert_close(middle[0], linear[:2].mean(0))
    found = trained.finish([0.5, 2.0], 0.1)
    assert found is averaged
    expected = start + 0.5 * chosen + 2.0 * linear
    torch.testing.assert_close(found.head(found.features(x)), expected)
    floored = 0.9 * expected.softmax(-1) + 0.1 * start.softmax(-1)
    torch.testing.assert_close(found(x).softmax(-1), floored)
    assert found.features(x).shape == (5, 2 * (hidden_sizes or (5,))[-1] + 5)


@pytest.mark.parametrize("hidden_sizes", [(), (8, 6)])
def test_apart_there_are_rows_of_each_member(hidden_sizes):
    averaged = AveragedMLP(4, 3, hidden_sizes=hidden_sizes, n_members=3).double()
    x = torch.randn(5, 4, dtype=torch.float64)
    together = averaged(x)
    averaged.apart = True
    apart = averaged(x).view(3, 5, 3)
    torch.testing.assert_close(apart.mean(0), together)
    changed = averaged.hidden[0] if hidden_sizes else None
    if changed is not None:
        with torch.no_grad():
            changed.weight[1].normal_()
        same = [torch.equal(*pair) for pair in zip(averaged(x).view(3, 5, 3), apart, strict=True)]
        assert same == [True, False, True]
    assert averaged.eval()(x).shape == (5, 3)
