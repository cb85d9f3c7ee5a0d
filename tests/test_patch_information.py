import numpy as np

from sksoftinfo._patch_information import log_odds, patch_information


def test_weight_of_evidence_and_pmi_by_hand():
    log_proba = np.log([[0.2, 0.5, 0.3], [1e-9, 1e-9, 1 - 2e-9]])
    prior = np.array([0.5, 0.25, 0.25])
    odds = np.array([0.5 / 0.5, 1e-9 / (1 - 1e-9)])
    np.testing.assert_allclose(
        patch_information("weight_of_evidence", None, log_proba, prior, 1),
        np.log(odds) - np.log(0.25 / 0.75),
    )
    np.testing.assert_allclose(
        patch_information("pmi", None, log_proba, prior, 1), log_proba[:, 1] - np.log(0.25)
    )
    np.testing.assert_allclose(log_odds(log_proba, 2)[1], np.log((1 - 2e-9) / 2e-9))
