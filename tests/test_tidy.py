"""The house rules that no linter knows, as tests. CONTRIBUTING.md gives the reasons."""

import ast
import functools
import io
import re
import subprocess
import tokenize
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "xref"

MODULE_LINES_MAX = 400
BODY_LINES_MAX = 64

# The path of a batch, as the README, the package and hop.py must all tell it.
STEPS = ("submit", "validate", "decide", "minimise", "seal", "record", "forward", "acknowledge")

# Names that say where something was put instead of what it is.
EMPTY_NAMES = {
    *("utils", "util", "helpers", "helper", "manager", "service"),
    *("base", "common", "core", "misc"),
}

# Clock, randomness and the outside world are arguments of the modules below, never imports.
OUTSIDE_WORLD = {
    *("asyncio", "logging", "multiprocessing", "os", "pathlib", "random", "secrets"),
    *("shutil", "socket", "sqlite3", "subprocess", "tempfile", "threading", "time"),
}
PURE = ("wire/", "tlog/", "steps/", "message.py")
PURE_EXCEPT = {"steps/forward.py": "forwarding is the one step that reaches outside"}

# "Consent" alone is ambiguous: say which, or use a name of the wire.
CONSENT_NAMED = re.compile(
    r"(sharing|assistance|return)_consents?|consent_(ref|refs|digest|mask|salt)(?![a-z])"
)
CONSENT_MODULE = "desk/consent.py"
CONSENT_CATEGORY = ("wire/normal.py", "consent")  # the category of fields about all three

# A page of docs/spec without vectors must say here why.
SPEC_PAGES_WITHOUT_VECTORS = {
    "README": "lists the pages and defines no format",
    "receipt": "an envelope whose fields follow two schemas; both have vectors",
}

# Put together here so that this file does not contain what it looks for.
UNFINISHED = re.compile(
    r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" + "XX", "NotImplemented" + "Error")) + r")\b"
    "|pragma: *no " + "cover"
)
MACHINE_PATH = re.compile(r"(?<![\w.})])/(" + "work|root|home|Users" + r")/")
REGISTRY = re.compile(
    "|".join(
        (
            r"\bpypi\." + "org",
            "python" + r"hosted\.org",
            r"(proxy|sum)\.golang\." + "org",
            r"registry\.npmjs\." + "org",
            r"\.pkg\." + "dev",
            "--(extra-)?index" + "-url",
        )
    )
)


