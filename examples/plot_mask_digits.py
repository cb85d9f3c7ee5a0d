"""
Keep one digit, mask the rest
=============================

A network learns from the labels of whole images whether they contain a 0. The information about
that label is then computed for each patch of an image, and pixels whose patches carry little of it
are masked (section 4 and Figure 2 of arXiv 1910.02629).
"""

import matplotlib.pyplot as plt

from sksoftinfo import InfoMaskDisplay, InfoMaskTransformer
from sksoftinfo.datasets import make_digit_pairs
from sksoftinfo.metrics import mask_iou_score

train = make_digit_pairs(1000, target=0, random_state=0)
test = make_digit_pairs(200, subset="test", target=0, random_state=1)

# %%
# No pixel is labelled. The patch size is chosen on the training images.

masker = InfoMaskTransformer(target=1, random_state=0).fit(train.data, train.target)
print(f"{masker.patch_scoring_} scoring, patches of {masker.patch_size_} pixels")

# %%
# From left to right: the image; the information about label 1, "the image contains a 0", in nats;
# the mask, which keeps pixels with more than 20 % of the maximum of the image; and the masked
# image.

shown = (test.digits >= 0).all(axis=1) & (test.target == 1)
images = test.data[shown][:4]
InfoMaskDisplay.from_estimator(masker, images)
plt.show()

# %%
# The true masks are known here, so that masks can be compared with them.

agreement = mask_iou_score(test.masks, masker.mask(test.data), foreground=test.foreground)
print(f"mean IoU with the true masks, on pixels with ink: {agreement:.3f}")
print(f"boxes of the first images {masker.bounding_boxes(images).tolist()}")
