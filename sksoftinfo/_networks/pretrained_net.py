"""`PretrainedNet`: a net around a network that is used as it is, and the check of this network."""

from __future__ import annotations

import threading
import weakref
from contextlib import contextmanager

import torch

from .device import is_out_of_memory
from .net import InfoSoftmaxNet
from .precision import widened
from .predictions import checked_logits, evaluate_module, module_input, posterior_logits
from .probe import are_probabilities, warn_of_probabilities
from .refused_rows import name_of, naming_rows, reason, refuse_other_dtypes
from .torch_flags import pinned_flags

# Side of the images on which a network is checked, if it takes them.
_SIDE = 64
# Largest differences relative to the largest logit, in single and in half precision: between a row
# alone and in a batch, which other kernels may compute, and between two runs of the same kernels.
_OF_BATCHES = {False: 1e-3, True: 0.05}
_OF_RUNS = {False: 1e-5, True: 0.02}
# Numbers of rows in the runs of a check.
_N_ROWS = (1, 1, 2)
_BATCH_NORMS = (
    torch.nn.BatchNorm1d,
    torch.nn.BatchNorm2d,
    torch.nn.BatchNorm3d,
    torch.nn.SyncBatchNorm,
)


class _CallsOriginalError(Exception):
    """The copy of a network runs a module of the original."""


class PretrainedNet(InfoSoftmaxNet):
    """Net around a network that is never trained, which therefore needs no optimizer.

    The network is checked by `check_pretrained` on the first rows that pass through it.
    """

    is_checked = False
    # Weak references to the modules of the network that was copied, until the check.
    _originals = ()

    def __getstate__(self):
        # Weak references cannot be pickled.
        state = super().__getstate__()
        return {name: value for name, value in state.items() if name != "_originals"}

    def initialized_instance(self, instance_or_cls, kwargs):
        if isinstance(instance_or_cls, torch.nn.Module):
            self._originals = [weakref.ref(one) for one in instance_or_cls.modules()]
        try:
            # Copies of the weights of a scripted network would be results of an operation.
            with torch.no_grad():
                return super().initialized_instance(instance_or_cls, kwargs)
        # A copy calls whatever the attributes of the module implement.
        except Exception as error:
            if instance_or_cls is not self.module or is_out_of_memory(error):
                raise
            raise ValueError(
                "`module` must be a network that can be copied; got "
                f"module={name_of(instance_or_cls)}, of which copy.deepcopy fails: {error}. "
                "Delete attributes that are not weights, e.g. a stored activation or a lock, or "
                "load its state_dict into a new instance."
            ) from error

    def initialize_optimizer(self):
        self.optimizer_ = None
        return self

    def infer(self, x, **fit_params):
        if self.is_checked:
            return super().infer(x, **fit_params)
        with _checking(self):
            logits = super().infer(x, **fit_params)
            _check_runs(self, x, are_processed=True)
        return logits


def check_has_weights(module):
    """Raise ValueError if a weight of a network has no values yet."""
    for name, weight in [*module.named_parameters(), *module.named_buffers()]:
        if torch.nn.parameter.is_lazy(weight) or weight.is_meta:
            where, options = "is not initialised", "weights"
            if weight.is_meta:
                where, options = "is on the meta device", "weights, assign=True"
            raise ValueError(
                f"`module` must hold trained weights; got module={name_of(module)}, whose "
                f"{name!r} {where}. Load the weights first, by load_state_dict({options})."
            )


@pinned_flags()
def check_input_shape(net, rows, input_shape):
    """Check a network on rows of the shape that a user names.

    Parameters
    ----------
    net : PretrainedNet
        Initialised net.
    rows : tensor of shape (n, ...)
    input_shape : tuple of int
        Shape as the user names it, without the axis of channels of grey images.

    Raises
    ------
    ValueError
        If the network takes integers only or fails on rows of this shape, or as in
        `check_pretrained`.
    """
    x = module_input(net, rows)
    with _checking(net):
        try:
            with torch.inference_mode():
                net.module_(x.clone())
        # Networks fail by whichever exception the first layer that cannot process the rows raises.
        except Exception as error:
            if is_out_of_memory(error):
                raise
            refuse_other_dtypes(net.module_, x, error)
            raise ValueError(
                "`input_shape` must be the shape of a row that the network can process; got "
                f"{input_shape}, on which module={name_of(net.module_)} fails: "
                f"{reason(error)}. Pass the shape without the axis of rows, e.g. (3, 224, 224)."
            ) from error
        _check_runs(net, x, are_processed=True)


