"""
Keep one digit, mask the rest
=============================

A network learns from the labels of whole images whether they contain a 0. Each window of an image
is then asked for its own information about that label, and what carries too little is masked
(section 4 and Figure 2 of the paper).
"""

import matplotlib.pyplot as plt

from sksoftinfo import InfoMaskTransformer
from sksoftinfo.datasets import make_digit_pairs

train = make_digit_pairs(1500, target=0, random_state=0)
test = make_digit_pairs(200, subset="test", target=0, random_state=1)

# %%
# No pixel is labelled. The patch size is chosen on the training images.

masker = InfoMaskTransformer(target=1, random_state=0).fit(train.data, train.target)
print(f"{masker.patch_scoring_} scoring, patches of {masker.patch_size_} pixels")

# %%
# The information of each pixel's windows, in nats, and what the 20 % rule keeps.

shown = (test.digits >= 0).all(axis=1) & (test.target == 1)
images = test.data[shown][:4]
information, masked = masker.information_map(images), masker.transform(images)

figure, axes = plt.subplots(4, 3, figsize=(9, 6.5), layout="constrained")
limit = abs(information).max()
for row, (image, nats, kept) in enumerate(zip(images, information, masked, strict=True)):
    axes[row, 0].imshow(image, cmap="gray")
    colours = axes[row, 1].imshow(nats, cmap="RdBu_r", vmin=-limit, vmax=limit)
    axes[row, 2].imshow(kept, cmap="gray")
for axis in axes.flat:
    axis.set_axis_off()
for axis, title in zip(axes[0], ("image", "information about 0", "kept"), strict=True):
    axis.set_title(title)
figure.colorbar(colours, ax=axes, label="nats")
plt.show()
