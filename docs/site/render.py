"""What of the pages is made from the code: a hook of mkdocs, and functions that need no mkdocs.

A line ``<!-- render: NAME ARGUMENT -->`` of a page is replaced by what `RENDERERS` makes of it.
"""

from __future__ import annotations

import posixpath
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))

import measured  # noqa: E402
import names  # noqa: E402
import reference  # noqa: E402
import types_table  # noqa: E402

#: files beside docs/ that are pages or pictures of the site too
OUTSIDE = {
    "bench/README.md": "bench.md",
    "bench/gate/README.md": "gate.md",
    "tests/fuzz/README.md": "fuzz.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    **{f"bench/figures/{name}.png": f"figures/{name}.png" for name in ("peers", "scaling", "latency")},
    "docs/site/extra.css": "extra.css",
}
RENDERERS = {
    "types": types_table.render,
    "names": names.render,
    "classes": names.render_classes,
    "measured": measured.render,
    "reference": reference.render,
    "module": reference.module_text,
    "object": reference.object_text,
}

_MARKER = re.compile(r"^<!-- render: (\w+)(?: (.*?))? -->$", re.M)
_LINK = re.compile(r"(?:(?<!!)\[(?P<text>[^\[\]]*))?\]\((?P<target>[^)\s#]+)(?P<anchor>#[^)]*)?\)")


def page_text(markdown: str, source: str) -> str:
    """The text of a page, its marks replaced and its links as the site has them; `source` is its path from the root."""
    rendered = _MARKER.sub(lambda found: RENDERERS[found[1]](*(found[2] or "").split()), markdown)
    parts = re.split(r"(^```.*?^```$)", rendered, flags=re.M | re.S)
    parts[::2] = [_LINK.sub(lambda found: _link(found, source), part) for part in parts[::2]]
    return "".join(parts)


def _link(found: re.Match, source: str) -> str:
    target = found["target"]
    if "://" in target:
        return found[0]
    path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
    if path in OUTSIDE or path.startswith("docs/"):
        shown = OUTSIDE.get(path) or path.removeprefix("docs/")
        return found[0].replace(f"]({target}", f"]({shown}")
    if not (ROOT / path).exists():
        raise ValueError(f"{source}: link to {path}, which is not there")
    # a file of the source that is no page
    return f"{found['text']} (`{path}`)"


def on_files(files, config):
    from mkdocs.structure.files import File

    for source, target in OUTSIDE.items():
        files.append(File.generated(config, target, abs_src_path=str(ROOT / source)))
    return files


def on_page_markdown(markdown, page, config, files):
    outside = {target: source for source, target in OUTSIDE.items()}
    return page_text(markdown, outside.get(page.file.src_uri, f"docs/{page.file.src_uri}"))