def check_pretrained(net, x):
    """Check that the output of a network consists of logits that depend on nothing but their row.

    Images are replaced by noise, which is smaller than the images if the network processes it.

    Parameters
    ----------
    net : PretrainedNet
        Initialised net in evaluation mode.
    x : tensor of shape (n, ...)
        Rows, of which the first is used.

    Raises
    ------
    ValueError
        If the output is not a tensor of finite numbers of shape (n, n_classes), or if the logits
        for a row are different in another batch or in another run, or if the network fails on
        batches of another size, or runs modules of the network that it was copied from. If it
        changes a buffer, also in its first run: by other values in place, or by another tensor of
        the same shape. A buffer that a run creates, fills where it was None, or replaces by one
        of another shape, such as a cache of positions, is allowed. After an error, the buffers
        have the values that they had before.

    Warns
    -----
    UserWarning
        If the output consists of probabilities.
    """
    with _checking(net):
        _check_runs(net, x, are_processed=False)


@contextmanager
def _checking(net):
    """Mark a network as checked if it runs in this context without an error or a change."""
    module, called = net.module_, []
    before = [(key, value, value.clone()) for key, value in module.named_buffers()]
    try:
        with _refusing_calls(net._originals, called):
            yield
        if called:
            raise _CallsOriginalError
        _check_buffers(module, before)
    except Exception as error:
        _restore_buffers(module, before)
        if not called:
            raise
        raise ValueError(
            "`module` must be a network whose copy runs on its own; got "
            f"module={name_of(module)}, whose copy calls a {called[0]} of the original: "
            "copy.deepcopy does not copy functions, nor what they refer to. Write the functions "
            "as methods, e.g. wrap the network in a module whose `forward` calls it."
        ) from error
    net._originals, net.is_checked = (), True


