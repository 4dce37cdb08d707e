"""Secrets in the tree of a commit, and in everything else that the repository's branches and tags can reach (clause 2.4)."""

from __future__ import annotations

import hashlib
from bisect import bisect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import PackageNotFoundError, version

from platformkit_pipeline.introspection.repository.clean_blobs import CleanBlobs
from platformkit_pipeline.introspection.repository.files import Files
from platformkit_pipeline.introspection.repository.git import GitRepository
from platformkit_pipeline.introspection.repository.git_process import GitFailed, git
from platformkit_pipeline.introspection.repository.history import Brought, History, read_history
from platformkit_pipeline.introspection.repository.kingfisher import RULES, VERSION
from platformkit_pipeline.introspection.repository.object_ids import object_id
from platformkit_pipeline.introspection.repository.secret_forms import places_in
from platformkit_pipeline.introspection.repository.secret_search import Found, Searched, search
from platformkit_pipeline.model.errors import ObservationError
from platformkit_pipeline.model.repository.facet import RepositoryFacet
from platformkit_pipeline.model.repository.masking import Masker
from platformkit_pipeline.model.repository.secrets import COMMIT_MESSAGE, Secret, Unsearched
from platformkit_pipeline.model.repository.tree import SUBMODULE
from platformkit_pipeline.model.snapshot import Unobserved
from platformkit_pipeline.sqltext.secrets import DESCRIPTIONS

SEARCH_VERSION = "1"
"""Raised whenever the same content would be judged differently."""
MAX_HISTORY_BYTES = 2 * 1024**3
MAX_RECORDS = 2_000
MAX_LEFT_OUT = 200
_MESSAGES_BYTES = 4 * 1024 * 1024
_DIGEST_CHARACTERS = 16
_COST = 2**12
_PUBLIC = {
    "supabase-anon-key": "a key of role anon, public by design",
    "supabase-publishable-key": "a publishable key of Supabase, public by design",
    "local-stack-key": "a key that every local stack shares",
    "workflow-webhook": "the address of a workflow's webhook, which is its password",
}


@dataclass(frozen=True, slots=True)
class SecretsObserved:
    """Records, what takes the values out of other records, and what was not searched."""

    secrets: tuple[Secret, ...]
    unsearched: tuple[Unsearched, ...]
    unobserved: tuple[Unobserved, ...]
    masker: Masker = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Place:
    """One finding with where it stands."""

    found: Found
    path: str
    in_tree: bool
    brought: Brought | None


def observe_secrets(repository: GitRepository, files: Files, name: str, commit: str | None = None) -> SecretsObserved:
    """Search the tree in `files` and the history. `name` is the target's: it salts the digests.

    Raises nothing for what cannot be searched: that is told.
    """
    tree = {entry.object_id: entry for entry in files.entries if entry.mode != SUBMODULE}
    unobserved: list[Unobserved] = []
    try:
        history = read_history(repository, commit)
    except ObservationError as error:
        history = History()
        unobserved.append(Unobserved(RepositoryFacet.SECRET_HISTORY, str(error)))
    sizes: dict[str, int | None] = {identity: entry.size for identity, entry in tree.items()}
    sizes |= _sizes(repository, [identity for identity in history.blobs if identity not in tree])
    known = CleanBlobs(secret_ruleset())
    chosen, cut = _within_limit(sizes, tree.keys(), known)
    messages = {_name_of(part.text): part for part in _message_parts(history)}
    texts = {name: part.text for name, part in messages.items() if name not in known}
    searched = search(chosen | {name: len(text) for name, text in texts.items()}, partial(_read, repository, files, texts))
    known.add(identity for identity in searched.clean if identity in sizes or identity in texts)
    known.save()
    unobserved += _untold(searched, history, cut, repository.borrowed.shallow)
    places = [*_in_names(files), *_placed(searched, files, history), *_in_messages(searched, messages)]
    digests = {value: _digest(name, value) for value in sorted({place.found.value for place in places})[:MAX_RECORDS]}
    secrets = _records(places, digests)
    if len(digests) < len({place.found.value for place in places}):
        unobserved.append(Unobserved(RepositoryFacet.SECRET_HISTORY, f"more than {MAX_RECORDS} secrets were found, and no more are told"))
    kinds = {place.found.value: place.found.kind for place in places if not place.found.public}
    masker = Masker({value: f"[secret:{kind}:{digests.get(value, '')}]" for value, kind in kinds.items()})
    return SecretsObserved(secrets, _unsearched(searched, files, history), tuple(unobserved), masker)


