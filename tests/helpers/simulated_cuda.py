"""A simulated CUDA device, so that code for a GPU is tested on machines without a GPU.

Tensors of the device have the device ``cuda:0`` in Python and are computed in host memory. The
simulation refuses what a GPU refuses, with torch's own messages where torch itself refuses:
operands on two devices, ``numpy()`` of a tensor on the device, a generator of the other device,
memory that does not exist, pinned memory of the device; and with ``kind="mps"``, for Apple's GPUs,
double precision. The simulation counts what a GPU permits at a price: launches of kernels, copies,
and waits of the host.

The simulation cannot show

- the arithmetic of kernels: results are those of the CPU to the last bit, so that other orders
  of summation, TF32, algorithms of convolution and kernels that are not deterministic need a GPU.
  (Which flags of torch hold while a network computes can be tested without a GPU: see
  `_networks/test_torch_flags.py`.)
- time, and what overlaps: every copy and every kernel is done when it is called;
- graphs, which torch traces with tensors of its own: ``torch.compile``, ``torch.jit``, the
  exports by torch and to ONNX, CUDA graphs; and Triton, streams and events: `NotSimulated` is
  raised;
- several GPUs, and memory that is fragmented: the limit holds for each tensor by itself;
- other processes: there is no device in a process of joblib, where tensors arrive on the host,
  and spawned ones are `NotSimulated`.

The simulation rests on private functions of torch, which exist from torch 2.6 on; `UNAVAILABLE` is
the reason why the simulation does not work with the installed torch, or None.
"""

from __future__ import annotations

import collections
import concurrent.futures
import contextlib
import functools
import multiprocessing.context
import os
import threading
import traceback
import weakref
from typing import NamedTuple
from unittest import mock

import torch
import torch.nn.functional as F
from torch.nn.parameter import is_lazy
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from .cuda_tensor import CPU, CudaTensor

_NEEDED = (2, 6)
_FOUND = tuple(int(part) for part in torch.__version__.split(".")[:2])
UNAVAILABLE = (
    None
    if _FOUND >= _NEEDED
    else f"the simulated CUDA device needs torch 2.6 or later; found {torch.__version__}"
)

# Operators for which the host has to wait, for the result or for its shape.
_WAITS = {
    "_local_scalar_dense",
    "bincount",
    "equal",
    "masked_select",
    "nonzero",
    "repeat_interleave",
    "unique_consecutive",
    "unique_dim",
    "_unique2",
}
# Operators that have no kernel, although they are not views.
_NO_KERNEL = {"detach", "alias", "lift_fresh", "_has_compatible_shallow_copy_type"}
# Operators whose indices may be on the host: torch copies them.
_TAKES_HOST_INDICES = {"index", "index_put", "index_put_", "_index_put_impl_"}
# Functions that autocast computes in lower precision (True) or in single precision (False). In
# C++ autocast leaves the device's tensors alone, which are meta tensors there.
_AUTOCAST = {
    **dict.fromkeys(
        (
            F.bilinear,
            F.conv1d,
            F.conv2d,
            F.conv3d,
            F.linear,
            F.scaled_dot_product_attention,
            torch.Tensor.__matmul__,
            torch.Tensor.matmul,
            torch.addmm,
            torch.baddbmm,
            torch.bmm,
            torch.matmul,
            torch.mm,
        ),
        True,
    ),
    **dict.fromkeys(
        (
            F.cross_entropy,
            F.layer_norm,
            F.log_softmax,
            F.nll_loss,
            F.softmax,
            torch.exp,
            torch.log,
            torch.log_softmax,
            torch.logsumexp,
            torch.softmax,
            torch.sum,
        ),
        False,
    ),
}
# Functions that are changed although they name no device.
_CHANGED = {*_AUTOCAST, torch.Tensor.cuda, torch.Tensor.to}
# Reasons why functions of a GPU are not simulated.
_GRAPHS = "torch traces graphs with tensors of its own"
_OVERLAP = "nothing overlaps on the simulated device"
_PROCESS = "there is no device in a process that begins anew"
_NOT_SIMULATED = {
    (torch, "compile"): _GRAPHS,
    (torch.export, "export"): _GRAPHS,
    (torch.jit, "script"): _GRAPHS,
    (torch.jit, "trace"): _GRAPHS,
    (torch.onnx, "export"): _GRAPHS,
    (torch.cuda, "CUDAGraph"): _GRAPHS,
    (torch.cuda, "Event"): _OVERLAP,
    (torch.cuda, "Stream"): _OVERLAP,
    (multiprocessing.context.SpawnProcess, "_Popen"): _PROCESS,
}
# A fork does not work on the CPU either: torch's optimizers query CUDA about a recorded graph.
NO_FORK = "torch does not train in a fork of a process that has used CUDA"
_NOTHING = contextlib.nullcontext()
_FLOATS = (torch.float32, torch.float16, torch.bfloat16)


