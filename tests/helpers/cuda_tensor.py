"""The tensor of the simulated device: on the device in Python, a meta tensor in C++."""

from __future__ import annotations

import torch

CUDA, CPU = torch.device("cuda:0"), torch.device("cpu")


class CudaTensor(torch.Tensor):
    """A tensor whose values are those of a host tensor that it wraps.

    torch's engine of gradients queries the driver about any tensor that is CUDA's in C++. These
    tensors are meta tensors in C++, with CUDA's dispatch keys; Python sees ``cuda:0``, or
    ``mps:0``.

    Parameters
    ----------
    inner : torch.Tensor
        Host tensor with the values.
    """

    # Runs an operator where no mode does, as in another thread: the device that is simulated.
    device_of_threads = None
    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, inner):
        shell = torch.empty_strided(
            inner.shape, inner.stride(), dtype=inner.dtype, layout=inner.layout, device="meta"
        )
        return torch.Tensor._make_subclass(cls, shell, False, device_for_backend_keys=CUDA)

    def __init__(self, inner):
        simulation = self.device_of_threads
        self._inner, self._device = inner, CUDA if simulation is None else simulation.device

    device = property(lambda self: self._device)
    is_cuda = property(lambda self: self._device.type == "cuda")
    is_mps = property(lambda self: self._device.type == "mps")
    is_cpu = is_meta = property(lambda self: False)

    @property
    def data(self):
        return self.detach()

    @data.setter
    def data(self, other):
        torch.Tensor.data.__set__(self, other)
        self._inner = other._inner

    def get_device(self):
        return 0

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        if cls.device_of_threads is None:
            raise RuntimeError("A tensor of the simulated device is used after its end.")
        return cls.device_of_threads.run(func, args, kwargs or {})

    def __reduce_ex__(self, protocol):
        is_parameter = isinstance(self, torch.nn.Parameter)
        return restored, (self._inner.detach(), self.requires_grad, is_parameter)

    def tolist(self):
        return self.cpu().tolist()

    def numpy(self, *, force=False):
        if force:
            return self.detach().cpu().numpy()
        raise TypeError(
            f"can't convert {self._device} device type tensor to numpy. Use Tensor.cpu() to copy "
            "the tensor to host memory first."
        )

    def __array__(self, dtype=None, copy=None):
        return self.numpy()

    def __repr__(self):
        return repr(self._inner).replace("tensor(", f"{self._device.type}(", 1)


def restored(inner, requires_grad, is_parameter):
    """Return the tensor that was pickled, on the device that `torch.load` is to map it to.

    The tensor stays on the host where there is no device, e.g. in a worker process of a search.
    """
    device, tensor = CudaTensor.device_of_threads, inner
    if device is not None and device.loads_onto_device():
        # The shell of the parameter is a meta tensor, which cannot be made within the mode.
        with torch._C._DisableTorchDispatch():
            tensor = CudaTensor(inner)
    if is_parameter:
        return torch.nn.Parameter(tensor, requires_grad)
    return tensor.requires_grad_(requires_grad)


torch.serialization.add_safe_globals([restored])
