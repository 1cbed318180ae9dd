"""The documentation site: what is rendered is complete, links lead somewhere, the build has no warnings."""

from __future__ import annotations

import importlib
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import dolphindb_fast as ddb
from dolphindb_fast import dtypes, refused, settings

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "docs" / "site"
PAGES = sorted([*(ROOT / "docs").glob("*.md"), ROOT / "README.md"])

pytestmark = pytest.mark.skipif(not SITE.is_dir(), reason="runs beside the source only")


@pytest.fixture(scope="module")
def render():
    sys.path.insert(0, str(SITE))
    try:
        yield importlib.import_module("render")
    finally:
        sys.path.remove(str(SITE))


def rendered(render, name):
    path = ROOT / "docs" / name
    return render.page_text(path.read_text(encoding="utf-8"), f"docs/{name}")


# names of the official client


def official_names(dolphindb, owner):
    """The public names of one owner, as the installed package has them."""
    if owner == "dolphindb":
        return {*dolphindb.__all__}
    held = getattr(dolphindb, owner)
    if inspect.ismodule(held):
        # beside its names it has those that it imports
        return {
            name for name, value in vars(held).items()
            if name[0] != "_" and not inspect.ismodule(value)
            and not (inspect.isclass(value) and value.__module__ != held.__name__)
        }  # fmt: skip
    names = {*dir(held)}
    if owner == "Session":
        # `cpp` is the compiled half of the official session
        names |= {*vars(dolphindb.Session())} - {"cpp"}
    return {name for name in names if not name.startswith("_")}


@pytest.mark.official
def test_names__are_those_of_the_installed_official_client(render):
    dolphindb = pytest.importorskip("dolphindb")
    for owner, names in render.names.OFFICIAL.items():
        assert sorted(names) == sorted(official_names(dolphindb, owner)), owner
    theirs = {
        name for name, value in vars(dolphindb.settings).items()
        if name[0] != "_" and getattr(value, "__module__", "dolphindb.settings").startswith("dolphindb")
    }  # fmt: skip
    assert {name for name in theirs if not hasattr(settings, name)} == {*render.names.SETTINGS_NOT_HERE}


@pytest.mark.official
def test_names__leave_out_no_class_that_is_here(render):
    dolphindb = pytest.importorskip("dolphindb")
    listed = {getattr(dolphindb, owner) for owner in render.names.OFFICIAL if owner != "dolphindb"}
    for name in {*dolphindb.__all__} - {*refused.MODULE}:
        held = getattr(dolphindb, name)
        if inspect.isclass(held) and [member for member in dir(held) if not member.startswith("_")]:
            assert held in listed, name


def test_names__stand_on_the_page(render):
    page = rendered(render, "moving.md")
    shown = set(re.findall(r"`(?:io\.|global_config\.)?(\w+)`", page))
    for owner, names in render.names.OFFICIAL.items():
        if owner in refused.MODULE and owner not in render.names.MODULES:
            continue
        assert {*names} <= shown, owner
    assert {*render.names.SETTINGS_NOT_HERE} <= shown


def test_names__that_are_called_the_same_are_there(render):
    for owner, names in render.names.OFFICIAL.items():
        for name in names:
            if owner in refused.MODULE or name in {**refused.MODULE, **refused.SESSION}:
                continue
            held = ddb if owner == "dolphindb" else ddb.Session() if owner == "Session" else getattr(ddb, owner)
            missing = name in render.names.MEMBERS_NOT_HERE.get(owner, ())
            assert (name in dir(held)) != missing, f"{owner}.{name}"
    for owner, notes in render.names.DIFFERENT.items():
        assert {*notes} <= {*render.names.OFFICIAL[owner]}, owner


# types, reference, figures


def test_type_tables__have_every_entry(render):
    page = rendered(render, "types.md")
    lines = page.splitlines()
    for rule in (*dtypes.RULES, *dtypes.ARROW_RULES):
        assert f"| `{rule.source}` | {rule.target} | {rule.nulls} |" in lines
    for kind, targets in dtypes.TARGETS.items():
        assert f"| {render.types_table.KINDS[kind]} | {', '.join(targets)} |" in lines


