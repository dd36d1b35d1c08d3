"""The docs say what is: commands exist, snippets run, links lead somewhere, nothing is left unsaid."""

import contextlib
import io
import json
import re
import shlex
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import voltrail
from tests.browser.pictures import PICTURES
from tests.registry.conftest import postgres  # noqa: F401 - a fixture
from voltrail.api import create_app
from voltrail.cli import main
from voltrail.registry.settings import initialise

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
GET_STARTED = ROOT / "docs/get-started.md"
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
NAMES = {path: str(path.relative_to(ROOT)) for path in DOCUMENTS}


def fences(path, language=""):
    """Return the fenced blocks of a document in a language; shell commands stand in plain fences."""
    return [body for marked, body in FENCE.findall(path.read_text()) if marked == language]


def shell_lines(path):
    """Return the shell commands of a document."""
    return [line for body in fences(path) for line in body.splitlines() if line.strip()]


def voltrail_commands():
    """Return every call of voltrail in the docs, as the document's name and the arguments."""
    calls = []
    for path in DOCUMENTS:
        for line in shell_lines(path):
            plain = re.sub(r"\$\(cat [^)]*\)", "SUBSTITUTED", line.partition(" #")[0])
            found = re.findall(r"(?:^|\$\(|&& )(?:\.venv/bin/)?voltrail ([^|>)]*)", plain)
            calls += [(NAMES[path], call.strip()) for call in found]
    return calls


def commands(group=main, before=()):
    """Return every command with its words, groups left out."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*before, name))
        else:
            yield (*before, name), command


def resolve(words):
    """Return the command that words name, and the words left over for it."""
    command, left = main, list(words)
    while isinstance(command, click.Group):
        if command.invoke_without_command and (not left or left[0].startswith("-")):
            break
        assert left, "a command is missing"
        assert left[0] in command.commands, f"there is no command {left[0]}"
        command = command.commands[left.pop(0)]
    return command, left


@pytest.mark.parametrize(("document", "call"), voltrail_commands())
def test_commands_exist_with_their_options(document, call, tmp_path, monkeypatch):
    """Each voltrail command in the docs is one that click takes, with options that it has."""
    monkeypatch.chdir(tmp_path)
    command, left = resolve(shlex.split(call))
    for word in left:  # files that a command wants to see must be there when click looks
        if not word.startswith("-") and re.search(r"\.(jsonl?d?|pem|txt|report|bin|jwt|csv|toml)$", word):
            (tmp_path / word).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / word).touch()
    command.make_context(command.name, left).close()


@pytest.mark.parametrize("path", [ROOT / "README.md", GET_STARTED, ROOT / "CONTRIBUTING.md"], ids=NAMES.get)
def test_make_targets_exist(path):
    """Each make target a document names is one of the Makefile."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z]+)(?:`|$)", path.read_text(), re.MULTILINE))
    assert named <= targets


def test_the_readme_snippet_runs(tmp_path, monkeypatch):
    """The three doors in the README open, and print what it says they print."""
    [snippet] = fences(ROOT / "README.md", "python")
    monkeypatch.chdir(tmp_path)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(snippet, "README.md", "exec"), {"__name__": "readme"})
    assert printed.getvalue().strip() in (ROOT / "README.md").read_text()