def search_ahead(contents: Iterable[bytes]) -> None:
    """Search contents that repositories will have, all at once: what is clean need not be searched when they come.

    A start of kingfisher takes longer than the search of many small files.
    """
    known = CleanBlobs(secret_ruleset())
    texts = {object_id(content): content for content in contents}
    asked = {name: content for name, content in texts.items() if name not in known}
    searched = search({name: len(content) for name, content in asked.items()}, lambda names: ((name, asked[name]) for name in names))
    known.add(searched.clean)
    known.save()


def secret_ruleset() -> str:
    """Names everything that the answer about a content depends on."""
    try:
        installed = version("kingfisher-bin")
    except PackageNotFoundError:
        installed = VERSION
    rules = b"".join(file.read_bytes() for file in sorted(RULES.glob("*.yml")))
    return hashlib.sha256(f"{SEARCH_VERSION} {installed} ".encode() + rules).hexdigest()[:16]


def _sizes(repository: GitRepository, identities: list[str]) -> dict[str, int | None]:
    """None for what the clone does not have."""
    if not identities:
        return {}
    asked = "".join(f"{identity}\n" for identity in identities).encode()
    try:
        told = git(repository.folder, "cat-file", "--batch-check=%(objectname) %(objecttype) %(objectsize)", stdin=asked, timeout=120)
    except GitFailed:
        return dict.fromkeys(identities)
    sizes: dict[str, int | None] = dict.fromkeys(identities)
    for line in told.decode("ascii", "replace").splitlines():
        parts = line.split()
        if len(parts) == 3 and parts[1] == "blob":
            sizes[parts[0]] = int(parts[2])
    return sizes


def _within_limit(sizes: dict[str, int | None], tree: Iterable[str], known: CleanBlobs) -> tuple[dict[str, int | None], int]:
    """What is to be searched, the tree whole; and how many blobs of the history are beyond the limit."""
    in_tree = set(tree)
    room, left_out = MAX_HISTORY_BYTES, 0
    chosen: dict[str, int | None] = {}
    for identity, size in sizes.items():
        if identity in known:
            continue
        if identity not in in_tree:
            room -= size or 0
            if room < 0:
                left_out += 1
                continue
        chosen[identity] = size
    return chosen, left_out


def _read(repository: GitRepository, files: Files, texts: Mapping[str, bytes], names: Sequence[str]) -> Iterator[tuple[str, bytes | None]]:
    """What is at hand first, the rest from git."""
    asked: list[str] = []
    for name in names:
        data = texts.get(name) or files.kept(name)
        if data is None:
            asked.append(name)
        else:
            yield name, data
    yield from repository.blobs.read_many(asked)


def _name_of(messages: bytes) -> str:
    """By content, like a blob, but never the name of one."""
    return hashlib.sha1(b"messages\0" + messages, usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True)
class _Messages:
    """Messages of commits one below the other, and for each its first line, commit and age."""

    text: bytes = field(repr=False)
    starts: tuple[tuple[int, str, int], ...]


def _message_parts(history: History) -> Iterator[_Messages]:
    starts: list[tuple[int, str, int]] = []
    text, line = bytearray(), 1
    for commit, age, message in history.messages:
        if len(text) + len(message) > _MESSAGES_BYTES and text:
            yield _Messages(bytes(text), tuple(starts))
            starts, text, line = [], bytearray(), 1
        starts.append((line, commit, age))
        text += message.rstrip(b"\n") + b"\n\n"
        line += message.rstrip(b"\n").count(b"\n") + 2
    if text:
        yield _Messages(bytes(text), tuple(starts))


