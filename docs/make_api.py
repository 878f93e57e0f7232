"""Write ``docs/api.md`` from the public surface and ``docs/glossary.md`` from its terms: ``python docs/make_api.py``."""

from __future__ import annotations

import inspect
from pathlib import Path

import dermaviz
from dermaviz.glossary import glossary_markdown


def api_markdown() -> str:
    """Every public name with its signature and docstring."""
    parts = [
        "# The public surface\n\nWritten by `python docs/make_api.py` from the docstrings. `import dermaviz as dv`."
    ]
    for name in sorted(dermaviz.__all__, key=str.lower):
        thing = getattr(dermaviz, name)
        signature = str(inspect.signature(thing)).replace("'", "") if inspect.isfunction(thing) else ""
        text = inspect.cleandoc(thing.__doc__ or "")
        prose, example, code = text.partition(">>> ")
        block = f"\n\n```python\n{example}{code.rstrip()}\n```" if example else ""
        parts.append(f"## `{name}{signature}`\n\n{_sections(prose).strip()}{block}")
    return "\n\n".join(parts) + "\n"


def _sections(prose: str) -> str:
    """Google-style sections as Markdown."""
    lines = []
    for line in prose.splitlines():
        if line in ("Args:", "Returns:", "Raises:"):
            lines.append(f"**{line[:-1]}**\n")
        elif line.startswith("    ") and not line.startswith("        ") and ": " in line:
            lines.append(f"- {line.strip()}")
        else:
            lines.append(line.strip())
    return "\n".join(lines)


if __name__ == "__main__":
    folder = Path(__file__).parent
    (folder / "api.md").write_text(api_markdown(), encoding="utf-8")
    (folder / "glossary.md").write_text(glossary_markdown(), encoding="utf-8")