def test_get_started_runs_as_written(tmp_path, monkeypatch, postgres):  # noqa: F811
    """Whoever follows get-started from the first key comes to a clean audit, and sees what it shows."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VOLTRAIL_DATABASE", postgres())
    printed = [_run_line(line) for line in _calls(tmp_path)]
    shown = "\n".join(fences(GET_STARTED, "output"))
    same = [line for text in printed for line in text.splitlines() if _without_keys(line)]
    missing = [line for line in same if line not in shown.splitlines()]
    assert not missing


def _calls(folder):
    """Go through get-started in order: write its JSON lines where it says, give its commands."""
    keys = {}
    files = iter(["maker.jsonl", "life.jsonl"])
    for marked, body in FENCE.findall(GET_STARTED.read_text()):
        if marked == "json":
            lines = [json.loads(line) for line in body.splitlines()]
            for line in lines:
                if line["kind"] == "key_added":
                    line["public_key"] = keys["maker.pem"]
            text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
            (folder / next(files)).write_text(text)
        elif not marked:
            for line in body.splitlines():
                if line.startswith("voltrail ") and not re.search(r" serve|--to ", line):
                    yield line
                    if " key new " in line and "maker.pem" in line:
                        keys["maker.pem"] = _public_key(folder / "maker.pem")


def _public_key(pem):
    from voltrail.ledger.keys import Signer, encode64

    return encode64(Signer.from_pem(pem.read_text()).verifier.public_key)


def _run_line(line):
    """Run one line as a shell would; return what it prints on the screen."""
    line = re.sub(r"\$\(cat ([^)]*)\)", lambda found: Path(found[1]).read_text().strip(), line)
    words, _, target = line.partition(" > ")
    done = CliRunner().invoke(main, shlex.split(words)[1:])
    assert done.exit_code == 0, (line, done.output)
    if target:
        Path(target).write_text(done.stdout)
        return done.stderr
    return done.output


def _without_keys(line):
    """Return whether a line is the same in every run: no key, password, hash, disk or version in it."""
    varying = r"public_key|[+/=]{1}\w{6,}|one-time password|Report [0-9a-f]{16}|=$|GiB|Python|^— "
    return not re.search(varying, line)


def test_every_command_and_setting_is_described():
    """A command, a setting or an environment variable that no document names fails here."""
    text = "\n".join(path.read_text() for path in DOCUMENTS)
    for words, command in commands():
        assert f"voltrail {' '.join(words)}" in text or f"`{words[-1]}`" in text, words
        for option in command.params:
            if isinstance(option, click.Option) and option.envvar:
                assert str(option.envvar) in text, option.envvar
    operator = (ROOT / "docs/operator.md").read_text()
    for words in (("init",), ("serve",)):
        for option in resolve(words)[0].params:
            assert option.opts[0] in operator or option.opts[0] == "--json", (words, option.opts)


def test_every_route_is_described(tmp_path, postgres):  # noqa: F811
    """Each route of the API, and each of its query parameters, stands in docs/api.md."""
    text = (ROOT / "docs/api.md").read_text()
    initialise(tmp_path / "data", "docs.example/log", [_authority()])
    with voltrail.open(tmp_path / "data", postgres()) as registry:
        paths = create_app(registry).openapi_schema.to_schema()["paths"]
    for path, methods in paths.items():
        for method, operation in methods.items():
            plain = re.sub(r"\{(\w+)\}", r"{\1}", path)
            assert f"`{method.upper()} {plain}`" in text, (method, path)
            for parameter in operation.get("parameters", []):
                if parameter["in"] == "query" and parameter["name"] != "place":  # not for the public
                    assert parameter["name"] in text, (path, parameter["name"])


def _authority():
    from tests.registry import sample

    return sample.authority().vkey


@pytest.mark.parametrize("path", DOCUMENTS, ids=NAMES.get)
def test_relative_links_lead_somewhere(path):
    """Each relative link of a document leads to a file, and its anchor to a heading."""
    for link in LINK.findall(path.read_text()):
        if "://" in link:
            continue
        target, _, anchor = link.partition("#")
        file = (path.parent / target) if target else path
        assert file.exists(), link
        if anchor:
            headings = re.findall(r"^#+ (.*)$", file.read_text(), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", one).lower().replace(" ", "-") for one in headings}, link


def test_architecture_names_files_that_are_there():
    """A file that architecture.md names by its folder is in the package, or among the tests."""
    text = (ROOT / "docs/architecture.md").read_text()
    for name in re.findall(r"`((?:[a-z]+/)+[\w.]+\.(?:py|sql|json))`", text):
        assert any((root / name).exists() for root in (ROOT / "src/voltrail", ROOT)), name


def test_the_readme_shows_a_picture():
    """README shows what `make pictures` takes; each picture is there, and opens at once."""
    shown = re.findall(r"!\[[^\]]+\]\((docs/pictures/[^)]+)\)", (ROOT / "README.md").read_text())
    assert shown
    assert {ROOT / one for one in shown} <= {one.file for one in PICTURES}
    for one in PICTURES:
        assert one.file.read_bytes()[:4] == b"RIFF", one.name
        assert one.file.stat().st_size <= one.most, one.name
    assert {one.file for one in PICTURES} == set((ROOT / "docs/pictures").iterdir())
