"""The network of a fitted classifier, run by hand."""

import torch


def module_output(classifier, *inputs):
    """Return what the module makes of arrays, wherever it is, as a tensor on the host."""
    device = next(classifier.module_.parameters()).device
    with torch.no_grad():
        return classifier.module_(*(torch.as_tensor(one).to(device) for one in inputs)).cpu()