class NotSimulated(NotImplementedError):
    """The called function exists on a GPU, but not on the simulated device."""


class _Operator(NamedTuple):
    """Properties of an operator of torch that the simulation needs."""

    name: str
    is_composed: bool
    has_kernel: bool
    is_view: bool
    is_random: bool


@functools.cache
def _operator(func):
    name = func.name().split(".")[0].removeprefix("aten::")
    return _Operator(
        name,
        func._can_decompose() and name != "pin_memory",
        not func.is_view and name not in _NO_KERNEL,
        func.is_view,
        torch.Tag.nondeterministic_seeded in func.tags,
    )


class SimulatedCuda:
    """The device: it computes, refuses and counts. `simulated_cuda` makes one.

    Attributes
    ----------
    counts : collections.Counter
        ``"launches"`` and ``"waits"``; ``"to_host"``, ``"to_device_pageable"``,
        ``"to_device_scalar"``, ``"host_indices"``, ``"bool_index"`` and the names of operators
        count operations that the host waited for; ``"to_device_pinned"`` counts copies without a
        wait; ``"bytes_to_host"`` and ``"bytes_to_device"`` count copied bytes.
    places : collections.Counter
        With ``trace=True``, the waits by kind and lines of code.
    """

    def __init__(self, kind="cuda", memory=1 << 30, trace=False):
        self.device, self.memory, self.trace = torch.device(kind, 0), memory, trace
        self.generator = torch.Generator().manual_seed(0)
        self.is_absent = False
        # Storages by their address.
        self._pinned = {}
        self._map_locations = []
        self.reset()

    def reset(self):
        """Reset the counts."""
        self.counts = collections.Counter()
        self.places = collections.Counter()

    def elsewhere(self, function, *args):
        """Return ``function(*args)`` as a machine without the device returns it."""
        self.is_absent = True
        try:
            return function(*args)
        finally:
            self.is_absent = False

    def loads_onto_device(self):
        """Return whether a tensor that is unpickled goes to the device."""
        wanted = self._map_locations[-1] if self._map_locations else None
        if self.is_absent and self._map_locations and wanted is None:
            raise RuntimeError(
                "Attempting to deserialize object on a CUDA device but "
                "torch.cuda.is_available() is False."
            )
        return not self.is_absent and (wanted is None or _is_on_device(wanted))

    def run(self, func, args, kwargs):
        """Run an operator on the simulated device."""
        if self is not CudaTensor.device_of_threads:
            # Another simulation, within this one, has already run the operator.
            return func(*args, **kwargs)
        operator = _operator(func)
        if operator.is_composed:
            # Autograd takes these apart before they come here, but for inference tensors.
            with _Operators(self):
                return func.decompose(*args, **kwargs)
        tensors = _tensors([*args, *kwargs.values()])
        ours = [tensor for tensor in tensors if isinstance(tensor, CudaTensor)]
        hosts = [tensor for tensor in tensors if not isinstance(tensor, CudaTensor)]
        device, generator = kwargs.get("device"), kwargs.get("generator")
        if kwargs.get("pin_memory") and not _is_on_device(device):
            return self.pinned(func(*args, **{**kwargs, "pin_memory": False}))
        if any(tensor.is_meta for tensor in hosts) or (
            not ours and generator is None and not _is_on_device(device)
        ):
            return func(*args, **kwargs)
        if operator.name == "copy_":
            return self._copy(func, *args, **kwargs)
        on_device = bool(ours) if device is None else _is_on_device(device)
        if on_device and self.is_absent:
            raise RuntimeError("No CUDA GPUs are available")
        if on_device and device is not None and (torch.device(device).index or 0) != 0:
            raise RuntimeError("CUDA error: invalid device ordinal")
        if generator is not None:
            _check_generator(generator, on_device)
        if operator.name == "_to_copy":
            if ours and on_device and _changes_nothing(args[0], **kwargs):
                # C++ assumes a copy between two devices, but there is only one device.
                return CudaTensor(args[0]._inner.view_as(args[0]._inner))
            self._count_transfer(args[0], on_device)
        else:
            self._check_operands(operator, args, ours, hosts)
        args = [_unwrapped(arg) for arg in args]
        if kwargs:
            kwargs = {
                name: _unwrapped(value)
                for name, value in kwargs.items()
                if name not in ("non_blocking", "pin_memory")
            }
        if device is not None:
            kwargs["device"] = CPU
        if not on_device:
            return func(*args, **kwargs)
        self.counts["launches"] += operator.has_kernel
        with self._own_generator() if operator.is_random and generator is None else _NOTHING:
            out = func(*args, **kwargs)
        known = {id(tensor._inner): tensor for tensor in ours}
        if not (operator.is_view and torch.is_inference_mode_enabled()):
            return self._all_wrapped(out, known, operator)
        # A view is a tensor of inference only if what it shows is one: torch counts its changes.
        with torch.inference_mode(any(one.is_inference() for one in ours)):
            return self._all_wrapped(out, known, operator)

    def pinned(self, tensor):
        """Return a host tensor whose memory counts as pinned from now on."""
        if isinstance(tensor, CudaTensor):
            raise RuntimeError("cannot pin 'torch.cuda.FloatTensor' only CPU memory can be pinned")
        storage = tensor.untyped_storage()
        self._pinned[storage.data_ptr()] = weakref.ref(storage)
        return tensor

    def is_pinned(self, tensor):
        """Return whether a tensor's memory is pinned."""
        if isinstance(tensor, CudaTensor):
            return False
        reference = self._pinned.get(tensor.untyped_storage().data_ptr())
        return reference is not None and reference() is not None

    def _copy(self, func, target, source, *args, **kwargs):
        on_device = isinstance(target, CudaTensor)
        if on_device and not isinstance(source, CudaTensor) or not on_device:
            self._count_transfer(source, on_device)
        func(_unwrapped(target), _unwrapped(source), *args, **kwargs)
        self.counts["launches"] += on_device
        return target

    def _count_transfer(self, source, to_device):
        if isinstance(source, CudaTensor) == to_device:
            return
        way = "bytes_to_device" if to_device else "bytes_to_host"
        self.counts[way] += source.numel() * source.element_size()
        if not to_device:
            self._wait("to_host")
        elif self.is_pinned(source):
            self.counts["to_device_pinned"] += 1
        else:
            self._wait("to_device_pageable" if source.ndim else "to_device_scalar")

    def _check_operands(self, operator, args, ours, hosts):
        """Refuse operands on two devices, and count the operators that are waited for."""
        if not ours:
            return
        has_host_arrays = any(tensor.ndim for tensor in hosts)
        if operator.name in _TAKES_HOST_INDICES:
            if not isinstance(args[0], CudaTensor):
                raise RuntimeError(
                    "indices should be either on cpu or on the same device as the indexed tensor "
                    "(cpu)"
                )
            if has_host_arrays:
                self._wait("host_indices")
            if any(index.dtype in (torch.bool, torch.uint8) for index in _tensors(args[1])):
                self._wait("bool_index")
        elif has_host_arrays:
            raise RuntimeError(
                "Expected all tensors to be on the same device, but found at least two devices, "
                f"cuda:0 and cpu! (when checking arguments of {operator.name})"
            )
        if operator.name in _WAITS:
            self._wait(operator.name)

    def _wait(self, kind):
        self.counts[kind] += 1
        self.counts["waits"] += 1
        if self.trace:
            lines = [
                f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}"
                for frame in traceback.extract_stack()
                if "/sksoftinfo/" in frame.filename or "/skorch/" in frame.filename
            ]
            self.places[f"{kind} at {' < '.join(lines[:-4:-1])}"] += 1

    @contextlib.contextmanager
    def _own_generator(self):
        state = torch.get_rng_state()
        torch.set_rng_state(self.generator.get_state())
        try:
            yield
        finally:
            self.generator.set_state(torch.get_rng_state())
            torch.set_rng_state(state)

    def _all_wrapped(self, out, known, operator):
        if isinstance(out, list | tuple):
            return type(out)(self._wrapped(one, known, operator) for one in out)
        return self._wrapped(out, known, operator)

    def _wrapped(self, value, known, operator):
        if not isinstance(value, torch.Tensor):
            return value
        if id(value) in known:
            return known[id(value)]
        if value.dtype == torch.float64 and self.device.type == "mps":
            raise TypeError(
                "Cannot convert a MPS Tensor to float64 dtype as the MPS framework doesn't "
                "support float64. Please use float32 instead."
            )
        if operator.has_kernel and (size := value.numel() * value.element_size()) > self.memory:
            if self.device.type == "mps":
                raise RuntimeError(f"MPS backend out of memory. Tried to allocate {size} bytes.")
            raise torch.OutOfMemoryError(f"CUDA out of memory. Tried to allocate {size} bytes.")
        return CudaTensor(value)


