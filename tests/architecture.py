"""Who imports whom, read from the source text, and what names and texts must keep: behind test_architecture.py.

Works on any folder laid out as ARCHITECTURE.md says, so that the tests can show it broken trees. Every import counts,
wherever it stands: at the top, in a function, under TYPE_CHECKING, or through importlib with a literal name.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

FREE = ("rtemo", "rtemo.resources")  # the version and the folders of data: anyone may ask
LAYERS: Mapping[str, tuple[str, ...]] = {
    "rtemo.core": (),
    "rtemo.model": ("rtemo.core",),
    "rtemo.sources": ("rtemo.core", "rtemo.model"),
    "rtemo.simulate": ("rtemo.core", "rtemo.sources", "rtemo.recordings"),
    "rtemo.bridges": ("rtemo.core", "rtemo.sources"),
    "rtemo.presentation": ("rtemo.core",),
    "rtemo.recorder": ("rtemo.core", "rtemo.sources"),
    "rtemo.recordings": ("rtemo.core", "rtemo.model", "rtemo.sources"),
    "rtemo.live": ("rtemo.core", "rtemo.model", "rtemo.sources", "rtemo.recordings", "rtemo.recorder"),
    "rtemo.report": (
        "rtemo.core",
        "rtemo.model",
        "rtemo.sources",
        "rtemo.recordings",
        "rtemo.live",
        "rtemo.presentation",
    ),
    "rtemo.export": ("rtemo.core", "rtemo.model", "rtemo.sources", "rtemo.recordings"),
    "rtemo.convert": ("rtemo.core", "rtemo.sources", "rtemo.export"),
    "rtemo.api": (
        "rtemo.core",
        "rtemo.model",
        "rtemo.sources",
        "rtemo.recordings",
        "rtemo.recorder",
        "rtemo.live",
        "rtemo.export",
    ),
    "rtemo.gui": (
        "rtemo.core",
        "rtemo.model",
        "rtemo.sources",
        "rtemo.recordings",
        "rtemo.live",
        "rtemo.report",
        "rtemo.presentation",
    ),
    "rtemo.resources": ("rtemo.core",),
    "rtemo.cli": ("rtemo",),
    "rtemo.commands": ("rtemo",),
    "rtemo.__main__": ("rtemo.cli",),
    "rtemo": (),
    "offline": (
        "rtemo.core",
        "rtemo.model",
        "rtemo.sources",
        "rtemo.simulate",
        "rtemo.recordings",
        "rtemo.presentation",
    ),
}
NETWORK = "rtemo.model.network"

QT = ("PySide6", "shiboken6", "pyqtgraph")
BASE = ("numpy", "scipy", "onnxruntime", "safetensors", "tqdm", "tomli_w", "platformdirs", "psutil")
# package -> the modules of rtemo that may import it; in offline, which has every extra, only pylsl and Qt are refused
THIRD_PARTY: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(BASE, ("rtemo.*",)),
    **dict.fromkeys(QT, ("rtemo.gui", "rtemo.gui.*")),
    "pythonosc": ("rtemo.live.output.osc",),
    "websockets": ("rtemo.live.output.websocket",),
    "pylsl": (
        "rtemo.sources.lsl*",
        "rtemo.live.output.outlet",
        "rtemo.simulate.*",
        "rtemo.bridges.outlets",
        "rtemo.commands.equipment.bridge",
        "rtemo.commands.equipment.screen",
    ),
    "brainflow": ("rtemo.bridges.brainflow",),
    "pupil_labs": ("rtemo.bridges.pupil_labs",),
    "tobii_research": ("rtemo.bridges.tobii_pro",),
    "mss": ("rtemo.bridges.screen",),
    "av": ("rtemo.bridges.screen",),
    "pylink": ("rtemo.bridges.eyelink",),
    "torch": (NETWORK,),
}
REFUSED_OFFLINE = ("pylsl", *QT)
IMPURE = ("time", "datetime", "threading", "multiprocessing", "subprocess", "socket", "asyncio", "random")
MOST_FILES = 15  # Python files in a folder: a room should be seen at a glance
ELSEWHERE = re.compile(r"\bDESIGN\s*(?:section|§|,)|§\s*\d")  # sections of a document that is not here
DOCUMENT = re.compile(r"(?<![\w/*<.-])[\w./-]*\w\.md\b")
PYTHON_FILE = re.compile(r"(?<![\w/*<.-])[\w./-]*\w\.py\b")
MODULE_NAME = re.compile(r"(?<![\w./-])(?:rtemo|offline)(?:\.[a-z_0-9]+)+")
BAD_NAMES = ("utils", "util", "helpers", "helper", "common", "manager", "managers", "constants", "misc")


@dataclass(frozen=True, slots=True)
class Module:
    """One source file: its dotted name and the dotted names that it imports."""

    name: str
    imports: frozenset[str]


def scan(root: Path) -> dict[str, Module]:
    """Every module of rtemo and offline under this folder, by name."""
    files = [file for top in ("rtemo", "offline") for file in sorted((root / top).rglob("*.py"))]
    found = {_module_name(root, file): file for file in files}
    return {name: _read(name, file, found) for name, file in found.items()}


def violations(modules: Mapping[str, Module]) -> list[str]:
    """One line for every import or name that breaks a rule; empty where all is well."""
    lines = [line for module in modules.values() for line in _module_violations(module)]
    return lines + [f"import cycle: {' -> '.join(cycle)}" for cycle in cycles(modules)]


def cycles(modules: Mapping[str, Module]) -> list[list[str]]:
    """Import cycles, each with its first module repeated at the end; every group of entangled modules shows in one."""
    found: list[list[str]] = []
    done: set[str] = set()
    for start in modules:
        _walk(start, modules, [], done, found)
    return found


def _walk(name: str, modules: Mapping[str, Module], path: list[str], done: set[str], found: list[list[str]]) -> None:
    if name in path:
        found.append([*path[path.index(name) :], name])
        return
    if name in done:
        return
    for imported in sorted(modules[name].imports & modules.keys() - {name}):
        _walk(imported, modules, [*path, name], done, found)
    done.add(name)


def _module_violations(module: Module) -> Iterator[str]:
    if set(module.name.split(".")) & set(BAD_NAMES):
        yield f"{module.name}: a name that says nothing about what is in it"
    if layer_of(module.name) is None:
        yield f"{module.name}: in no layer of ARCHITECTURE.md"
        return
    for imported in sorted(module.imports):
        if reason := _refused(module.name, imported):
            yield f"{module.name} imports {imported}: {reason}"


def _refused(importer: str, imported: str) -> str:
    """Why this import is not allowed; empty where it is."""
    top = imported.partition(".")[0]
    if top in ("rtemo", "offline"):
        return _refused_inside(importer, imported)
    if layer_of(importer) == "rtemo.core" and top in IMPURE:
        return "the core has no clock, no threads and no chance"
    if top in sys.stdlib_module_names:
        return ""
    if importer.startswith("offline"):
        return f"offline does without {top}" if top in REFUSED_OFFLINE else ""
    if not any(fnmatch(importer, pattern) for pattern in THIRD_PARTY.get(top, ())):
        return f"{top} belongs to {', '.join(THIRD_PARTY.get(top, ())) or 'no module of the live application'}"
    return ""


def _refused_inside(importer: str, imported: str) -> str:
    own = layer_of(importer)
    if imported == NETWORK and own != "offline":
        return "only offline needs the torch network"
    if own == layer_of(imported) or imported in FREE:
        return ""
    allowed = LAYERS[own] if own else ()
    if any(is_inside(imported, layer) for layer in allowed):
        return ""
    return f"{own} may import only {', '.join(allowed) or 'itself'}"


def layer_of(name: str) -> str | None:
    """The layer that a module belongs to, None for a module that lies in none."""
    parts = name.split(".")
    layer = ".".join(parts[:2]) if parts[0] == "rtemo" else parts[0]
    return layer if layer in LAYERS else None


def is_inside(name: str, package: str) -> bool:
    """Whether a module is this package or lies in it."""
    return name == package or name.startswith(package + ".")


def _module_name(root: Path, file: Path) -> str:
    parts = file.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _read(name: str, file: Path, known: Mapping[str, Path]) -> Module:
    tree = ast.parse(file.read_text(encoding="utf-8"), filename=str(file))
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    return Module(name, frozenset(found for node in ast.walk(tree) for found in _imported(node, package, known)))


def _imported(node: ast.AST, package: str, known: Mapping[str, Path]) -> Iterator[str]:
    """The modules that one node of the syntax tree imports."""
    match node:
        case ast.Import(names=names):
            yield from (alias.name for alias in names)
        case ast.ImportFrom(module=module, names=names, level=level):
            base = ".".join(filter(None, (_ancestor(package, level), module)))
            inside = [f"{base}.{alias.name}" for alias in names]
            yield from (name for name in inside if name in known)
            if not all(name in known for name in inside):  # something is taken from the module itself
                yield base
        case ast.Call(func=ast.Name(id="__import__") | ast.Attribute(attr="import_module"), args=[ast.Constant(value)]):
            yield str(value)


def _ancestor(package: str, level: int) -> str:
    """The package that a relative import of this level starts from, empty for an absolute one."""
    if level == 0:
        return ""
    parts = package.split(".")
    return ".".join(parts[: len(parts) - level + 1])


def untidy(root: Path) -> list[str]:
    """One line for every folder that has outgrown the rule, and every class name that is used twice."""
    files = [file for top in ("rtemo", "offline") for file in sorted((root / top).rglob("*.py"))]
    sizes = Counter(file.parent.relative_to(root).as_posix() for file in files)
    lines = [f"{folder} holds {n} Python files, {MOST_FILES} at most" for folder, n in sizes.items() if n > MOST_FILES]
    classes: dict[str, list[str]] = defaultdict(list)
    for file in files:
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                classes[node.name].append(file.relative_to(root).as_posix())
    twice = {name: places for name, places in classes.items() if len(places) > 1}
    return lines + [f"the class {name} is defined in {' and '.join(places)}" for name, places in twice.items()]


def dangling(root: Path, texts: list[Path]) -> list[str]:
    """One line for every document, file or module of the project that a text names and that is not there."""
    there = {file.name for file in root.rglob("*") if file.suffix in (".md", ".py") and ".venv" not in file.parts}
    modules = set(scan(root))
    lines = []
    for path in texts:
        text = path.read_text(encoding="utf-8")
        named = {found for pattern in (DOCUMENT, PYTHON_FILE) for found in pattern.findall(text)}
        absent = [name for name in sorted(named) if not _is_there(root, path, name, there)]
        absent += [found.group() for found in ELSEWHERE.finditer(text)]
        absent += sorted({name for name in MODULE_NAME.findall(text) if not _is_module(name, modules)})
        lines += [f"{path.relative_to(root).as_posix()} names {name}, which is not there" for name in absent]
    return lines


def _is_there(root: Path, path: Path, name: str, there: set[str]) -> bool:
    if "/" in name:
        return any((base / name.lstrip("/")).exists() for base in (root, root / "rtemo", path.parent))
    return name in there or Path(name).stem.isupper()  # FILE.md stands for any file


def _is_module(name: str, modules: set[str]) -> bool:
    """Whether it is a module, or something in one."""
    return (
        name in modules or name.rpartition(".")[0] in modules or name.rpartition(".")[0].rpartition(".")[0] in modules
    )