def test_reference__has_every_public_name(render):
    page = rendered(render, "api.md")
    for name in ddb.__all__:
        if name not in render.reference.ALIASES:
            assert f"### {name} {{#{name.lower()}}}\n" in page
    assert "#### Session.run {#session.run}" in page
    assert "run(\n    script,\n    *args,\n    clearMemory=None," in page
    assert "- [`ServerError`](#servererror): The server answered with an error; the session stays usable." in page
    assert "Raises\n---" not in page and "\n::\n" not in page


def test_local_server__shows_its_scripts_as_they_are(render):
    pytest.importorskip("lark")
    page = rendered(render, "localserver.md")
    assert "```text\nselect | exec   [top n]" in page
    assert "::\n" not in page


@pytest.mark.parametrize("environment", ["py", "ar"])
def test_measured__has_every_case_of_a_run(render, tmp_path, environment):
    case = {"name": "a", "title": "a case", "against": "another", "more_is_better": True, "must": 15,
            "aim": 20, "verdict": "MISSED", "ours": [6.0, 7.0, 8.0], "theirs": [1500.0], "unit": "us",
            "median": 14.5, "unfavourable": 14.25}  # fmt: skip
    absent = {"name": "b", "title": "another case", "verdict": "absent: pyarrow"}
    memory = {
        **case,
        "title": "memory",
        "theirs": [],
        "unit": "MiB",
        "more_is_better": False,
        "verdict": "aim",
    }
    run = {"environment": environment, "versions": {"python": "3.11.7", "pyarrow": "absent"},
           "time": "2025-01-02T03", "machine": {"processor": "P", "processors": 2, "system": "S", "kernels": "K"},
           "cases": [case, memory, absent]}  # fmt: skip
    (tmp_path / "run.json").write_text(json.dumps(run))
    text = render.measured.render(tmp_path).replace("\N{NO-BREAK SPACE}", " ")
    assert "| a case | another | 7.0 us | 1.5 ms | 14.50 | 14.25 | **missed**: ≥ 15 | ≥ 20 |" in text
    assert "| memory | another |  |  | 14.50 MiB | 14.25 MiB | ≤ 15 MiB | ≤ 20 MiB |" in text
    assert "Not measured in this environment: another case." in text
    assert "2 x P, kernels K, S; python 3.11.7; 2025-01-02." in text


def test_measured__says_when_there_is_nothing(render, tmp_path):
    assert render.measured.render(tmp_path) == "No run of the bench is committed here."


# links and build


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links__lead_to_files(path):
    text = re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)
    targets = [target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in target]
    assert [target for target in targets if target and not (path.parent / target).exists()] == []


@pytest.mark.parametrize("path", ["README.md", "docs/index.md", "docs/guarantees.md"])
def test_page__says_that_no_live_server_was_tested(path):
    page = ROOT / path
    if not page.exists() and page.name == "guarantees.md":
        pytest.skip("this page is not there")
    assert re.search(r"\bno live (DolphinDB )?server was tested\b", page.read_text(encoding="utf-8"), re.I)


def test_build__has_no_warnings_and_needs_nothing_from_elsewhere(tmp_path):
    pytest.importorskip("mkdocs")
    pytest.importorskip("material")
    command = [
        "-m",
        "mkdocs",
        "build",
        "--strict",
        "-q",
        "-f",
        str(SITE / "mkdocs.yml"),
        "-d",
        str(tmp_path / "site"),
    ]
    ended = subprocess.run([sys.executable, *command], capture_output=True, text=True, timeout=100, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr[-3000:]
    pages = list((tmp_path / "site").glob("*.html"))
    assert len(pages) >= len(PAGES)
    for page in pages:
        text = page.read_text(encoding="utf-8")
        loaded = re.findall(r"<(?:script|img|link rel=\"(?:stylesheet|preconnect)\")[^>]*https?://[^>]*>", text)
        assert loaded == [], page.name
        assert "<!-- render:" not in text, page.name
