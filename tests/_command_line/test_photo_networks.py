import sys
from urllib.error import URLError

import pytest
import torch

from sksoftinfo._command_line.photo_networks import LITE, find_class, load_network, whole_picture

CLASSES = ["tabby", "Egyptian cat", "oystercatcher", "Persian cat", "trench coat", "CD player"]


def test_classes_are_found_by_their_name():
    assert find_class("tabby", CLASSES) == "tabby"
    assert find_class("cd PLAYER", CLASSES) == "CD player"
    for name, near in [
        ("cat", "; similar names are 'Egyptian cat', 'Persian cat', "),
        ("egyptan cat", "; similar names are 'Egyptian cat'"),
        ("catch", "; similar names are 'oystercatcher'"),
        ("xyz", r"of the network\. Use the name of a class of ImageNet, such as 'tabby'"),
    ]:
        with pytest.raises(ValueError, match=f"--target '{name}' is not one of the 6.*{near}"):
            find_class(name, CLASSES)


def test_networks_of_torchvision(monkeypatch):
    models = pytest.importorskip("torchvision.models")
    with pytest.raises(
        ValueError, match="resnet51 is not a known network.*'resnet50'.*Use efficientne"
    ):
        load_network("resnet51")
    monkeypatch.setattr(models, "get_model", lambda name, weights: torch.nn.Linear(1, 1))
    network = load_network("mobilenet_v3_small")
    assert len(network.classes) == 1000 and "tabby" in network.classes

    def no_network(name, weights):
        raise URLError("no route to host")

    monkeypatch.setattr(models, "get_model", no_network)
    with pytest.raises(OSError, match="resnet18 cannot be downloaded .*no route.*leave out --net"):
        load_network("resnet18")


def test_the_network_that_needs_no_download(capsys):
    pytest.importorskip("torchvision")
    pytest.importorskip("efficientnet_lite_pytorch")
    network = load_network(LITE)
    assert capsys.readouterr().out == "" and len(network.classes) == 1000
    with torch.no_grad():
        assert network.module.eval()(torch.zeros(1, 3, 64, 64)).shape == (1, 1000)


@pytest.mark.parametrize("missing", ["torchvision", "efficientnet_lite_pytorch"])
def test_a_missing_package_names_the_extra(missing, monkeypatch):
    if missing != "torchvision":
        pytest.importorskip("torchvision")
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ImportError, match=r"pip install 'sksoftinfo\[photos\]'"):
        load_network(LITE)


def test_nothing_is_cut_off():
    pytest.importorskip("torchvision")
    image = pytest.importorskip("PIL.Image").new("RGB", (90, 40), (255, 0, 0))
    tensor = whole_picture(32, [0.5] * 3, [0.5] * 3)(image)
    assert tensor.shape == (3, 32, 32)
    torch.testing.assert_close(tensor[:, 0, 0], torch.tensor([1.0, -1.0, -1.0]))
