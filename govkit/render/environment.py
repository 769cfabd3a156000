"""The Jinja environment of all documents: strict, without clock, network or user code."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

import jinja2

from govkit.errors import InputError
from govkit.render import (
    escaping,
    facts,
    inputs,
    notes,
    numbers,
    stresses,
    waterfall,
    why,
)


def template_folder() -> Path:
    """Return the folder of the templates that come with govkit.

    An installed package carries them inside; a checkout has them at its top.
    """
    packaged = Path(__file__).parents[1] / "templates"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "templates"


def template_folders(templates: Path | None) -> list[Path]:
    """Return the folders to look in: the user's first, so that one file can be replaced."""
    if templates is not None and not templates.is_dir():
        raise InputError("the folder of templates does not exist", where=str(templates))
    own = [] if templates is None else [templates]
    return [*own, template_folder()]


def find_file(name: str, templates: Path | None) -> Path:
    """Return the first file of that name in the template folders."""
    for folder in template_folders(templates):
        if (folder / name).is_file():
            return folder / name
    raise InputError(f"no template file {name}", where=str(template_folders(templates)[0]))


def environment(templates: Path | None = None) -> jinja2.Environment:
    """Return the environment; HTML templates escape what they print, Markdown filters do."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(template_folders(templates)),
        undefined=jinja2.StrictUndefined,
        autoescape=jinja2.select_autoescape(["html", "html.j2"], default=False),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    made.filters.update(numbers.FILTERS | escaping.FILTERS)
    made.globals.update(facts=facts, inputs=inputs, notes=notes, waterfall=waterfall)
    made.globals.update(stresses=stresses, why=why, unknown=_unknown)
    return made


def _unknown(kind: str, name: str) -> NoReturn:
    raise InputError(f"the templates have no words for the {kind} '{name}'")


def fill(templates: Path | None, name: str, values: dict[str, Any]) -> str:
    """Fill a template in.

    Raises
    ------
    InputError
        Naming the template and its line, when something undefined is used or it does not parse.
    """
    try:
        return environment(templates).get_template(name).render(values)
    except jinja2.TemplateSyntaxError as error:
        raise InputError(
            error.message or "syntax error", where=f"{error.filename or name}:{error.lineno}"
        ) from error
    except jinja2.UndefinedError as error:
        raise InputError(str(error.message), where=_place(error, name)) from error
    except jinja2.TemplateNotFound as error:
        raise InputError(f"no template {error.name}", where=name) from error


def _place(error: jinja2.UndefinedError, name: str) -> str:
    """Return file and line of the innermost template in a traceback."""
    place = name
    trace = error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if file.endswith(".j2"):
            place = f"{Path(file).parent.name}/{Path(file).name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
