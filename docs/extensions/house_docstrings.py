"""Docstrings of kcv in the form that Sphinx reads.

kcv's docstrings are Google style with Markdown inside (docs/style.md). Sphinx's
own extension, napoleon, reads the style, and this one runs before it.
"""

import inspect
import re
import textwrap

from sphinx.util.inspect import stringify_signature

NAME_AND_LETTERS = re.compile(r"(?<!`)(`[^`\n]+`)(?=\w)")
# Outside of names, reStructuredText reads |x| and x_ as references.
REFERENCES = re.compile(r"(`[^`\n]+`)|(\||(?<=\w)_(?!\w))")


def convert(app, what, name, obj, options, lines):
    """Convert what is Markdown in a docstring to reStructuredText.

    Fenced examples become blocks of code. "Returns:" becomes a field at once,
    since napoleon would take a first line with a colon as the name of a type.
    An escaped blank separates a name from letters that follow it.
    """
    converted, fenced, prompted = [], False, False
    for line in lines:
        prompted = line.strip().startswith(">>>") or (prompted and line.strip())
        if line.strip().startswith("```"):
            fenced = not fenced
            if fenced:
                language = line.strip().removeprefix("```") or "text"
                indent = line[: len(line) - len(line.lstrip())]
                converted += ["", f"{indent}.. code-block:: {language}"]
            converted.append("")
        elif fenced:
            converted.append(textwrap.indent(line, "   "))
        elif prompted:
            converted.append(line)
        elif line == "Returns:":
            converted.append(":returns:")
        else:
            line = REFERENCES.sub(
                lambda found: found[1] or rf"\{found[2]}", line
            )
            converted.append(NAME_AND_LETTERS.sub(r"\1\ ", line))
    lines[:] = converted


def skip_fields(app, what, name, obj, skip, options):
    """Skip the fields of a named tuple, which `Attributes:` describes."""
    return True if type(obj).__name__ == "_tuplegetter" else skip


def show_constructor(app, what, name, obj, options, signature, returns):
    """Show the arguments of a model or a layer, which Keras hides."""
    if what != "class" or signature != "(*args, **kwargs)":
        return None
    constructor = inspect.signature(obj.__init__)
    parameters = list(constructor.parameters.values())[1:]
    return stringify_signature(constructor.replace(parameters=parameters)), None


def setup(app):
    """Register the extension, which runs before napoleon."""
    app.connect("autodoc-process-docstring", convert, priority=100)
    app.connect("autodoc-process-signature", show_constructor)
    app.connect("autodoc-skip-member", skip_fields)
    return {"parallel_read_safe": True}