@functools.cache
def project_files() -> tuple[Path, ...]:
    """Return every file that git tracks or would add."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = sorted({ROOT / name for name in listing.stdout.split("\0") if name})
    return tuple(path for path in paths if path.is_file())


@functools.cache
def project_texts() -> dict[Path, str]:
    """Return the text of every file that is text."""
    texts = {}
    for path in project_files():
        content = path.read_bytes()
        if b"\0" not in content:
            texts[path] = content.decode("utf-8", errors="replace")
    return texts


@functools.cache
def modules() -> dict[str, ast.Module]:
    """Return the parsed modules of the package by their path inside it."""
    return {
        path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_bytes(), path)
        for path in sorted(PACKAGE.rglob("*.py"))
    }


def code_files() -> list[Path]:
    return [path for path in project_files() if path.suffix == ".py"]


def place(path: Path, line: int) -> str:
    return f"{path.relative_to(ROOT)}:{line}"


def imported(tree: ast.Module) -> Iterator[str]:
    """Yield the full names that a module imports, wherever in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count the lines of a function's body without its docstring."""
    body = function.body[1:] if ast.get_docstring(function, clean=False) else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def identifiers(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield line and text of every name in a module, and of every string shaped like one."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name):
                yield node.lineno, name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield node.lineno, name
            case ast.ClassDef(name=name) | ast.arg(arg=name):
                yield node.lineno, name
            case ast.keyword(arg=str(name)) | ast.alias(asname=str(name)):
                yield node.lineno, name
            case ast.Constant(value=str(name)) if re.fullmatch(r"[A-Za-z_]+", name):
                yield node.lineno, name
            case _:
                pass


def in_words(name: str) -> str:
    """Write a camel-case or constant name as lower-case words joined by underscores."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def test_modules_stay_short() -> None:
    lengths = {
        name: len((PACKAGE / name).read_text(encoding="utf-8").splitlines()) for name in modules()
    }
    assert not {name: n for name, n in lengths.items() if n >= MODULE_LINES_MAX}


def test_functions_stay_short() -> None:
    too_long = [
        f"{name}:{node.lineno} {node.name}: {body_lines(node)} lines"
        for name, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and body_lines(node) > BODY_LINES_MAX
    ]
    assert not too_long


def test_file_names_say_what_is_inside() -> None:
    empty = [
        str(path.relative_to(ROOT))
        for path in code_files()
        for part in path.relative_to(ROOT).with_suffix("").parts
        if part.rpartition("_")[2].lower() in EMPTY_NAMES
    ]
    assert not empty


def test_class_names_say_what_they_are() -> None:
    empty = [
        f"{name}:{node.lineno} {node.name}"
        for name, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and in_words(node.name).rpartition("_")[2] in EMPTY_NAMES
    ]
    assert not empty


def test_consent_is_never_named_alone() -> None:
    bare = [
        f"{name}:{line} {text}"
        for name, tree in modules().items()
        for line, text in identifiers(tree)
        if "consent" in CONSENT_NAMED.sub("", in_words(text)) and (name, text) != CONSENT_CATEGORY
    ]
    bare += [
        name
        for name in modules()
        if "consent" in CONSENT_NAMED.sub("", Path(name).stem) and name != CONSENT_MODULE
    ]
    assert not bare


def test_nothing_is_left_unfinished() -> None:
    unfinished = [
        f"{place(path, number)} {line.strip()}"
        for path, text in project_texts().items()
        for number, line in enumerate(text.splitlines(), 1)
        if UNFINISHED.search(line)
    ]
    assert not unfinished


def test_only_wiring_knows_the_drivers() -> None:
    importers = {
        name
        for name, tree in modules().items()
        if any(within(target, "xref.drivers") for target in imported(tree))
        and not name.startswith("drivers/")
    }
    assert importers <= {"wiring.py", "kafka_wiring.py"}


def test_steps_know_nothing_of_each_other() -> None:
    importers = {
        name: target
        for name, tree in modules().items()
        if name.startswith("steps/")
        for target in imported(tree)
        if within(target, "xref.steps")
    }
    assert not importers


def test_the_log_knows_nothing_of_the_domain() -> None:
    allowed = ("xref.tlog", "xref.errors", "xref.limits")
    foreign = [
        f"{name} imports {target}"
        for name, tree in modules().items()
        if name.startswith("tlog/")
        for target in imported(tree)
        if within(target, "xref") and not any(within(target, package) for package in allowed)
    ]
    assert not foreign


def test_pure_modules_take_the_world_as_arguments() -> None:
    impure = [
        f"{name} imports {target}"
        for name, tree in modules().items()
        if name.startswith(PURE) and name not in PURE_EXCEPT
        for target in imported(tree)
        if target.partition(".")[0] in OUTSIDE_WORLD
    ]
    assert not impure


def test_the_path_is_told_the_same_way_everywhere() -> None:
    assert {path.stem for path in (PACKAGE / "steps").glob("[!_]*.py")} == set(STEPS)
    chain = " -> ".join(STEPS)
    tellers = (PACKAGE / "__init__.py", PACKAGE / "hop.py", ROOT / "README.md")
    silent = [
        str(path.relative_to(ROOT))
        for path in tellers
        if chain not in " ".join(path.read_text(encoding="utf-8").split())
    ]
    assert not silent


def test_no_file_names_this_machine_or_a_registry() -> None:
    named = [
        f"{place(path, number)} {found[0]}"
        for path, text in project_texts().items()
        for number, line in enumerate(text.splitlines(), 1)
        if (found := MACHINE_PATH.search(line) or REGISTRY.search(line))
    ]
    assert not named


def test_requirement_files_hold_pins_and_hashes_only() -> None:
    pin = re.compile(r"[a-z0-9][a-z0-9.-]*(\[[a-z,]+\])?==[^\s;]+( ; [^\\]+)? \\")
    digest = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")
    odd = [
        place(path, number)
        for path in sorted((ROOT / "requirements").glob("*.txt"))
        for number, line in enumerate(path.read_text(encoding="ascii").splitlines(), 1)
        if not (pin.fullmatch(line) or digest.fullmatch(line))
    ]
    assert not odd


def test_the_build_backend_is_pinned_once() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (backend,) = project["build-system"]["requires"]
    assert re.fullmatch(r"hatchling==[0-9.]+", backend)
    assert project["dependency-groups"]["build"] == [backend]
    assert f"{backend} \\" in (ROOT / "requirements" / "build.txt").read_text(encoding="ascii")


def test_every_format_has_a_page_and_vectors() -> None:
    pages = {path.stem for path in (ROOT / "docs" / "spec").glob("*.md")}
    folders = {
        path.name
        for path in (ROOT / "tests" / "vectors").glob("[!_]*")
        if path.is_dir() and any(path.iterdir())
    }
    assert not pages - folders - SPEC_PAGES_WITHOUT_VECTORS.keys(), "pages without vectors"
    assert not folders - pages, "vectors without a page"
    assert not folders & SPEC_PAGES_WITHOUT_VECTORS.keys(), "pages excused that have vectors"


def test_every_silenced_check_gives_its_reason() -> None:
    silenced = re.compile(r"#\s*(noqa|type:\s*ignore|ruff:|mypy:)")
    reasoned = re.compile(
        r"#\s*(noqa:\s*[A-Z]+[0-9]+(,\s*[A-Z]+[0-9]+)*|type:\s*ignore\[[a-z, -]+\])"
        r"[\s#:;-]+.*\w{3}"
    )
    unexplained = []
    for path in code_files():
        text = path.read_text(encoding="utf-8")
        if not silenced.search(text):
            continue
        unexplained += [
            f"{place(path, token.start[0])} {token.string}"
            for token in tokenize.generate_tokens(io.StringIO(text).readline)
            if token.type == tokenize.COMMENT
            and silenced.search(token.string)
            and not reasoned.search(token.string)
        ]
    assert not unexplained
