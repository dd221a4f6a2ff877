"""Which module imports which, read from the source: every import counts, also one inside a function.

Imports under `if TYPE_CHECKING:` are left out: nothing is loaded for them.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

Graph = dict[str, set[str]]


def module_files(roots: list[Path]) -> dict[str, Path]:
    """Return every module below the source roots by its dotted name; a package goes by its own."""
    found = {}
    for root in roots:
        for path in sorted(root.rglob("*.py")):
            found[".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")] = path
    return found


def import_graph(roots: list[Path]) -> Graph:
    """Return what each module imports of the others."""
    files = module_files(roots)
    return {
        module: {name for name in _imported(ast.parse(path.read_text(encoding="utf-8")), files) if name in files}
        - {module}
        for module, path in files.items()
    }


def by_package(graph: Graph) -> Graph:
    """Return the graph of packages: the second level of `petbench` (its files included), the first of the others."""
    found: Graph = {}
    for module, imports in graph.items():
        found.setdefault(_package(module), set()).update(_package(name) for name in imports)
    return {package: imports - {package} for package, imports in found.items()}


def circles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """Return the groups of nodes that reach each other (Tarjan's strongly connected components), sorted."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    path: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        order[node] = lowest[node] = len(order)
        path.append(node)
        for other in graph.get(node, ()):
            if other not in order:
                visit(other)
            if other in path:
                lowest[node] = min(lowest[node], lowest[other])
        if lowest[node] == order[node]:
            group = path[path.index(node) :]
            del path[path.index(node) :]
            if len(group) > 1:
                found.append(sorted(group))

    for node in graph:
        if node not in order:
            visit(node)
    return sorted(found)


def _package(module: str) -> str:
    parts = module.split(".")
    return ".".join(parts[:2]) if parts[0] == "petbench" else parts[0]


def _imported(tree: ast.AST, files: Mapping[str, Path]) -> Iterator[str]:
    for node in _loaded(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in files else node.module


def _loaded(tree: ast.AST) -> Iterator[ast.AST]:
    """Walk the tree without what stands under `if TYPE_CHECKING:`."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        yield node
        yield from _loaded(node)
