"""Sphinx extension of the book: tested outputs in the pages, and pages that need no other host."""

import shutil
from pathlib import Path

import laboratory_pages
import nbformat
from durations import show_durations
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn, NbValidityError
from lighten import (
    MATHJAX,
    compress_pictures,
    drop_debugging_files,
    plain_titles,
    serve_mathjax,
    subset_icons,
)
from measured import MEASURED, Measured
from mending import mend_file
from readers import unfold
from rooms import RoomContents, Rooms
from sphinx.util import logging
from sphinx_exercise.nodes import solution_node
from usage import link_names, say_users

LOGGER = logging.getLogger(__name__)

# Pages that read what lies beside them, which Colab, opening one notebook, does not have.
NOT_ON_COLAB = {"book/claims"}


def seed_cache(app):
    """Give jupyter-cache the outputs of the committed notebooks, so that the pages show those.

    The cache is looked up by the code of the chapter: one that was edited since its notebook was
    refreshed is not found there and is executed. It is emptied first: it knows nothing of the
    package, so what an earlier build executed may be out of date.
    """
    path = Path(app.config.nb_execution_cache_path or Path(app.outdir).parent / ".jupyter_cache")
    shutil.rmtree(path, ignore_errors=True)
    cache = get_cache(path)
    for notebook in sorted(Path(app.srcdir, "book").glob("*.ipynb")):
        content = nbformat.read(notebook, as_version=4)
        unfold(content)  # the cache compares metadata, too
        try:
            cache.cache_notebook_bundle(CacheBundleIn(nb=content, uri=str(notebook)))
        except NbValidityError as error:
            LOGGER.warning("%s was not run top to bottom: %s", notebook.name, error)


def prune_launch_buttons(app, pagename, templatename, context, doctree):
    """Take the Colab button off a page that cannot work there."""
    if pagename in NOT_ON_COLAB:
        for group in context.get("header_buttons", []):
            buttons = group.get("buttons", [])
            buttons[:] = [button for button in buttons if button["text"] != "Colab"]


def take_over_hide_solutions(app, config):
    """Hide solutions with all that is in them where `hide_solutions` is set.

    sphinx-exercise leaves out the directive alone, and fails at the end of one that spans cells.
    """
    if config.hide_solutions:
        config.hide_solutions = False
        app.connect("doctree-read", remove_solutions)


def remove_solutions(app, doctree):
    """Take every solution out of a page."""
    for solution in list(doctree.findall(solution_node)):
        solution.parent.remove(solution)


def finish_pages(app, error):
    """Make the written pages light and usable by everybody."""
    if error or app.builder.format != "html":
        return
    site = Path(app.outdir)
    static = site / "_static"
    serve_mathjax(static)
    drop_debugging_files(static)
    plain_titles(site / "searchindex.js")
    pictures = compress_pictures(site / "_images")
    pages = [path for path in site.rglob("*.html") if static not in path.parents]
    for path in pages:
        mend_file(path, pictures)
    subset_icons(static, [path.read_text(encoding="utf8") for path in pages])


def choose_mathjax(app, config):
    """Load only what sets formulas, on top of what other extensions ask of MathJax."""
    config.mathjax_path = "mathjax/startup.js"
    config.mathjax3_config = {**(config.mathjax3_config or {}), **MATHJAX}


def prune_signatures(app, what, name, value, options, signature, returns):
    """Say what an argument may be, without the `| Any` by which a function checks it itself."""
    return signature and signature.replace(" | ~typing.Any", ""), returns


def setup(app):
    """Register the handlers with Sphinx."""
    app.setup_extension("sphinx.ext.autodoc")  # whose event is asked for below
    laboratory_pages.setup(app)
    app.add_directive("rooms", Rooms)
    app.add_directive("room-contents", RoomContents)
    for name in MEASURED:
        app.add_directive(name, Measured)
    app.connect("builder-inited", seed_cache, priority=100)
    app.connect("config-inited", choose_mathjax, priority=900)
    app.connect("config-inited", take_over_hide_solutions)
    app.connect("doctree-read", show_durations)
    app.connect("doctree-read", link_names)
    app.connect("autodoc-process-docstring", say_users)
    app.connect("html-page-context", prune_launch_buttons, priority=900)
    app.connect("build-finished", finish_pages)
    app.connect("autodoc-process-signature", prune_signatures)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
