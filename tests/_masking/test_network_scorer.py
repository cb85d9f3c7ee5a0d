"""What scorers of a feature map share: the device of the network, its dtype, and batches."""

import numpy as np
import pytest
import torch

from sksoftinfo import InfoMaskTransformer, InfoSoftmaxClassifier
from sksoftinfo._masking.image_classifier import ImageClassifier
from sksoftinfo._masking.network_scorer import NetworkScorer
from tests.helpers.pretrained import NAMES, Colours


def test_large_images_go_through_the_network_in_smaller_batches(network):
    classifier = ImageClassifier(network, (3, 32, 32), 200)
    assert NetworkScorer(classifier, (32, 32)).images_per_batch == 200
    assert NetworkScorer(classifier, (64, 64)).images_per_batch == 64
    assert NetworkScorer(classifier, (4000, 4000)).images_per_batch == 32
    scorer = NetworkScorer(ImageClassifier(network, (3, 32, 32), 5), (32, 32))
    assert scorer.images_per_batch == 5
    assert scorer.dtype == np.float32


@pytest.mark.parametrize("patch_size", ["auto", 8], ids=["pictures", "patches"])
def test_images_on_the_device_have_the_masks_of_those_on_the_host(patch_size, pictures, cuda):
    images = pictures[0]
    found = []
    for device in ("cpu", "cuda"):
        classifier = InfoSoftmaxClassifier.from_module(Colours(), classes=NAMES, device=device)
        masker = InfoMaskTransformer(
            classifier, target="red", patch_size=patch_size, random_state=0
        )
        masker.fit(images)
        given = torch.tensor(images).to(device)
        found.append((masker.information_map(given), masker.mask(given), masker.transform(given)))
        assert masker._mapper.scorer.device.type == device
    for host, on_device in zip(*found, strict=True):
        np.testing.assert_allclose(np.asarray(on_device), np.asarray(host), atol=1e-5)
