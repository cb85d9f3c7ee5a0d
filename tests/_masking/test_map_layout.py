"""Feature maps whose channels are not first, such as tokens, and the check that they are maps."""

import numpy as np
import pytest
import torch
from torch import nn

from sksoftinfo import InfoMaskTransformer, InfoSoftmaxClassifier
from sksoftinfo._masking.map_layout import as_map, as_output, layouts_of


@pytest.mark.parametrize("layout", ["first", "last", (2, 3)])
def test_a_map_goes_back_into_its_layout(layout):
    shape = {"first": (2, 4, 2, 3), "last": (2, 2, 3, 4), (2, 3): (2, 7, 4)}[layout]
    output = torch.arange(float(np.prod(shape))).reshape(shape)
    assert layout in layouts_of(shape[1:], [(2, 3)])
    seen = as_map(output, layout)
    assert seen.shape == (2, 4, 2, 3)
    back = as_output(seen, output, layout)
    if layout == (2, 3):
        assert not back[:, 0].any()
        back, output = back[:, 1:], output[:, 1:]
    assert torch.equal(back, output)
    assert as_output(seen[:, :, :1, :1], output, layout).shape[0] == 2


class Tokens(nn.Module):
    """A network of patches as tokens, behind class tokens, and for a single image size."""

    def __init__(self, pooling="average", n_prefix=1, order=None):
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 8, stride=8)
        self.prefix = nn.Parameter(torch.randn(1, n_prefix, 8))
        self.body, self.norm, self.head = nn.Linear(8, 8), nn.LayerNorm(8), nn.Linear(8, 3)
        self.pooling, self.order = pooling, order

    def forward(self, x):
        assert x.shape[2:] == (32, 40)
        tokens = self.patches(x).flatten(2).movedim(1, -1)
        if self.order is not None:
            tokens = tokens[:, self.order]
        tokens = torch.cat([self.prefix.expand(len(x), -1, -1), tokens], dim=1)
        n_prefix = self.prefix.shape[1]
        tokens = tokens + tokens.mean(1, keepdim=True)
        tokens = self.body(tokens)
        pooled = {
            "average": lambda: tokens[:, n_prefix:].mean(1),
            "class token": lambda: tokens[:, 0],
            "all tokens": lambda: tokens.mean(1),
        }[self.pooling]()
        return self.head(self.norm(pooled))


def fitted(**options):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = Tokens(**options)
    clf = InfoSoftmaxClassifier.from_module(network, classes=list("abc"), input_shape=(3, 32, 40))
    images = np.random.default_rng(0).normal(size=(3, 3, 32, 40)).astype(np.float32)
    return InfoMaskTransformer(clf, patch_size=8, context=1).fit(images), network, images


@pytest.mark.parametrize("n_prefix", [0, 1, 5])
def test_the_average_of_tokens_is_scored_as_a_map(n_prefix):
    masker, network, images = fitted(n_prefix=n_prefix)
    layer = masker._dense[0]
    assert (masker.patch_scoring_, layer.pooling, layer.layout) == ("dense", "average", (4, 5))
    assert masker.stride_ == (8, 8) and layer.detail is None
    seen = []
    hook = network.body.register_forward_hook(lambda _, args, output: seen.append(output))
    with torch.no_grad():
        own = network(torch.as_tensor(images)).numpy()
        hook.remove()
        cells = network.head(network.norm(seen[0][:, n_prefix:])).numpy()
    windows, whole = masker._mapper.scorer.logits(images)
    np.testing.assert_allclose(whole, own, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(
        windows[0].transpose(1, 2, 3, 0).reshape(cells.shape), cells, rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize(
    "options",
    [
        {"pooling": "class token"},
        {"pooling": "all tokens"},
        {"order": np.random.default_rng(0).permutation(20)},
    ],
    ids=["class token", "all tokens", "order"],
)
def test_tokens_that_are_not_a_map_of_the_logits_are_not_taken_for_one(options):
    assert fitted(**options)[0].patch_scoring_ == "paste"
