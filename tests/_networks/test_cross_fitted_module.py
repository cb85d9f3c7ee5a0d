import pytest
import torch

from sksoftinfo._networks.averaged_mlp import AveragedMLP
from sksoftinfo._networks.cross_fitted_module import CrossFittedModule
from sksoftinfo._networks.noise import AdditiveNoise, DropoutNoise, GaussianLatent, GaussianLogits
from sksoftinfo._networks.shared_ensemble import SharedEnsemble

START = torch.tensor([0.0, 1.0, 2.0])
OPTIONS = {"dtype": torch.float32, "device": "cpu"}


@pytest.fixture
def module():
    torch.manual_seed(0)
    return CrossFittedModule(AveragedMLP(4, 3, n_members=2), [0.1, 1.0], START, **OPTIONS)


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


@pytest.fixture
def with_linear():
    torch.manual_seed(0)
    averaged = AveragedMLP(4, 3, n_members=2, with_columns=True)
    return CrossFittedModule(averaged, [0.1, 1.0], START, **OPTIONS)


def test_linear_members_are_trained_to_the_end(with_linear):
    """Linear members are not among the groups to choose from, however low their loss is."""
    epoch(with_linear, 0.9, 0.8, 0.1)
    dropped = with_linear.choose()
    assert {id(one) for one in dropped} == {id(one) for one in with_linear.groups[0].parameters()}
    with_linear.begin_epoch()
    assert with_linear(torch.randn(7, 4)).shape == (2, 2, 7, 3)
    epoch(with_linear, 0.7, 0.2)
    assert with_linear.best_losses.tolist() == pytest.approx([0.9, 0.7, 0.1])
    assert with_linear.families() == [with_linear.best[1], with_linear.best[2]]


def test_held_out_logits_are_those_of_the_members_that_left_the_row_out(with_linear):
    with_linear.n_folds = 2
    epoch(with_linear, 0.9, 0.8, 0.1)
    x, fold = torch.randn(4, 4), torch.tensor([0, 1, 1, 0])
    found = with_linear.held_out(x, fold)
    columns = with_linear.prepare(x)
    for logits, family in zip(found, with_linear.families(), strict=True):
        expected = family.of_members(columns)[fold, torch.arange(4)]
        torch.testing.assert_close(logits, expected)
    with_linear.n_folds = 1
    found = with_linear.held_out(x, torch.zeros(4, dtype=torch.int64))
    expected = [family.of_members(columns).mean(0) for family in with_linear.families()]
    torch.testing.assert_close(found, torch.stack(expected))


def test_a_copy_of_its_state_goes_on_alike(module):
    epoch(module, 0.9, 0.8)
    module.choose()
    other = CrossFittedModule(AveragedMLP(4, 3, n_members=2), [0.1, 1.0], START, **OPTIONS)
    other.load_state_dict(module.state_dict())
    x = torch.randn(5, 4)
    for one in (module, other):
        one.begin_epoch()
    torch.testing.assert_close(other(x), module(x))
    torch.testing.assert_close(other.finish()(x), module.finish()(x))


def test_without_held_out_rows_the_last_epoch_is_kept(module):
    for _ in range(2):
        module.begin_epoch()
        torch.nn.init.normal_(module.groups[0].last.weight)
        module.add(torch.ones(2, 2, 3), torch.zeros(2, 3))
        module.close_epoch()
    torch.testing.assert_close(module.best[0].last.weight, module.groups[0].last.weight)
    assert module.n_waited == 0


NOISY = {
    "additive": lambda averaged: AdditiveNoise(averaged, 3, 0.5),
    "gaussian": lambda averaged: GaussianLogits(averaged, 0.5),
    "latent": lambda averaged: GaussianLatent(averaged, 0.5, 4, True),
    "dropout": lambda averaged: DropoutNoise(averaged, 0.5),
    "ensemble": lambda averaged: SharedEnsemble(averaged, 4, 6),
}


@pytest.mark.parametrize("kind", NOISY)
def test_members_below_noise_are_apart_from_each_other(kind):
    """Each member has MLPs of its own, and they become the network that is evaluated."""
    torch.manual_seed(0)
    final = NOISY[kind](AveragedMLP(4, 3, n_members=2))
    module = CrossFittedModule(final, [0.1], START, **OPTIONS)
    x, noise = torch.randn(7, 4), final.draw((6,))
    start = module(x, noise=noise)
    assert start.shape == (1, 2, 7, 3 if kind == "ensemble" else 6, 3)
    noiseless = noise * 0 + 1 if kind == "dropout" else noise * (kind == "ensemble")
    centred = START - START.mean() if kind == "ensemble" else START
    torch.testing.assert_close(module.eval()(x, noise=noiseless)[:, 0], centred.expand(7, 3))
    with torch.no_grad():
        for weight in module.parameters():
            weight.normal_()
    before = module.train()(x, noise=noise)
    hidden = module.groups[0].module.module.hidden
    with torch.no_grad():
        for weight in hidden.parameters():
            weight[1].normal_()
    after = module(x, noise=noise)
    assert torch.equal(before[:, 0], after[:, 0]) and not torch.equal(before[:, 1], after[:, 1])
    module.best[0].load_state_dict(module.groups[0].state_dict())
    expected = module.eval()(x, noise=noise)
    assert module.finish() is final
    torch.testing.assert_close(final.eval()(x, noise), expected)


def test_columns_are_prepared_in_the_precision_of_the_network():
    averaged = AveragedMLP(1, 2, n_members=1).double()
    rows = 1e9 + torch.arange(9, dtype=torch.float64)[:, None]
    averaged.prepare.learn(rows.numpy())
    module = CrossFittedModule(AdditiveNoise(averaged, 2, 1.0), [0.1], START[:2], **OPTIONS)
    seen = []
    module.groups[0].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    module(rows, noise=torch.zeros(1, 2, dtype=torch.float64))
    assert seen[0].dtype == torch.float32 and len(seen[0].unique()) == 9
