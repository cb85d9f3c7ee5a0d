"""The simulated device computes what the CPU does, and refuses and counts what a GPU would."""

import copy
import io
import multiprocessing
import pickle
import threading

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from .simulated_cuda import UNAVAILABLE, NotSimulated, active_simulation, simulated_cuda

pytestmark = pytest.mark.skipif(UNAVAILABLE is not None, reason=str(UNAVAILABLE))


@pytest.fixture
def device():
    with simulated_cuda(trace=True) as device:
        yield device


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 2)
    )


def trained(device, optimizer, **options):
    """Return weights and losses of a few steps, as arrays."""
    net = network().to(device)
    x = torch.randn(8, 1, 6, 6, generator=torch.Generator().manual_seed(1)).to(device)
    y = (torch.arange(8) % 2).to(device)
    steps, losses = optimizer(net.parameters(), lr=0.1, **options), []
    for _ in range(3):
        steps.zero_grad()
        loss = nn.functional.cross_entropy(net(x), y)
        loss.backward()
        steps.step()
        losses.append(loss.detach())
    return [value.detach().cpu().numpy() for value in [*net.state_dict().values(), *losses]]


@pytest.mark.parametrize(
    ("optimizer", "options"),
    [
        (torch.optim.SGD, {"momentum": 0.9}),
        (torch.optim.AdamW, {"fused": True}),
        (torch.optim.Adam, {"foreach": True}),
        (torch.optim.RMSprop, {}),
    ],
)
def test_training_is_that_of_the_cpu(device, optimizer, options):
    for found, expected in zip(
        trained("cuda", optimizer, **options), trained("cpu", optimizer, **options), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_a_tensor_says_where_it_is(device):
    for tensor in (
        torch.zeros(2, device="cuda"),
        torch.zeros(2).cuda(),
        torch.zeros(2).to("cuda:0"),
        torch.tensor([0.0, 0.0], device=torch.device("cuda")),
        torch.zeros(2, device="cuda")[:1] + 1,
        network().cuda()[0].weight,
        copy.deepcopy(network().cuda())[0].weight,
    ):
        assert tensor.is_cuda and not tensor.is_cpu
        assert tensor.device == torch.device("cuda:0") and tensor.get_device() == 0
        assert not tensor.cpu().is_cuda
    assert torch.cuda.is_available() and torch.cuda.device_count() == 1


def test_two_devices_do_not_mix(device):
    here, there = torch.zeros(2), torch.zeros(2, device="cuda")
    for mix in (
        lambda: here + there,
        lambda: torch.cat([here, there]),
        lambda: nn.Linear(2, 2)(there),
        lambda: here[there.long()],
        lambda: torch.where(there > 0, here, there),
    ):
        with pytest.raises(RuntimeError, match="same device"):
            mix()
    # A number that is a tensor belongs to any device.
    assert (there + torch.tensor(1.0)).tolist() == [1.0, 1.0]


def test_numpy_takes_no_tensor_of_the_device(device):
    tensor = torch.ones(2, device="cuda")
    for take in (tensor.numpy, lambda: np.asarray(tensor), lambda: np.array(tensor)):
        with pytest.raises(TypeError, match="can't convert cuda:0 device type tensor to numpy"):
            take()
    np.testing.assert_array_equal(tensor.cpu().numpy(), [1, 1])
    np.testing.assert_array_equal(tensor.numpy(force=True), [1, 1])


def test_generators_belong_to_a_device(device):
    with pytest.raises(RuntimeError, match="Expected a 'cuda' device type for generator"):
        torch.randn(2, device="cuda", generator=torch.Generator())
    with pytest.raises(RuntimeError, match="Expected a 'cpu' device type for generator"):
        torch.randn(2, generator=torch.Generator("cuda"))
    draws = [
        torch.randn(3, device="cuda", generator=torch.Generator("cuda").manual_seed(5)).tolist()
        for _ in range(2)
    ]
    assert draws[0] == draws[1]


def test_the_global_generator_is_its_own(device):
    torch.manual_seed(3)
    state = torch.get_rng_state()
    on_device = torch.cuda.get_rng_state_all()
    first = torch.rand(4, device="cuda").tolist()
    assert torch.equal(torch.get_rng_state(), state)
    assert not torch.equal(torch.cuda.get_rng_state(), on_device[0])
    torch.cuda.set_rng_state_all(on_device)
    assert torch.rand(4, device="cuda").tolist() == first


def test_devices_that_there_are_not(device):
    with pytest.raises(RuntimeError, match="invalid device ordinal"):
        torch.zeros(1, device="cuda:1")
    assert not device.elsewhere(torch.cuda.is_available)
    with pytest.raises(RuntimeError, match="No CUDA GPUs are available"):
        device.elsewhere(lambda: torch.zeros(1, device="cuda"))
    torch.zeros(1, device="cuda")


def test_memory_is_limited():
    with simulated_cuda(memory=1000):
        torch.zeros(100, device="cuda")
        with pytest.raises(torch.OutOfMemoryError, match="CUDA out of memory"):
            torch.zeros(1000, device="cuda")
        with pytest.raises(torch.OutOfMemoryError, match="CUDA out of memory"):
            torch.zeros(1000).cuda()


def test_a_device_without_double_precision():
    with simulated_cuda(kind="mps"):
        tensor = torch.zeros(1, device="mps")
        assert tensor.dtype == torch.float32 and tensor.is_mps and not tensor.is_cuda
        assert tensor.device == torch.device("mps:0")
        assert torch.backends.mps.is_available() and not torch.cuda.is_available()
        for double in (
            lambda: torch.zeros(1, device="mps", dtype=torch.float64),
            lambda: torch.zeros(1, device="mps").double(),
            lambda: torch.zeros(1, dtype=torch.float64).to("mps"),
        ):
            with pytest.raises(TypeError, match="doesn't support float64"):
                double()


def test_waits_are_counted_where_they_happen(device):
    host, tensor = torch.ones(3), torch.ones(3, device="cuda")
    waits = {
        "to_host": tensor.cpu,
        "to_device_pageable": host.cuda,
        "to_device_scalar": torch.tensor(1.0).cuda,
        "_local_scalar_dense": tensor.sum().item,
        "nonzero": tensor.nonzero,
        "host_indices": lambda: tensor[torch.tensor([1])],
        "bool_index": lambda: tensor[tensor > 0],
        "equal": lambda: torch.equal(tensor, tensor),
    }
    for kind, wait in waits.items():
        device.reset()
        wait()
        assert device.counts[kind] == 1, kind
        assert device.counts["waits"] == 1, kind
    device.reset()
    (tensor @ tensor).add_(1)
    tensor.view(3, 1).T.to("cuda")
    host.pin_memory().to("cuda", non_blocking=True)
    assert device.counts["waits"] == 0
    assert device.counts["launches"] == 3
    assert device.counts["to_device_pinned"] == 1


def test_pinned_memory_is_the_hosts(device):
    tensor = torch.ones(4, 2).pin_memory()
    assert tensor.is_pinned() and tensor[1:].is_pinned()
    assert not tensor.clone().is_pinned() and not tensor.cuda().is_pinned()
    with pytest.raises(RuntimeError, match="cannot pin"):
        tensor.cuda().pin_memory()
    loader = DataLoader(TensorDataset(torch.ones(4, 2)), batch_size=2, pin_memory=True)
    assert all(x.is_pinned() for (x,) in loader)


def test_tensors_travel_in_files(device):
    net = network().cuda()
    file = io.BytesIO()
    torch.save(net.state_dict(), file)
    pickled = pickle.dumps(net)
    assert pickle.loads(pickled)[0].weight.is_cuda

    def weight(**options):
        file.seek(0)
        return torch.load(file, weights_only=True, **options)["0.weight"]

    assert weight().is_cuda and weight(map_location="cuda").is_cuda
    assert not weight(map_location="cpu").is_cuda
    with pytest.raises(RuntimeError, match="Attempting to deserialize object on a CUDA"):
        device.elsewhere(weight)
    there = device.elsewhere(lambda: weight(map_location="cpu"))
    assert torch.equal(there, net[0].weight.cpu())


def test_autocast_computes_in_lower_precision(device):
    net = nn.Linear(2, 2).cuda()
    with torch.autocast("cuda", dtype=torch.bfloat16):
        logits = net(torch.ones(1, 2, device="cuda"))
        loss = nn.functional.cross_entropy(logits, torch.zeros(1, dtype=torch.long).cuda())
    assert logits.dtype == torch.bfloat16 and loss.dtype == torch.float32
    loss.backward()
    assert net.weight.grad.dtype == torch.float32


def test_weights_that_are_set(device):
    net = nn.Linear(2, 2).cuda()
    net.weight.data = torch.ones(2, 2, device="cuda")
    net.bias.data.zero_()
    assert net(torch.ones(1, 2, device="cuda")).tolist() == [[2, 2]]
    ones = 1 + 0 * nn.utils.parameters_to_vector(net.parameters())
    nn.utils.vector_to_parameters(ones, net.parameters())
    assert net(torch.ones(1, 2, device="cuda")).tolist() == [[3, 3]]
    net(torch.ones(1, 2, device="cuda")).sum().backward()
    assert net.weight.grad.is_cuda and net.weight.is_leaf


def test_lazy_modules(device):
    net = nn.Sequential(nn.LazyLinear(3), nn.LazyBatchNorm1d()).to("cuda").to(torch.float64)
    out = net(torch.ones(2, 5, device="cuda", dtype=torch.float64))
    assert out.is_cuda and net[0].weight.is_cuda and net[0].weight.shape == (3, 5)
    assert {weight.dtype for weight in net.parameters()} == {torch.float64}
    out.sum().backward()
    assert net[0].weight.grad.is_cuda


def test_views_in_inference_mode(device):
    token = nn.Parameter(torch.zeros(1, 2)).cuda()
    with torch.inference_mode():
        views = token.expand(4, -1), token.T[0], torch.ones(2, device="cuda")[None]
        assert [view.is_inference() for view in views] == [False, False, True]
        assert torch.cat(views[:1] * 2).shape == (8, 2)


def test_inference_mode_and_threads(device):
    tensor, found = torch.ones(2, device="cuda"), []

    def in_thread():
        found.append((tensor + torch.ones(2, device="cuda")).cpu().tolist())

    with torch.inference_mode():
        assert (tensor.to("cuda", torch.float64) * 2).tolist() == [2, 2]
    thread = threading.Thread(target=in_thread)
    thread.start()
    thread.join()
    assert found == [[2, 2]]


def test_tensors_without_values_stay_so(device):
    with torch.device("meta"):
        net = nn.Linear(1 << 20, 1 << 20)
    assert net.weight.is_meta and not net.weight.is_cuda
    assert torch.empty_like(net.weight).is_meta and torch.zeros(2).to("meta").is_meta
    assert (net(torch.empty(3, 1 << 20, device="meta"))).shape == (3, 1 << 20)


def test_nothing_is_left_behind():
    outer = active_simulation()
    before = torch.cuda.is_available(), torch.Generator, torch.load, torch.Tensor.pin_memory
    state = torch.get_rng_state()
    with simulated_cuda() as device:
        assert active_simulation() is device
        tensor = torch.rand(3, device="cuda")
    assert active_simulation() is outer
    assert before == (
        torch.cuda.is_available(),
        torch.Generator,
        torch.load,
        torch.Tensor.pin_memory,
    )
    assert torch.equal(torch.get_rng_state(), state)
    if outer is None:
        with pytest.raises(RuntimeError, match="after its end"):
            tensor + 1


def test_what_is_not_simulated_says_so(device):
    module, x = nn.Linear(2, 2).cuda(), torch.ones(1, 2, device="cuda")
    calls = {
        "torch.compile": lambda: torch.compile(module),
        "torch.export.export": lambda: torch.export.export(module, (x,)),
        "torch.jit.trace": lambda: torch.jit.trace(module, x),
        "torch.onnx.export": lambda: torch.onnx.export(module, (x,), io.BytesIO()),
        "torch.cuda.CUDAGraph": lambda: torch.cuda.CUDAGraph(),
        "torch.cuda.Event": lambda: torch.cuda.Event(),
        "torch.cuda.Stream": lambda: torch.cuda.Stream(),
        "SpawnProcess._Popen": multiprocessing.get_context("spawn").Process().start,
    }
    for name, call in calls.items():
        with pytest.raises(NotSimulated, match=f"{name} is not simulated: "):
            call()
