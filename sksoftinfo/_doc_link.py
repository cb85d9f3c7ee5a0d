"""The link to an estimator's page in its HTML representation."""

from __future__ import annotations

from functools import cache
from importlib import metadata

_PAGE = "generated/{estimator_module}.{estimator_name}.html"


@cache
def page_template():
    """Return where an estimator's page is, or "" where the package states no address of its docs.

    The address is that of ``Documentation`` among the URLs of the installed package.
    """
    try:
        urls = metadata.metadata("sksoftinfo").get_all("Project-URL") or []
    except metadata.PackageNotFoundError:
        urls = []
    addresses = dict(url.split(", ", 1) for url in urls)
    if "Documentation" not in addresses:
        return ""
    return f"{addresses['Documentation'].rstrip('/')}/{_PAGE}"


class DocLinkMixin:
    """Tells scikit-learn's HTML representation where the documentation of an estimator is."""

    _doc_link_module = "sksoftinfo"

    @property
    def _doc_link_template(self):
        return page_template()
