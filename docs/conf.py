"""Sphinx configuration. Build: ``python -m sphinx -W -b html docs docs/_build/html``."""

import inspect
import logging
import pydoc

import sksoftinfo

project = "sksoftinfo"
author = "The sksoftinfo developers"
copyright = author
version = release = sksoftinfo.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.mathjax",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "auto_examples/**/*.ipynb", "auto_examples/*.ipynb"]
templates_path = ["_templates"]
default_role = "py:obj"

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

html_theme = "pydata_sphinx_theme"
html_title = f"sksoftinfo {release}"
html_theme_options = {
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "header_links_before_dropdown": 6,
}
html_sidebars = {page: [] for page in ("index", "first_steps", "peers", "changelog")}
html_show_sourcelink = False
copybutton_exclude = ".linenos, .gp, .go"

autosummary_generate = True
toc_object_entries_show_parents = "hide"
autodoc_typehints = "none"
numpydoc_show_class_members = False
# There are functions among the values: they are compared anew in each build.
suppress_warnings = ["config.cache"]

intersphinx_mapping = {
    "numpy": ("https://numpy.org/doc/stable", None),
    "python": ("https://docs.python.org/3", None),
    "sklearn": ("https://scikit-learn.org/stable", None),
    "skorch": ("https://skorch.readthedocs.io/en/stable", None),
    "torch": ("https://docs.pytorch.org/docs/stable", None),
}
intersphinx_timeout = 10

READING_ORDER = [
    "plot_bits_in_tables.py",
    "plot_learning_curve.py",
    "plot_feature_groups.py",
    "plot_imbalanced_digits.py",
    "plot_frozen_backbone.py",
    "plot_mask_digits.py",
    "plot_mask_search.py",
    "plot_against_captum.py",
    "plot_log_softmax_is_dv.py",
    "plot_known_information.py",
    "plot_stochastic_sandwich.py",
]


def reading_order(name):
    """Return the place of an example in the gallery: tables, then images, then the paper."""
    return READING_ORDER.index(name)


# In the gallery, estimators link to these pages.
for estimator in (
    sksoftinfo.InfoMaskTransformer,
    sksoftinfo.InfoSoftmaxClassifier,
    sksoftinfo.StochasticInfoClassifier,
):
    estimator._doc_link_module = "sksoftinfo"
    estimator._doc_link_template = "../generated/{estimator_module}.{estimator_name}.html"

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"plot_",
    "doc_module": ("sksoftinfo",),
    "reference_url": {"sksoftinfo": None},
    "backreferences_dir": "generated/backreferences",
    "inspect_global_variables": False,
    "within_subsection_order": reading_order,
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "min_reported_time": 0,
    "remove_config_comments": True,
}


def own_methods(class_name, methods):
    """Return the methods that the package itself documents."""
    cls = pydoc.locate(class_name)
    return [
        name
        for name in methods
        if getattr(inspect.unwrap(getattr(cls, name)), "__module__", "").startswith("sksoftinfo")
    ]


autosummary_context = {"own_methods": own_methods}


class UnreachedInventories(logging.Filter):
    """Without a network the build loses its links to other projects, and does not fail."""

    def filter(self, record):
        if str(record.msg).startswith("failed to reach any of the inventories"):
            record.levelno, record.levelname = logging.INFO, "INFO"
        return True


def setup(app):
    logging.getLogger("sphinx.sphinx.ext.intersphinx").addFilter(UnreachedInventories())
