"""The `@context` of a document: which prefixes stand for which namespaces. Nothing is ever fetched."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from voltrail.events.epcis.identifiers import is_uri
from voltrail.events.epcis.vocabulary import CONTEXT, CONTEXTS, PREFIXES

VOLTRAIL: Final = "urn:voltrail:epcis:"
"""Our namespace: members of our lines for which EPCIS has no place. Its prefix is `voltrail`."""
PREFIX: Final = "voltrail"
SCHEMES: Final = frozenset(
    {"http", "https", "urn", "ni", "nih", "did", "tag", "geo", "info", "doi", "mailto", "oid"}
)


class Context(msgspec.Struct, frozen=True):
    """
    The prefixes in force, and whether there are others that we cannot know.

    `standard`: the context of EPCIS is named. `foreign`: another one is named by its address alone, and may
    declare prefixes too; we do not load it. `declared` is what was written, in order, but for the standard's.
    """

    prefixes: dict[str, str] = {}
    standard: bool = False
    foreign: bool = False
    declared: tuple[Any, ...] = ()

    def namespace(self, prefix: str) -> str | None:
        """Return what a prefix stands for, or None."""
        return self.prefixes.get(prefix) or PREFIXES.get(prefix)

    def expand(self, name: str) -> str:
        """Return `prefix:name` as a whole URI, where the prefix is known."""
        prefix, colon, local = name.partition(":")
        base = self.namespace(prefix) if colon and not local.startswith("//") else None
        return name if base is None else base + local

    def is_known(self, name: str) -> bool:
        """Return whether a name with a colon has a prefix that is declared, or is a URI by itself."""
        prefix = name.partition(":")[0]
        return (
            self.namespace(prefix) is not None
            or (self.foreign and prefix.isidentifier())
            or (prefix.lower() in SCHEMES and is_uri(name))
        )

    def local(self, name: str) -> str | None:
        """Return the name in our own namespace that a member has, or None."""
        if ":" not in name:
            return None
        whole = self.expand(name)
        return whole.removeprefix(VOLTRAIL) if whole.startswith(VOLTRAIL) else None

    def written(self) -> list[Any]:
        """Return the whole context as it stands in a document of ours."""
        return [CONTEXT, *self.declared]


class ContextError(ValueError):
    """A context that cannot be read: in words for people."""


def read_context(value: Any, outer: Context | None = None) -> Context:
    """
    Return the context of a document, or of an event within one.

    Raises ContextError.
    """
    base = outer or Context()
    prefixes, declared = dict(base.prefixes), list(base.declared)
    standard, foreign = base.standard, base.foreign
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, str):
            if not is_uri(one):
                raise ContextError(f"{one[:60]!r} is no address of a context.")
            if one in CONTEXTS:
                standard = True
                continue
            foreign = True
        elif isinstance(one, dict):
            prefixes |= _prefixes(one, prefixes)
        else:
            raise ContextError("A context is an address, or an object of prefixes and their namespaces.")
        if one not in declared:
            declared.append(one)
    return Context(prefixes, standard, foreign, tuple(declared))


def _prefixes(given: dict[str, Any], known: dict[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for prefix, meaning in given.items():
        if prefix.startswith("@"):
            continue
        term = isinstance(meaning, dict)  # a term with its definition, not a prefix
        namespace = _expand(meaning.get("@id") if term else meaning, {**PREFIXES, **known, **given})
        if namespace is None or not is_uri(namespace):
            if term:
                continue
            raise ContextError(
                f"The prefix {prefix[:40]!r} does not stand for a namespace, which is a whole URI."
            )
        if PREFIXES.get(prefix, namespace).rstrip(":") != namespace.rstrip(":"):
            raise ContextError(
                f"The prefix {prefix} is EPCIS's own, for {PREFIXES[prefix]}; choose another one."
            )
        found[prefix] = PREFIXES.get(prefix, namespace)
    return found


def _expand(text: Any, known: dict[str, Any]) -> str | None:
    if not isinstance(text, str) or ":" not in text:
        return None
    head, _, local = text.partition(":")
    base = known.get(head)
    return base + local if isinstance(base, str) and not local.startswith("//") else text