def _tensors(values):
    """Return the tensors among the arguments of an operator, which are in lists at most."""
    found = []
    for value in values:
        if isinstance(value, torch.Tensor):
            found.append(value)
        elif isinstance(value, list | tuple):
            found += _tensors(value)
    return found


def _unwrapped(value):
    if isinstance(value, CudaTensor):
        return value._inner
    if isinstance(value, list | tuple):
        return type(value)(_unwrapped(one) for one in value)
    return value


def _is_on_device(device):
    # Functions of C++ that make tensors get the device of their arguments, which is "meta" there.
    return device is not None and torch.device(device).type in (
        active_simulation().device.type,
        "meta",
    )


def _changes_nothing(tensor, dtype=None, memory_format=None, **others):
    return dtype in (None, tensor.dtype) and memory_format is None


def _check_generator(generator, on_device):
    # The argument is a new Python object for the same C++ generator.
    if (generator._cdata in _Generator.on_device) != on_device:
        kind = active_simulation().device.type
        wanted, found = (kind, "cpu") if on_device else ("cpu", kind)
        raise RuntimeError(f"Expected a '{wanted}' device type for generator but found '{found}'")


class _Generator(torch.Generator):
    """A generator that can report the simulated device as its own."""

    # Generators of the device, by the address in C++.
    on_device: weakref.WeakValueDictionary = weakref.WeakValueDictionary()

    def __new__(cls, device="cpu"):
        self = super().__new__(cls)
        cls.on_device.pop(self._cdata, None)
        if torch.device(device).type != "cpu":
            cls.on_device[self._cdata] = self
        return self

    @property
    def device(self):
        return active_simulation().device if self._cdata in self.on_device else CPU