@contextmanager
def _refusing_calls(originals, called):
    """Refuse calls of the original modules by this thread; append their classes to `called`."""
    thread = threading.get_ident()

    def refuse(module, _):
        # Other threads may use the user's network meanwhile.
        if threading.get_ident() == thread:
            called.append(name_of(module))
            raise _CallsOriginalError

    alive = [one for one in (reference() for reference in originals) if one is not None]
    hooks = [
        one.register_forward_pre_hook(refuse)
        for one in alive
        if not isinstance(one, torch.jit.ScriptModule)
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _check_buffers(module, before):
    now = dict(module.named_buffers())
    for key, _, kept in before:
        if key in now and _differs(now[key], kept):
            raise ValueError(
                f"module={name_of(module)} must not change in evaluation mode; got another "
                f"{key!r} after a run. Change buffers only if self.training is True."
            )


def _restore_buffers(module, before):
    now = dict(module.named_buffers())
    with torch.no_grad():
        for key, value, kept in before:
            if _differs(value, kept):
                value.copy_(kept)
            if now.get(key) is not value:
                owner, _, name = key.rpartition(".")
                setattr(module.get_submodule(owner), name, value)


def _differs(value, kept):
    if value.shape != kept.shape:
        return False
    value = value.to(kept)
    # NaN is not equal to itself.
    return not (torch.equal(value, kept) or torch.equal(value.nan_to_num(), kept.nan_to_num()))


@pinned_flags()
def _check_runs(net, x, are_processed):
    """Raise as `check_pretrained`, except for changes of buffers and calls of the original."""
    evaluate_module(net)
    name = name_of(net.module_)
    with torch.inference_mode():
        runs = _runs(net, module_input(net, x)[:1], are_processed)
    for output, n_rows in zip(runs, _N_ROWS, strict=True):
        _check_logits(net, output, n_rows)
    alone, again, together = runs
    is_half, largest = torch.finfo(alone.dtype).bits < 32, float(together.abs().max())
    if _distance(alone, again) > _OF_RUNS[is_half] * largest:
        raise ValueError(
            f"module={name} must return the same logits for the same row; got different ones in "
            "two runs. Switch off what is random in evaluation mode, e.g. by "
            "dropout(x, p, self.training)."
        )
    if _distance(alone, together[:1]) > _OF_BATCHES[is_half] * largest:
        raise ValueError(
            f"module={name} must return logits that do not depend on the other rows of a batch; "
            f"got others for a row alone than beside a second row. {_remedy(net.module_)}"
        )
    if are_probabilities(together, net.n_classes):
        warn_of_probabilities(name)


def _remedy(module):
    """Return how to make logits independent of the other rows."""
    norms = [one for one in module.modules() if isinstance(one, _BATCH_NORMS)]
    if any(one.training or one.running_mean is None for one in norms):
        return (
            "Let batch normalisation use running statistics, with track_running_stats=True and "
            "in evaluation mode."
        )
    return (
        "Leave out what is computed over a whole batch, e.g. its mean and variance, or the scale "
        "of dynamic quantisation."
    )


def _check_logits(net, output, n_rows):
    name = name_of(net.module_)
    if not isinstance(output, torch.Tensor):
        raise ValueError(
            "`module` must return a tensor of logits, or a tuple whose first entry is one; got "
            f"{type(output).__name__} from {name}. Wrap it in a module whose `forward` returns "
            "the logits."
        )
    if output.ndim == 2 and output.shape[1] != net.n_classes:
        raise ValueError(
            f"`classes` must name each output of the network; got {net.n_classes} names for "
            f"logits of shape {tuple(output.shape)} from {name}. Pass {output.shape[1]} names, in "
            "the order of the outputs."
        )
    if output.ndim != 2:
        raise ValueError(
            "`module` must return logits of shape (n_samples, n_classes); got shape "
            f"{tuple(output.shape)} from {name}. Wrap it in a module whose `forward` returns one "
            "logit for each class."
        )
    checked_logits(net, posterior_logits(net, output).cpu().numpy())
    if len(output) != n_rows:
        raise ValueError(
            f"module={name} must return logits for each row; got shape {tuple(output.shape)} for "
            f"{n_rows} rows. Return a tensor of shape (n_samples, {net.n_classes})."
        )
    if not output.isfinite().all():
        raise ValueError(
            f"module={name} must return finite logits; got an infinite logit. Use a large "
            "negative number, e.g. -1e4, for a class that is left out."
        )


def _runs(net, row, are_processed):
    """Return the output for one row alone, alone once more, and beside a row of zeros."""
    if row.ndim == 4 and min(row.shape[2:]) > _SIDE:
        try:
            small = _three_runs(net, _middle(row))
        # Any exception on smaller images means that the network does not accept them.
        except Exception as error:
            if is_out_of_memory(error):
                raise
        else:
            if not isinstance(small[2], torch.Tensor) or small[2].isfinite().all():
                return small
    if not are_processed:
        with naming_rows(net.module_, row):
            net.module_(row.clone())
    try:
        return _three_runs(net, row)
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise ValueError(
            f"module={name_of(net.module_)} must take batches of any size; got an error on one or "
            f"two rows: {reason(error)}. Export or trace the network with a batch axis of any "
            "length."
        ) from error


def _three_runs(net, row):
    # A row of other values, since a repeated row would not change the statistics of a batch.
    pair = torch.cat([_telling(row), torch.zeros_like(row)])
    return [_first(net.module_(pair[:n_rows].clone())) for n_rows in _N_ROWS]


def _telling(row):
    """Return noise in place of an image or of a row of zeros.

    On a black image, multiplied noise and the statistics of a batch do not show.
    """
    # Numbers in tables may be indices, for which noise could be out of range.
    if row.ndim != 4 and row.any():
        return row
    noise = torch.rand(row.shape, generator=torch.Generator().manual_seed(0), device="cpu")
    return (row.abs().max() or 1) * noise.to(row)


def _middle(images):
    top, left = ((length - _SIDE) // 2 for length in images.shape[2:])
    return images[:, :, top : top + _SIDE, left : left + _SIDE]


def _first(output):
    return output[0] if isinstance(output, tuple) and output else output


def _distance(one, other):
    return float((widened(one, torch.float32) - widened(other, torch.float32)).abs().max())
