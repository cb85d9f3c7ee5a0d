"""Sphinx configuration. Build: ``python -m sphinx -W -b html docs docs/_build/html``."""

import html
import inspect
import logging
import pydoc
import re

import latex2mathml.converter
from docutils import nodes
from skorch.callbacks import Callback

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
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "auto_examples/**/*.ipynb", "auto_examples/*.ipynb"]
templates_path = ["_templates"]
default_role = "py:obj"

myst_enable_extensions = ["attrs_block", "colon_fence", "dollarmath"]
html_math_renderer = "mathml"
myst_heading_anchors = 3

html_theme = "pydata_sphinx_theme"
html_title = "sksoftinfo"
html_theme_options = {
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "header_links_before_dropdown": 6,
}
html_context = {"default_mode": "auto"}
without_sidebar = ("index", "first_steps", "peers", "glossary", "contributing", "changelog")
html_sidebars = {page: [] for page in (*without_sidebar, "auto_examples/index")}
html_static_path = ["_static"]
html_css_files = ["sksoftinfo.css"]
html_domain_indices = False
html_show_sourcelink = False
copybutton_exclude = ".linenos, .gp, .go"

autosummary_generate = True
toc_object_entries_show_parents = "hide"
autodoc_typehints = "none"
numpydoc_show_class_members = False
# Some values are functions, which Sphinx cannot cache.
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
    "plot_mixed_table.py",
    "plot_feature_groups.py",
    "plot_cost_of_a_feature.py",
    "plot_compare_models.py",
    "plot_groups_and_time.py",
    "plot_learning_curve.py",
    "plot_label_errors.py",
    "plot_choose_threshold.py",
    "plot_imbalanced_digits.py",
    "plot_frozen_backbone.py",
    "plot_mask_digits.py",
    "plot_photographs.py",
    "plot_mask_search.py",
    "plot_against_captum.py",
    "plot_log_softmax_is_dv.py",
    "plot_known_information.py",
    "plot_noise_hides_information.py",
]


def reading_order(name):
    """Return the place of an example in the gallery: tables, then images, then the paper."""
    return READING_ORDER.index(name)


# In the gallery, estimators link to these pages.
DOCUMENTED = (
    sksoftinfo.InfoMaskTransformer,
    sksoftinfo.InfoSoftmaxClassifier,
    sksoftinfo.StochasticInfoClassifier,
)


def page_of(estimator):
    """Return the name of the documented class, which a private subclass shares."""
    return {"name": next(one.__name__ for one in DOCUMENTED if isinstance(estimator, one))}


for documented in DOCUMENTED:
    documented._doc_link_module = "sksoftinfo"
    documented._doc_link_template = "../generated/sksoftinfo.{name}.html"
    documented._doc_link_url_param_generator = page_of

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"plot_",
    "doc_module": ("sksoftinfo",),
    "backreferences_dir": "generated/backreferences",
    "inspect_global_variables": False,
    "within_subsection_order": reading_order,
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "min_reported_time": 0,
    "write_computation_times": False,
    "thumbnail_size": (640, 400),
    "remove_config_comments": True,
}


def own_methods(class_name, methods):
    """Return the methods that the package itself documents, and that users call."""
    cls = pydoc.locate(class_name)
    events = {name for name in dir(Callback) if name.startswith("on_")}
    called_by_libraries = events | {"get_metadata_routing"}
    return [
        name
        for name in methods
        if name not in called_by_libraries
        and getattr(inspect.unwrap(getattr(cls, name)), "__module__", "").startswith("sksoftinfo")
    ]


autosummary_context = {"own_methods": own_methods}


class UnreachedInventories(logging.Filter):
    """Let a build without a network lose its links to other projects instead of failing."""

    def filter(self, record):
        if str(record.msg).startswith("failed to reach any of the inventories"):
            record.levelno, record.levelname = logging.INFO, "INFO"
        return True


def mathml(latex, display):
    """Return a formula as MathML, which browsers render without a script or a network."""
    text = latex2mathml.converter.convert(latex, display=display)
    # In MathML "log" is an identifier like x, and would touch its argument.
    text = re.sub(
        r"<m[io]>(log|exp|logit)</m[io]>(?=(<mo[^>]*>&#x00028;)?)",
        lambda found: (
            f'<mo lspace="0.167em" rspace="{0 if found[2] else 0.167}em">{found[1]}</mo>'
        ),
        text,
    )
    # A prime is a small character, which would be too small and too high as an exponent.
    prime = r"<msup>(<mi>.</mi>)<mi>(&#x02032;)</mi></msup>"
    text = re.sub(prime, r'\1<mo lspace="0em" rspace="0em">\2</mo>', text)
    return text.replace('<mrow><mo lspace="0.167em"', '<mrow><mo lspace="0em"')


def visit_math(translator, node):
    """Write an inline formula."""
    translator.body.append(mathml(node.astext(), "inline"))
    raise nodes.SkipNode


def visit_math_block(translator, node):
    """Write a displayed formula."""
    translator.body.append(f'<div class="math">{mathml(node.astext(), "block")}</div>')
    raise nodes.SkipNode


def keep_short_code_whole(app, doctree, docname):
    """Mark short literals, such as names and options, which no line break may split."""
    for literal in doctree.findall(nodes.literal):
        if len(literal.astext()) <= 26:
            literal["classes"].append("whole")