class _Operators(TorchDispatchMode):
    """A mode in which the device runs every operator of torch in this thread."""

    @classmethod
    def _should_skip_dynamo(cls):
        # Nothing is compiled here, but True would cost more time than many an operator takes.
        return False

    def __init__(self, device):
        super().__init__()
        self.device = device

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return self.device.run(func, args, kwargs or {})


class _Functions(TorchFunctionMode):
    """A mode that replaces arguments before C++ sees them: "cuda" without a number, autocast."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func not in _CHANGED and kwargs.get("device") is None:
            return func(*args, **kwargs)
        if _is_meta(kwargs.get("device")) or func is torch.Tensor.to and any(map(_is_meta, args)):
            # These are meta tensors that a test makes, not the ones behind the device's tensors.
            with torch._C._DisableTorchDispatch():
                return func(*args, **kwargs)
        if func is torch.Tensor.cuda:
            return args[0].to(active_simulation().device)
        if func is torch.Tensor.to:
            # C++ would query the driver for the number of the device.
            args = tuple(_with_number(arg) for arg in args)
        if kwargs.get("device") is not None:
            kwargs = {**kwargs, "device": _with_number(kwargs["device"])}
            if func in (torch.tensor, torch.as_tensor, torch.asarray) and _is_on_device(
                kwargs["device"]
            ):
                # C++ would make these tensors on the device.
                return func(*args, **{**kwargs, "device": None}).to(kwargs["device"])
        kind = active_simulation().device.type
        if func in _AUTOCAST and torch.is_autocast_enabled(kind):
            dtype = torch.get_autocast_dtype(kind) if _AUTOCAST[func] else torch.float32
            args = [_cast(arg, dtype) for arg in args]
            kwargs = {name: _cast(value, dtype) for name, value in kwargs.items()}
        return func(*args, **kwargs)


def _cast(value, dtype):
    if isinstance(value, CudaTensor) and value.dtype in _FLOATS:
        return value.to(dtype)
    return value


def _is_meta(value):
    if isinstance(value, torch.Tensor):
        return value.is_meta
    return isinstance(value, str | torch.device) and value in ("meta", torch.device("meta"))


def _with_number(value):
    device = active_simulation().device
    names = device.type, torch.device(device.type)
    return device if isinstance(value, str | torch.device) and value in names else value


def active_simulation():
    """Return the simulated device of this moment, or None."""
    return CudaTensor.device_of_threads


@contextlib.contextmanager
def simulated_cuda(**options):
    """Let there be one simulated CUDA device, for the duration of the context.

    Parameters
    ----------
    kind : {"cuda", "mps"}, default="cuda"
        Kind of the device. MPS has no double precision.
    memory : int, default=2**30
        Bytes that are free, for each tensor.
    trace : bool, default=False
        Whether to keep the lines of code that wait, in ``places``.

    Yields
    ------
    SimulatedCuda
    """
    # Optimizers import this module, and its tables must contain torch's real functions.
    import torch._dynamo  # noqa: F401

    device = SimulatedCuda(**options)
    with contextlib.ExitStack() as stack:
        for owner, name, function in _replacements(device):
            stack.enter_context(mock.patch.object(owner, name, function))
        stack.enter_context(torch.backends.cudnn.flags(enabled=False))
        stack.callback(torch._C._set_only_lift_cpu_tensors, torch._C._only_lift_cpu_tensors())
        torch._C._set_only_lift_cpu_tensors(True)
        stack.enter_context(mock.patch.object(CudaTensor, "device_of_threads", device))
        stack.enter_context(_Operators(device))
        stack.enter_context(_Functions())
        yield device


class _Cuda:
    """A real CUDA device."""

    def elsewhere(self, function, *args):
        """Return ``function(*args)`` as a machine without the device returns it.

        A process that has begun to use CUDA can use it until it ends, whatever its environment.
        """
        context = multiprocessing.get_context("spawn")
        hidden = mock.patch.dict(os.environ, CUDA_VISIBLE_DEVICES="")
        with hidden, concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as process:
            return process.submit(function, *args).result(timeout=300)


def has_real_cuda():
    """Return whether this machine has a CUDA device that is not simulated."""
    return active_simulation() is None and torch.cuda.is_available()


@contextlib.contextmanager
def some_cuda():
    """Yield the CUDA device of this machine, or where there is none, a simulated one."""
    if active_simulation() is not None:
        yield active_simulation()
    elif torch.cuda.is_available():
        yield _Cuda()
    else:
        with simulated_cuda() as device:
            yield device


def _replacements(device):
    """Yield owner, name and replacement of the functions of torch that query the driver."""
    generator = device.generator

    def is_there(kind):
        return lambda: device.device.type == kind and not device.is_absent

    cuda = {
        "is_available": is_there("cuda"),
        "is_initialized": is_there("cuda"),
        "device_count": lambda: int(is_there("cuda")()),
        "_lazy_init": lambda: None,
        "current_device": lambda: 0,
        "set_device": lambda *_: None,
        "synchronize": lambda *_: device._wait("synchronize"),
        "empty_cache": lambda: None,
        "is_bf16_supported": lambda *_, **__: True,
        "is_current_stream_capturing": lambda: False,
        "mem_get_info": lambda *_: (device.memory, device.memory),
        "get_device_name": lambda *_: "simulated",
        "get_device_capability": lambda *_: (9, 0),
        "get_rng_state": lambda *_: generator.get_state(),
        "set_rng_state": lambda state, *_: generator.set_state(state),
        "get_rng_state_all": lambda: [generator.get_state()],
        "set_rng_state_all": lambda states: generator.set_state(states[0]),
        "manual_seed": generator.manual_seed,
        "manual_seed_all": generator.manual_seed,
    }
    for name, function in cuda.items():
        yield torch.cuda, name, function
    for (owner, name), reason in _NOT_SIMULATED.items():
        yield owner, name, _refusal(f"{owner.__name__}.{name}", reason)
    yield torch.backends.mps, "is_available", is_there("mps")
    for name in ("get_rng_state", "set_rng_state", "manual_seed", "synchronize"):
        yield torch.mps, name, cuda[name]
    stream = mock.Mock(**{"is_capturing.return_value": False})
    yield torch.accelerator, "current_stream", lambda *_: stream
    yield threading.Thread, "run", _run_in(device, threading.Thread.run)
    yield torch, "Generator", _Generator
    yield torch.nn.Module, "_apply", _apply_by_swapping(torch.nn.Module._apply)
    lazy = torch.nn.parameter.UninitializedTensorMixin
    yield lazy, "materialize", _materialize_by_swapping(lazy.materialize)
    yield torch, "load", _load_at(torch.load, device)
    yield torch.Tensor, "pin_memory", lambda tensor, *_: device.pinned(tensor.clone())
    yield torch.Tensor, "is_pinned", lambda tensor, *_: device.is_pinned(tensor)


def _refusal(name, reason):
    def refuse(*args, **kwargs):
        raise NotSimulated(f"{name} is not simulated: {reason}")

    return refuse


def _apply_by_swapping(apply):
    """Return ``Module._apply`` for parameters that change their class on their way to CUDA."""
    future = torch.__future__

    def apply_by_swapping(module, function, *args, **kwargs):
        def but_for_lazy(tensor):
            if not is_lazy(tensor):
                return function(tensor)
            # A lazy parameter only remembers its device and its dtype.
            place = getattr(tensor, "_place", CPU)
            moved = function(torch.empty(0, dtype=tensor.dtype, device=place))
            tensor._place, tensor.data = moved.device, moved.cpu()
            return tensor

        before = future.get_swap_module_params_on_conversion()
        future.set_swap_module_params_on_conversion(not any(map(is_lazy, module.parameters())))
        try:
            return apply(module, but_for_lazy, *args, **kwargs)
        finally:
            future.set_swap_module_params_on_conversion(before)

    return apply_by_swapping


def _materialize_by_swapping(materialize):
    """Return the function that makes a lazy parameter on the device where it was sent before."""

    def materialize_by_swapping(parameter, shape, device=None, dtype=None):
        device = getattr(parameter, "_place", CPU) if device is None else device
        if not _is_on_device(device):
            return materialize(parameter, shape, device, dtype)
        made = torch.empty(shape, device=device, dtype=dtype or parameter.dtype)
        torch.utils.swap_tensors(parameter, torch.nn.Parameter(made, parameter.requires_grad))

    return materialize_by_swapping


def _run_in(device, run):
    """Return ``Thread.run`` with the device, since modes of torch belong to one thread."""

    def run_in(thread):
        with _Operators(device), _Functions():
            run(thread)

    return run_in


def _load_at(load, device):
    """Return `torch.load` for storages that are all the host's; `restored` does the rest."""

    def load_at(f, map_location=None, **kwargs):
        device._map_locations.append(map_location)
        if isinstance(map_location, str | torch.device):
            if torch.device(map_location).type == device.device.type:
                map_location = "cpu"
        try:
            return load(f, map_location=map_location, **kwargs)
        finally:
            device._map_locations.pop()

    return load_at