def _untold(searched: Searched, history: History, cut: int, shallow: bool) -> Iterator[Unobserved]:
    if searched.failure:
        for facet in (RepositoryFacet.SECRETS, RepositoryFacet.SECRET_HISTORY):
            yield Unobserved(facet, f"kingfisher {searched.failure}")
    if shallow:
        yield Unobserved(RepositoryFacet.SECRET_HISTORY, "the clone is shallow; `git fetch --unshallow` brings the rest")
    if history.cut:
        yield Unobserved(RepositoryFacet.SECRET_HISTORY, "the history is longer than is read; what is older was not searched")
    if cut:
        limit = MAX_HISTORY_BYTES // 1024**2
        yield Unobserved(RepositoryFacet.SECRET_HISTORY, f"it holds more than {limit} MiB; {cut} older contents were not searched")


def _in_names(files: Files) -> Iterator[_Place]:
    """Secrets in the names of files themselves."""
    for path in files.paths:
        for place in places_in(path) if len(path) > 20 else ():
            if not place.public:
                found = Found(place.kind, 1, False, None, None, path[place.start : place.end])
                yield _Place(found, path, True, None)


def _placed(searched: Searched, files: Files, history: History) -> Iterator[_Place]:
    paths: dict[str, list[str]] = {}
    for entry in files.entries:
        paths.setdefault(entry.object_id, []).append(entry.path)
    for identity, everything in searched.found.items():
        for found in everything:
            for path in paths.get(identity, ()):
                yield _Place(found, path, True, history.blobs.get(identity))
            if identity in history.blobs:
                yield _Place(found, history.blobs[identity].path, False, history.blobs[identity])


def _in_messages(searched: Searched, messages: Mapping[str, _Messages]) -> Iterator[_Place]:
    for name, part in messages.items():
        for found in searched.found.get(name, ()):
            _, commit, age = part.starts[bisect(part.starts, found.line, key=lambda start: start[0]) - 1]
            yield _Place(found, COMMIT_MESSAGE, False, Brought(COMMIT_MESSAGE, commit, age))


def _records(places: list[_Place], digests: dict[str, str]) -> tuple[Secret, ...]:
    """One per path and secret: that of the tree where it stands there, else the oldest. All name the oldest commit that brought it."""
    oldest: dict[str, Brought] = {}
    for place in places:
        before = oldest.get(place.found.value)
        if place.brought and (before is None or place.brought.age > before.age):
            oldest[place.found.value] = place.brought
    records: dict[tuple[str, str, str], Secret] = {}
    for place in sorted(places, key=lambda p: (not p.in_tree, -p.brought.age if p.brought else 0, p.found.line)):
        found = place.found
        if found.value not in digests or (found.public and not place.in_tree):
            continue
        brought = oldest.get(found.value)
        key = (place.path, found.kind, digests[found.value])
        records.setdefault(
            key,
            Secret(
                path=place.path,
                kind=found.kind,
                digest=digests[found.value],
                description=_PUBLIC.get(found.kind) or DESCRIPTIONS.get(found.kind) or f"a secret that looks like: {found.kind}",
                line=found.line,
                in_tree=place.in_tree,
                commit=(brought.commit or None) if brought else None,
                role=found.role,
                public=found.public,
                client_variable=found.client_variable,
            ),
        )
    return tuple(sorted(records.values(), key=lambda secret: secret.identity))


def _unsearched(searched: Searched, files: Files, history: History) -> tuple[Unsearched, ...]:
    told = [
        Unsearched(entry.path, True, searched.left_out[entry.object_id]) for entry in files.entries if entry.object_id in searched.left_out
    ]
    in_tree = {entry.object_id for entry in files.entries}
    told += [
        Unsearched(history.blobs[identity].path, False, why)
        for identity, why in searched.left_out.items()
        if identity not in in_tree and identity in history.blobs
    ]
    unique = {(record.path, record.in_tree): record for record in told}
    return tuple(sorted(unique.values()))[:MAX_LEFT_OUT]


def _digest(name: str, value: str) -> str:
    """Slow on purpose, so that a weak password cannot be found by trying many; salted, so that projects cannot be compared."""
    hashed = hashlib.scrypt(value.encode(), salt=f"platformkit:{name}".encode(), n=_COST, r=8, p=1)
    return hashed.hex()[:_DIGEST_CHARACTERS]