def keep_units_and_sizes_whole(app, doctree, docname):
    """Let no line break separate a number from its per cent sign, or the sides of a size."""
    for text in list(doctree.findall(nodes.Text)):
        if not isinstance(text.parent, (nodes.literal, nodes.math, nodes.FixedTextElement)):
            whole = re.sub(r"(?<=\d) (?=%)|(?<=\d) (?=x \d)|(?<=\d x) (?=\d)", "\xa0", text)
            if whole != text:
                text.parent.replace(text, nodes.Text(whole))


def keep_numbers_whole(app, doctree, docname):
    """Mark entries of tables that consist of numbers, which break before brackets only."""
    for entry in doctree.findall(nodes.entry):
        if re.fullmatch(r"[-+\d.,;/()\[\]x\s]+", entry.astext()):
            entry["classes"].append("whole")
            for text in list(entry.findall(nodes.Text)):
                text.parent.replace(text, nodes.Text(re.sub(r" (?![(\[])", "\xa0", text)))


def give_long_entries_room(app, doctree, docname):
    """Mark long entries of tables, which would break at each word, or within a name."""
    for entry in doctree.findall(nodes.entry):
        if len(entry.astext()) > 26:
            is_name = not re.search(r"\s", entry.astext())
            entry["classes"].append("long-name" if is_name else "words")


def keep_many_columns_small(app, doctree, docname):
    """Mark tables of many columns, whose text is smaller."""
    for group in doctree.findall(nodes.tgroup):
        if group["cols"] >= 6:
            group.parent["classes"].append("many-columns")


def with_breaks(page, shortest):
    """Let names of that many characters break between their parts or else between words."""
    parts = r"(?<=[/(=])(?=[\w&])|(?=::)|(?=\.(?!py\b)[a-z])"
    words = r"(?<=[a-z])(?=[A-Z][a-z])|(?<=_)(?=\w)"

    def broken(found):
        if len(html.unescape(found[0])) < shortest:
            return found[0]
        places = parts if re.search(parts, found[0]) else words
        return re.sub(places, "<wbr>", found[0])

    return re.sub(r"(?<=[>\s])[^\s<>]+(?=\s*<)", broken, page)


def break_long_names(app, pagename, templatename, context, doctree):
    """Let long names break in titles, in the text, in signatures and in the sidebars."""
    body = context.get("body", "")
    body = re.sub(r"<h1>.*?</h1>", lambda found: with_breaks(found[0], 12), body)
    body = re.sub(r'<span class="pre">[^<]*</span>', lambda found: with_breaks(found[0], 27), body)
    context["body"] = re.sub(r'<span class="sig-paren">\(</span>', r"\g<0><wbr>", body)
    for name in ("generate_toctree_html", "generate_toc_html"):
        if name in context:
            write = context[name]
            context[name] = lambda *args, write=write, **options: with_breaks(
                str(write(*args, **options)), 16
            )


def let_signatures_break(app, pagename, templatename, context, doctree):
    """Let signatures in lists of objects break, where autosummary writes no-break spaces."""
    context["body"] = re.sub(
        r'<table class="autosummary.*?</table>',
        lambda found: found[0].replace("\xa0", " "),
        context.get("body", ""),
        flags=re.DOTALL,
    )


def keep_options_whole(app, pagename, templatename, context, doctree):
    """Mark options of commands, which would break behind their hyphens."""
    block = re.compile(r'<div class="highlight-bash.*?</pre>', re.DOTALL)
    option = re.compile(r"(?<![\w-])--?[a-z][\w-]*")
    body = block.sub(
        lambda found: option.sub(r'<span class="whole">\g<0></span>', found[0]),
        context.get("body", ""),
    )
    context["body"] = re.sub(r'<span class="pre">(?=--?[a-z])', '<span class="pre whole">', body)


def let_figures_scroll(app, pagename, templatename, context, doctree):
    """Wrap figures with text, which scroll on a narrow screen rather than shrink."""
    context["body"] = re.sub(
        r'<img [^>]*sphx-glr-single-img[^>]*>|<img alt="[^"]*" src="_images/[^>]*>',
        r'<div class="wide-figure">\g<0></div>',
        context.get("body", ""),
    )


def show_arguments(app, what, name, obj, options, signature, returned):
    """Return a signature without private arguments, and with the names of classes."""
    if what not in ("class", "exception") or not signature:
        return None
    if signature == "(*args, **kwargs)":  # The signature of every torch module without arguments.
        return "()", returned
    signature = re.sub(r", _\w+=\w+", "", signature)
    return re.sub(r"<class '(?:\w+\.)*(\w+)'>", r"\1", signature), returned


def setup(app):
    app.connect("autodoc-process-signature", show_arguments)
    app.connect("doctree-resolved", keep_short_code_whole)
    app.connect("doctree-resolved", keep_units_and_sizes_whole)
    app.connect("doctree-resolved", keep_numbers_whole)
    app.connect("doctree-resolved", keep_many_columns_small)
    app.connect("doctree-resolved", give_long_entries_room)
    app.connect("html-page-context", keep_options_whole)
    app.connect("html-page-context", let_figures_scroll)
    app.connect("html-page-context", let_signatures_break)
    # Connect after the theme, which adds the function that writes the sidebar.
    app.connect("html-page-context", break_long_names, priority=900)
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math_block, None))
    logging.getLogger("sphinx.sphinx.ext.intersphinx").addFilter(UnreachedInventories())
