"""What the installed distribution says of itself."""

from __future__ import annotations

import importlib.metadata
import re
from pathlib import Path

import pytest

README = Path(__file__).resolve().parents[2] / "README.md"
LINK = re.compile(r"\]\(([^()\s]*)\)")
#: the ways to write a link that the build does not make absolute
OTHER_LINKS = re.compile(r"^\[[^\]]*\]:|\b(?:href|src)=|\]\(<|\]\([^()\s]+\s", re.M)

pytestmark = pytest.mark.skipif(not README.is_file(), reason="runs beside the source only")


@pytest.fixture(scope="module")
def metadata():
    try:
        return importlib.metadata.metadata("dolphindb-fast")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("is not installed")


@pytest.fixture(scope="module")
def description(metadata):
    # in the header where the description has been parsed from a file of an sdist, else in the body
    return metadata["Description"] or metadata.get_payload()


def test_description__has_no_relative_link(metadata, description):
    assert metadata["Description-Content-Type"].startswith("text/markdown")
    links = LINK.findall(description)
    assert len(links) == len(LINK.findall(README.read_text(encoding="utf-8"))) > 10
    assert [link for link in links if not link.startswith("https://")] == []
    assert OTHER_LINKS.findall(description) == []


def test_description__leads_to_the_files_of_this_version(metadata, description):
    """Each link of README.md, with the repository and the tag before it; everything else is README.md itself."""
    urls = dict(line.split(", ", 1) for line in metadata.get_all("Project-URL"))
    prefix = rf"{re.escape(urls['Source'])}/(?:blob|raw)/v{re.escape(metadata['Version'])}/"
    back = re.sub(rf"(?<=\]\(){prefix}(?:README\.md(?=#))?", "", description)
    assert back.strip() == README.read_text(encoding="utf-8").strip()
    images = re.findall(r"!\[[^\]]*\]\(([^()\s]*)\)", description)
    assert images and all("/raw/" in image for image in images)


def test_urls__are_of_one_repository(metadata):
    urls = dict(line.split(", ", 1) for line in metadata.get_all("Project-URL"))
    assert urls.keys() == {"Homepage", "Documentation", "Source", "Changelog", "Issues"}
    assert [url for url in urls.values() if not url.startswith(urls["Source"])] == []
