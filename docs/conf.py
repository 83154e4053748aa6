"""Configuration of the site: `make docs` builds it with Sphinx."""

import logging
import os
import re
import sys
from pathlib import Path

# Quiet, before anything imports TensorFlow.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# The gallery asks a detector about images of many sizes, each of which is
# traced. TensorFlow warns of that.
logging.getLogger("tensorflow").setLevel(logging.ERROR)

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "docs" / "extensions")]

import kcv  # noqa: E402

project = "kcv"
author = "kcv developers"
copyright = "kcv developers, Apache-2.0"
version = release = kcv.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_gallery.gen_gallery",
    "house_docstrings",
    "linked_names",
]
templates_path = ["_templates"]
# What stands between single backticks in a docstring is code.
default_role = "literal"
exclude_patterns = ["gallery", "**/README.*"]

html_theme = "furo"
pygments_dark_style = "monokai"
html_title = f"kcv {release}"
html_static_path = ["_static"]
html_css_files = ["kcv.css"]
html_copy_source = False
html_theme_options = {"top_of_page_buttons": []}

# Every reference must be found. Types in signatures are not references of ours:
# those of Keras and TensorFlow would need inventories from the network.
nitpicky = True
nitpick_ignore_regex = [("py:(class|exc)", ".*")]

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4

# Methods that Keras defines have no docstring here (docs/style.md), and
# Keras's own is not repeated.
autodoc_inherit_docstrings = False
autodoc_default_options = {"members": True}
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
maximum_signature_line_length = 80
autodoc_typehints_format = "short"
autosummary_ignore_module_all = False
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_custom_sections = [("Call arguments", "params_style")]

sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "auto_gallery",
    "filename_pattern": r"\.py$",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "within_subsection_order": "FileNameSortKey",
    "write_computation_times": False,
    "min_reported_time": 600,
    "plot_gallery": True,
    "remove_config_comments": True,
}

# Files of the repository that are pages of the site under another name.
PAGES = {
    "CONTRIBUTING.md": "contributing.md",
    "recipes/README.md": "recipes.md",
    "export/README.md": "export.md",
    "SECURITY.md": "security.md",
}


def link_pages(app, docname, source):
    """Lead links to files of the repository to the pages that show them."""
    here = "../" * docname.count("/")
    for file, page in PAGES.items():
        source[0] = re.sub(
            rf"\]\({re.escape(here)}\.\./{re.escape(file)}",
            f"]({here}{page}",
            source[0],
        )


def setup(app):
    """Register what this file defines."""
    app.connect("source-read", link_pages)
    app.connect(
        "include-read",
        lambda app, path, docname, text: link_pages(app, docname, text),
    )
