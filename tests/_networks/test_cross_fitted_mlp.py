import math

import pytest
import torch

from sksoftinfo._networks.averaged_mlp import AveragedMLP
from sksoftinfo._networks.cross_fitted_mlp import CrossFittedMLP, cross_entropy

START = torch.tensor([0.0, 1.0, 2.0])
OPTIONS = {"dtype": torch.float32, "device": "cpu"}


@pytest.fixture
def module():
    torch.manual_seed(0)
    return CrossFittedMLP(AveragedMLP(4, 3, n_members=2), [0.1, 1.0], START, 1.1, **OPTIONS)


def test_it_starts_from_the_logits_it_is_given(module):
    logits = module(torch.randn(7, 4))
    torch.testing.assert_close(logits, START.expand(2, 2, 7, 3))
    torch.testing.assert_close(module.eval()(torch.randn(7, 4)), START.expand(7, 3))
    torch.testing.assert_close(module.finish()(torch.randn(7, 4)), START.expand(7, 3))


def epoch(module, *losses):
    """Train an epoch at random, after which the groups have these losses."""
    module.begin_epoch()
    with torch.no_grad():
        for weight in module.groups.parameters():
            weight.normal_()
    module.add(torch.tensor(losses).view(-1, 1, 1).expand(-1, 2, 3), torch.ones(2, 3))
    return module.close_epoch()


def test_the_best_epoch_of_each_group_is_kept(module):
    assert epoch(module, 0.9, 1.2) == pytest.approx([0.9, 1.2])
    first = {name: value.clone() for name, value in module.groups[0].state_dict().items()}
    epoch(module, 1.0, 0.95)
    assert module.n_waited == 0
    epoch(module, 1.0, 1.0)
    assert module.n_waited == 1
    torch.testing.assert_close(dict(module.best[0].state_dict()), first)
    assert module.best_losses.tolist() == pytest.approx([0.9, 0.95])


def test_one_group_is_trained_on(module):
    epoch(module, 0.9, 0.8)
    dropped = module.choose()
    assert {id(one) for one in dropped} == {id(one) for one in module.groups[0].parameters()}
    module.begin_epoch()
    assert module(torch.randn(7, 4)).shape == (1, 2, 7, 3)
    epoch(module, 0.7)
    assert module.best_losses.tolist() == pytest.approx([0.9, 0.7])


def test_a_copy_of_its_state_goes_on_alike(module):
    epoch(module, 0.9, 0.8)
    module.choose()
    other = CrossFittedMLP(AveragedMLP(4, 3, n_members=2), [0.1, 1.0], START, 9.0, **OPTIONS)
    other.load_state_dict(module.state_dict())
    x = torch.randn(5, 4)
    for one in (module, other):
        one.begin_epoch()
    torch.testing.assert_close(other(x), module(x))
    torch.testing.assert_close(other.finish()(x), module.finish()(x))


def test_without_held_out_rows_the_last_epoch_is_kept(module):
    for _ in range(2):
        module.begin_epoch()
        torch.nn.init.normal_(module.groups[0].head.weight)
        module.add(torch.ones(2, 2, 3), torch.zeros(2, 3))
        module.close_epoch()
    torch.testing.assert_close(module.best[0].head.weight, module.groups[0].head.weight)
    assert module.n_waited == 0


def test_loss_of_label_frequencies():
    assert cross_entropy([3, 0], [1.0, 0.0]) == 0.0
    assert cross_entropy([2, 2, 2, 2], [0.25] * 4) == pytest.approx(math.log(4))
    # Of other rows than those that the frequencies are of.
    assert cross_entropy([0, 2], [0.5, 0.5]) == pytest.approx(math.log(2))
    assert cross_entropy([4, 0], [0.8, 0.2]) == pytest.approx(-math.log(0.8))
