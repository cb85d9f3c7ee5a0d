"""Small networks, and the network of a fitted classifier, run by hand."""

import torch

from sksoftinfo._networks import pinned_flags


def module_output(classifier, *inputs):
    """Return the outputs of the module for arrays, on any device, as a tensor on the host."""
    device = next(classifier.module_.parameters()).device
    with torch.no_grad(), pinned_flags():
        return classifier.module_(*(torch.as_tensor(one).to(device) for one in inputs)).cpu()


class TinyNet(torch.nn.Module):
    def __init__(self, n_features, n_classes, width=8):
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(n_features, width), torch.nn.Tanh(), torch.nn.Linear(width, n_classes)
        )

    def forward(self, x):
        return self.layers(x)


class Outputs(torch.nn.Module):
    """A linear network whose output is a function of its logits."""

    def __init__(self, function, n_outputs=3):
        super().__init__()
        self.layer = torch.nn.Linear(4, n_outputs)
        self.function = function

    def forward(self, x):
        return self.function(self.layer(x))
