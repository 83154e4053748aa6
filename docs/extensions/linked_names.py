"""Names of kcv between backticks become links to the reference.

Pages and docstrings are written in plain Markdown: a name stands between single
backticks. On a page, `kcv.boxes.encode` or `kcv.boxes.area(boxes)` is linked if
the reference has the object, and a name of kcv that does not exist is a
warning. In a docstring, `RoIPool` is linked, too: a name in mixed case that
only one object of kcv has. `kcv/boxes.py` leads to the source of the module.
"""

import functools
import importlib
import re
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging

ROOT = Path(__file__).resolve().parents[2]
# A capital letter begins a name that the reader chooses.
FILE = re.compile(r"kcv(?:/[a-z_0-9]+)+\.py")
DOTTED = re.compile(r"kcv(?:\.\w+)+")
MIXED_CASE = re.compile(r"[A-Z]\w*[a-z]\w*")
LOGGER = logging.getLogger(__name__)


@functools.cache
def exists(name):
    """Tell whether kcv has a module or an object of this name."""
    found = importlib.import_module("kcv")
    path = "kcv"
    for part in name.split(".")[1:]:
        path += f".{part}"
        try:
            found = getattr(found, part)
        except AttributeError:
            try:
                found = importlib.import_module(path)
            except ModuleNotFoundError as error:
                # A package that an extra would install may be missing.
                return not error.name.startswith("kcv")
        except ImportError:
            return True
    return True


class LinkNames(SphinxPostTransform):
    """Link the names of documented objects."""

    default_priority = 5  # before references are resolved

    def run(self, **kwargs):
        """Replace inline code by references where the reference has it."""
        objects = self.env.get_domain("py").objects
        kinds = (nodes.literal, nodes.title_reference)
        for node in list(self.document.findall(lambda n: isinstance(n, kinds))):
            text = node.astext()
            literal = nodes.literal(text, text)
            if isinstance(node.parent, nodes.reference | addnodes.pending_xref):
                new = literal
            elif source := self.find_source(text, node):
                new = nodes.reference("", "", literal, refuri=source)
            elif target := self.find(text, objects, node):
                new = addnodes.pending_xref(
                    "",
                    literal,
                    refdomain="py",
                    reftype="obj",
                    reftarget=target,
                    refdoc=self.env.docname,
                )
            else:
                new = literal
            node.replace_self(new)

    def find_source(self, text, node):
        """Find the page with the source of a file of kcv, or None."""
        if not FILE.fullmatch(text):
            return None
        if not (ROOT / text).exists():
            LOGGER.warning("%s does not exist", text, location=node)
        module = text.removesuffix(".py").replace("/", ".")
        if not getattr(self.env, "_viewcode_modules", {}).get(module):
            return None
        page = "_modules/" + module.replace(".", "/")
        return self.app.builder.get_relative_uri(self.env.docname, page)

    def find(self, text, objects, node):
        """Find the documented object that a text names, or None."""
        name = DOTTED.match(text)
        if name and re.fullmatch(r"kcv[.\w]+(\(.*\))?", text, re.DOTALL):
            if name[0] in objects:
                return name[0]
            is_open = re.search(r"\.(json|NAME)\b", text)
            if not is_open and not exists(name[0]):
                LOGGER.warning("%s does not exist", name[0], location=node)
        if not MIXED_CASE.fullmatch(text):
            return None
        found = [
            name
            for name, entry in objects.items()
            if name.endswith(f".{text}") and not entry.aliased
        ]
        return found[0] if len(found) == 1 else None


def setup(app):
    """Register the extension."""
    app.add_post_transform(LinkNames)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
