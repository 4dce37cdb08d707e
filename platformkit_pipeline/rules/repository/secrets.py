"""No secrets in the repository, ever (clause 2.4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from platformkit_pipeline.model.repository.facet import RepositoryFacet
from platformkit_pipeline.model.repository.secrets import SERVICE_KEYS, Secret
from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.rules.registry import PASSED, Family, Verdict, Verdicts, failed, not_applicable, unknown
from platformkit_pipeline.rules.repository_subject import RepositorySubject, file_identity, repository_identity, repository_rule

_ROTATE = (
    "Rotate it first: revoke it where it was issued and issue another one. Whoever cloned the repository has it, so taking it out, even of "
    "the history, does not help alone. "
)


@repository_rule(
    "SEC001",
    "secret-in-tree",
    clause="2.4",
    severity=Severity.CRITICAL,
    family=Family.REPOSITORY_SECRETS,
    title="A secret stands in the repository",
    why="Everybody who can read the repository, every clone of it, every build and every backup has the secret. Found are, by their form, "
    "keys and tokens of Supabase and of other providers, JWTs whose role is not `anon`, passwords in addresses of databases, webhooks, "
    "private keys, and literals drawn by lot that are given to something named like a password, key or token. "
    "No findings are keys that are public by design (`anon`, `sb_publishable_`), keys that every local Supabase stack shares, "
    "placeholders and hashes. Comments that silence a scanner do not silence this rule.",
    how_to_fix=_ROTATE
    + "Then read it from the environment: keep it in Supabase Vault, in GitHub Secrets or in the Edge Function's variables.",
    requires=(),
    violating="=== file deploy.sh\nexport SUPABASE_ACCESS_TOKEN={{secret supabase_access_token}}",
    clean='=== file deploy.sh\nexport SUPABASE_ACCESS_TOKEN="$(cat "$TOKEN_FILE")"  # e.g. sbp_<your-token>',
)
def secret_in_tree(subject: RepositorySubject) -> Verdicts:
    told = False
    for secret in _secrets(subject):
        if secret.in_tree:
            told = True
            yield _told(secret, "stands in the tree")
    for left_out in subject.snapshot.unsearched:
        if left_out.in_tree:
            told = True
            yield unknown(file_identity(left_out.path), f"not searched for secrets: it {left_out.why}")
    yield from _whole(subject, RepositoryFacet.SECRETS, told)


@repository_rule(
    "SEC002",
    "secret-in-history",
    clause="2.4",
    severity=Severity.CRITICAL,
    family=Family.REPOSITORY_SECRETS,
    title="A secret stands in the history of the repository",
    why="A commit that deletes a secret does not delete it: every clone still holds the commit before, and so does every fork. Searched is "
    "what all branches and tags can reach, and the messages of commits. A secret that still stands in the tree is told by SEC001 alone. "
    "What the owners declare to be revoked, by its digest, is not applicable.",
    how_to_fix=_ROTATE + "A rewritten history (`git filter-repo`) keeps it from those who come later, once all clones are made anew. "
    "One that is revoked opens nothing: declare it in `.platformkit.yaml` (`secrets: {revoked: {<digest>: <how and when>}}`).",
    requires=(),
    violating="=== file deploy.sh\nexport SUPABASE_ACCESS_TOKEN={{secret supabase_access_token}}\n=== commit Deploy\n=== remove deploy.sh",
    clean='=== file deploy.sh\nexport SUPABASE_ACCESS_TOKEN="$1"\n=== commit Deploy\n=== remove deploy.sh',
)
def secret_in_history(subject: RepositorySubject) -> Verdicts:
    present = {secret.digest for secret in _secrets(subject) if secret.in_tree}
    revoked = {declared.digest: declared.reason for declared in subject.declarations.revoked_secrets}
    told = False
    for secret in _secrets(subject):
        if not secret.in_tree and secret.digest not in present:
            told = True
            found = _told(secret, "stands in the history")
            reason = revoked.get(secret.digest)
            yield not_applicable(found.object, f"declared revoked: {reason}") if reason else found
    for left_out in subject.snapshot.unsearched:
        if not left_out.in_tree:
            told = True
            yield unknown(file_identity(left_out.path, place="history"), f"not searched for secrets: in the history it {left_out.why}")
    yield from _whole(subject, RepositoryFacet.SECRET_HISTORY, told)


def _secrets(subject: RepositorySubject) -> Iterable[Secret]:
    return (secret for secret in subject.snapshot.secrets if not secret.public)


def _told(secret: Secret, where: str) -> Verdict:
    """Kind, place and digest: never the secret."""
    role = f" that claims the role {secret.role}" if secret.role and secret.kind not in SERVICE_KEYS else ""
    since = f", since commit {secret.commit[:12]}" if secret.commit else ""
    evidence = {
        **{"kind": secret.kind, "digest": secret.digest},
        **({"line": secret.line} if secret.in_tree and secret.line else {}),
        **({"commit": secret.commit} if secret.commit else {}),
        **({"role": secret.role} if secret.role else {}),
    }
    identity = file_identity(secret.path, kind=secret.kind, digest=secret.digest)
    return failed(identity, f"{secret.description}{role} {where}{since}", **evidence)


def _whole(subject: RepositorySubject, facet: RepositoryFacet, told: bool) -> Iterator[Verdict | None]:
    """What was not searched as a whole is unknown, whatever was found in the rest."""
    if not subject.snapshot.observed(facet):
        reason = subject.snapshot.why_unobserved(facet)
        yield unknown(repository_identity(), f"not searched as a whole: {reason}")
    elif not told:
        yield PASSED
