"""The score of masks of composites."""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sksoftinfo import InfoMaskTransformer
from sksoftinfo._masking import mask_score
from sksoftinfo._masking.mask_score import score_masks
from tests._masking.test_size_choice import painted, pairs_of_digits, quality

OPTIONS = {"context": 1, "random_state": 0, "require_presence": False}


class Painter:
    """A transformer whose masks cover the first channel, which belongs to the target."""

    classes_ = np.array([0, 1])
    target, combine, batch_size = 1, "union", 7

    def __init__(self, kept, tell=1):
        self.kept = kept
        self._classifier = SimpleNamespace(
            logits=lambda images: np.outer(images[:, 0].sum(axis=(1, 2)), [0, tell])
        )

    def _fill(self, images):
        return np.zeros_like(images)


@pytest.fixture
def score(monkeypatch):
    monkeypatch.setattr(mask_score, "all_masks", lambda masker, images, y: masker.kept(images))
    images, y = painted()
    return lambda *options: score_masks(Painter(*options), images, y)


def test_the_score_is_the_difference_of_the_shares_that_are_kept(score):
    ours = lambda images: images[:, 0] > 0  # noqa: E731
    others = lambda images: images[:, 1] > 0  # noqa: E731
    first_rows = np.arange(8)[:, None] < 4
    assert score(ours) == pytest.approx(1)
    assert score(lambda images: ours(images) & first_rows) == pytest.approx(0.5)
    assert score(lambda images: ours(images) | (others(images) & first_rows)) == pytest.approx(0.5)
    assert score(lambda images: np.ones((len(images), 8, 16), bool)) == pytest.approx(0)
    assert score(lambda images: np.zeros((len(images), 8, 16), bool)) == 0
    assert score(lambda images: 0.25 * ours(images)) == pytest.approx(0.25)
    assert score(others) == pytest.approx(-1)
    # The classifier, not the mask, determines the side of the target.
    assert score(ours, -1) == pytest.approx(0)


@pytest.fixture(scope="module")
def digits():
    """Return images of pairs, labels, and a classifier of other pairs."""
    rows = np.random.default_rng(0).permutation(1797)
    X, y, _ = pairs_of_digits(rows[:1000], 300, seed=0)
    fitted = LogisticRegression(C=0.1, max_iter=300).fit(X.reshape(len(X), -1), y)
    return *pairs_of_digits(rows[1000:], 60, seed=1), FrozenEstimator(fitted)


def test_a_search_chooses_masks_of_nearly_the_best_overlap(digits):
    X, y, halves, classifier = digits
    masker = InfoMaskTransformer(
        classifier, target=1, threshold_reference="absolute", patch_size=6, **OPTIONS
    )
    grid = {"threshold": [-100.0, 0.5, 2.0, 100.0], "patch_size": [2, 6]}
    search = GridSearchCV(masker, grid, cv=2).fit(X, y)
    scores = search.cv_results_["mean_test_score"]
    assert np.abs(scores).max() <= 1
    everything, nothing = (
        scores[[one["threshold"] == limit for one in search.cv_results_["params"]]]
        for limit in (-100.0, 100.0)
    )
    np.testing.assert_allclose([everything, nothing], 0, atol=1e-9)
    overlap = [
        quality(clone(masker).set_params(**one).fit(X, y), X, halves)
        for one in search.cv_results_["params"]
    ]
    assert overlap[search.best_index_] > max(overlap) - 0.05


def test_the_same_images_have_the_same_score_whatever_the_batches_and_seeds(digits, tmp_path):
    X, y, _, classifier = digits
    masker = InfoMaskTransformer(classifier, target=1, patch_size=6, **OPTIONS).fit(X, y)
    expected = masker.score(X, y)
    assert masker.score(X, y) == expected > 0.2
    masker.set_params(batch_size=7, random_state=np.random.RandomState(1))
    assert masker.score(X, y) == pytest.approx(expected)
    masker.set_params(memory=str(tmp_path))
    assert masker.score(X, y) == pytest.approx(expected)


@pytest.mark.parametrize(
    "options",
    [
        {"target": None},
        {"target": ["one", "two"]},
        {"target": ["one", "two"], "combine": "group"},
        {"target": "two", "mask_type": "soft"},
        {"target": "two", "components": True, "require_presence": True},
    ],
)
def test_targets_and_kinds_of_masks(options):
    rng = np.random.default_rng(0)
    names = np.array(["none", "one", "two"])
    y = np.arange(60) % 3
    X = np.zeros((60, 8, 8))
    X[y == 1, 1:4, 1:4] = X[y == 2, 5:7, 4:7] = X[y == 0, 1:3, 5:7] = 1
    X *= rng.uniform(0.5, 1, X.shape)
    masker = InfoMaskTransformer(
        LogisticRegression(C=10), patch_size=3, **{**OPTIONS, **options}
    ).fit(X, names[y])
    assert 0.2 < masker.score(X, names[y]) <= 1
    single = y == 1
    with pytest.raises(ValueError, match="`y` must contain .*image that does not show the target"):
        shown = single if options["target"] != "two" else y == 2
        masker.score(X[shown], names[y[shown]])


def test_tables_are_joined_by_their_columns():
    rng = np.random.default_rng(0)
    X, y = rng.uniform(0, 1, (80, 6)), np.arange(80) % 2
    X[:, 0] += 5 * y
    X[:, 5] *= 1e6
    masker = InfoMaskTransformer(
        make_pipeline(StandardScaler(), LogisticRegression()), target=1, patch_size=1, **OPTIONS
    ).fit(X, y)
    assert 0.2 < masker.score(X, y) <= 1
    with pytest.raises(ValueError, match=r"at least two pixels, .* got rows of shape \(1,\)"):
        masker.fit(X[:, :1], y).score(X[:, :1], y)
