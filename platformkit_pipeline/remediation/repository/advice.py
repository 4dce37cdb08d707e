"""What a person does about findings that no patch mends: why not, and the steps.

In the texts `{name}` is the object of the finding, a path where it is a file, and `{message}` what the rule says about it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from platformkit_pipeline.model.result import Result
from platformkit_pipeline.remediation.repository.proposal import ByHand, RepositoryContext

_VALUE = "a secret is worthless only once it is revoked where it was issued, and a patch would print it"
_ROTATE = "Revoke the secret where it was issued and issue another one. This comes first: it is in every clone."
_KEEP_ELSEWHERE = "Keep the new one in Supabase Vault, in GitHub Secrets or in the function's variables, and read it from the environment."
_ON_GITHUB = "it is a setting on GitHub, and no file of the repository holds it"
_WITH_ACCESS = (
    "Plan with `--github OWNER/NAME --github-token-env NAME`: what can be written for you is listed under settings, and "
    "`platformkit apply --repo PATH --github OWNER/NAME --github-token-env NAME --github-settings --approved-by WHO` writes it."
)
_SCAN = "`platformkit scan --repo .` shows whether it is gone."
_BRANCH = "Settings, Rules, Rulesets: the ruleset that binds the default branch (or its classic protection under Branches)."

ADVICE: Mapping[str, ByHand] = MappingProxyType(
    {
        "AMD001": ByHand(
            "why a constitution was changed only those know who changed it",
            (
                "Beside {name} add `constitution-amendments/<yyyy-mm-dd>-<summary>.md`: a line `Constitution version: <old> → <new>`, "
                "a line `Approved by: Platform Architect <name>, <day>; Security Owner <name>, <day>`, and the sections *What changes* and "
                "*Migration of existing projects*.",
                "Raise the version in {name} to the one that the amendment names. Or take the change back.",
            ),
        ),
        "AMD002": ByHand(
            "what becomes of existing projects has to be found out and agreed upon",
            (
                "List the projects that violate the new wording; `platformkit scan` of each tells.",
                "Add a section *Migration of existing projects* to {name}: for each of them what is done, by whom and until when.",
            ),
        ),
        "AMD003": ByHand(
            "the migration is work in other projects",
            (
                "Finish it: {message}.",
                "Then say so in {name}: `Migration status: done`, or a tick in every box of its plan. Where it cannot be finished, "
                "write a time-boxed exception into docs/exceptions/ and have it approved.",
            ),
        ),
        "AMD004": ByHand(
            "an approval is given by a person",
            (
                "Ask those who are missing: {message}.",
                "Write into {name}: `Approved by: Platform Architect <name>, <day>; Security Owner <name>, <day>`, as they gave it.",
            ),
        ),
        "CIC020": ByHand(
            _ON_GITHUB, (_WITH_ACCESS, f"{_BRANCH} Demand a pull request with an approval of code owners and the checks by name.")
        ),
        "CIC021": ByHand(
            "the name under which the job reports is known at run time only, or its setting was not looked at",
            (_WITH_ACCESS, f"{_BRANCH} Require the check by the name under which it reports: {{message}}."),
        ),
        "CIC022": ByHand(
            "whether a check is to be repaired or no longer required is for whoever asked for it",
            (f"{_BRANCH} Take out the name that never reports, or let a job report under it: {{message}}.",),
        ),
        "CIC023": ByHand(
            "who may bypass checks in an emergency is for the owners",
            (
                f"{_BRANCH} Empty the bypass list, and bind administrators as well (`enforce_admins`): {{message}}.",
                "For emergencies agree on an exception with an expiry date in docs/exceptions/.",
            ),
        ),
        "CIC026": ByHand(
            "what the workflow was meant to say is not known",
            (
                "Correct the place: {message}.",
                "`check-jsonschema --builtin-schema vendor.github-workflows {name}` shows whether GitHub would take it.",
            ),
        ),
        "CIC027": ByHand(
            "who was meant is not known",
            (
                "Correct or delete what GitHub leaves out: {message}.",
                "An owner is written @user, @organisation/team or as an e-mail address; keep one file only.",
            ),
        ),
        "CIC033": ByHand(_ON_GITHUB, ("Settings, Actions, General, Workflow permissions: *Read repository contents and packages*.", _SCAN)),
        "CIC034": ByHand(
            _ON_GITHUB,
            ("Settings, Actions, General, Workflow permissions: do not allow GitHub Actions to create and approve pull requests.", _SCAN),
        ),
        "CIC035": ByHand(_ON_GITHUB, (f"{_BRANCH} Require a pull request with at least one approval.",)),
        "CIC036": ByHand(_ON_GITHUB, (f"{_BRANCH} Dismiss stale approvals when commits are pushed.",)),
        "CIC037": ByHand(_ON_GITHUB, (f"{_BRANCH} Block force pushes and restrict deletions: {{message}}.",)),
        "CIC038": ByHand(_ON_GITHUB, (f"{_BRANCH} Require a review from code owners.",)),
        "CIC039": ByHand(_ON_GITHUB, (_WITH_ACCESS, "Settings, Advanced Security: switch Dependabot alerts on.")),
        "CIC040": ByHand(
            "which version of a dependency fits has to be tried",
            (
                "Security, Dependabot alerts: update each dependency to the version that its alert names, and run the tests ({message}).",
                "Where the hole does not concern the repository, dismiss its alert with the reason.",
            ),
        ),
        "DGM003": ByHand(
            "a picture of unknown origin may show what its source does not",
            (
                "Compare {name} with its `.drawio` file by eye.",
                "Where the source is right, delete the picture and plan again: it is drawn anew with the source in it. "
                "Where the picture is right, correct the source first.",
            ),
        ),
        "EXC001": ByHand(
            "an exception is agreed upon by people, and a heading without content would only hide what is missing",
            (
                "Fill in {name}: {message}. It needs *Rationale*, *Risk assessment*, *Mitigation plan*, *Expiry date* (yyyy-mm-dd) and "
                "*Approvals* of the Security/Compliance Owner and of the Platform Architect, each with name and day.",
                "Where nobody agreed, mend what the exception is about and delete the file.",
            ),
        ),
        "EXC002": ByHand(
            "whether an exception goes on is for those who approved it",
            (
                "Mend what {name} is about, and delete the file.",
                "Or have it reviewed: write another expiry date, and both approvals with the day on which they were given anew.",
            ),
        ),
        "EXC003": ByHand("the control plane is no file", ("Record {name} in the control plane, with the path of its document.",)),
        "LOG001": ByHand(
            "what a component writes may be read by somebody: another form of output is another behaviour",
            (
                "Make a logger in {name} (`structlog.get_logger(component=...)`, or `pino().child({{ component }})`), and replace the "
                "statements: {message}. Values become fields, not parts of the text.",
                "Where printing is the purpose, as in a command line, take the folder out: `!src/<package>/cli/` in `paths.components` of "
                ".platformkit.yaml.",
            ),
        ),
        "LOG002": ByHand(
            "a dependency that no code uses would only look like structured logging",
            (
                "Add `structlog` (Python) or `pino` (Node.js, Deno) to the dependencies of {name}, and update its lock file.",
                "Log through it: one JSON object a line with ts, level, component, message and metadata (clause 7.1).",
                "Where another structured logger is agreed upon, declare LOG002 not applicable in .platformkit.yaml, with the reason.",
            ),
        ),
        "RDM001": ByHand(
            "the README is made from a template and the inventories: an edit of it is lost with the next rendering",
            (
                "Put what was edited in {name} into the template, or let it go.",
                "Render it anew: `platformkit docs enterprise-readme --output {name}`.",
            ),
        ),
        "SEC001": ByHand(
            _VALUE,
            (
                _ROTATE,
                f"Take the old one out of {{name}}. {_KEEP_ELSEWHERE}",
                "Commit, and add a hook so that it does not happen again (SEC005). It stays in the history: SEC002 says what to do there.",
            ),
        ),
        "SEC002": ByHand(
            _VALUE,
            (
                _ROTATE,
                "Decide whether the history is rewritten (`git filter-repo --replace-text`): all commit ids change, everybody makes a new "
                "clone, open pull requests are opened anew, and GitHub's support removes cached views.",
                "Where it is not rewritten, the revoked secret stays readable: write down that it is revoked.",
            ),
        ),
        "SEC003": ByHand(
            "what the client may do without the key has to be designed",
            (
                "If the key was ever built into a page, revoke it first and issue another one.",
                "In {name} use the publishable key, and rely on row level security: {message}.",
                "What needs more goes into an Edge Function or a route of the server, which checks who asks.",
            ),
        ),
        "SEC004": ByHand(
            "a patch of the file would print what is in it, and who deploys may rely on it",
            (
                "Revoke whatever secret {name} held, and issue another one.",
                "`git rm --cached {name}`, and name the file in .gitignore.",
                "Commit a copy of its names without values as `.env.example`, and tell those who need the file where the values are.",
                "Its old versions stay in the history; SEC002 says what to do there.",
            ),
        ),
        "SEC006": ByHand(_ON_GITHUB, (_WITH_ACCESS, "Settings, Advanced Security: switch secret scanning on.")),
        "SEC007": ByHand(_ON_GITHUB, (_WITH_ACCESS, "Settings, Advanced Security: switch push protection on.")),
        "SEC008": ByHand(
            "a secret is revoked where it was issued",
            (
                "Security, Secret scanning alerts: revoke each secret where it was issued, issue another one, take it out of the files.",
                "Close the alert as revoked ({message}).",
            ),
        ),
        "SPC002": ByHand(
            "what is true of the project only those know who work on it",
            ("Write {name}: {message}.", "Delete what the template left: brackets, examples, sections that do not apply.", _SCAN),
        ),
        "SPC004": ByHand(
            "what a change is for only its author knows",
            ("In `spec/<project>/` say what the change does: the requirement, the part of the plan, or the task that it finishes.",),
        ),
        "SUP001": ByHand(
            "whether the tool or the comment is right has to be looked at",
            (
                "Look at each place in {name}: {message}.",
                "Repair what the tool found and take the comment out. Where it must stay, write the reason on the same line and name the "
                "tool's rule instead of all of them.",
            ),
        ),
        "SUP002": ByHand(
            "whether a reason still holds has to be looked at",
            ("Look whether the reason in {name} still holds: {message}.", "If not, take the comment out and repair what the tool finds."),
        ),
        "VER001": ByHand(
            "a version is read by those who depend on it: which one comes next is a decision",
            (
                "Write three numbers: {message}. A pre-release stands behind a hyphen, in Python as `1.2.0rc1`.",
                "`platformkit docs release-notes --next-version` says which version the unreleased entries call for.",
                "A repository that releases nothing declares VER001 not applicable in .platformkit.yaml, with the reason.",
            ),
        ),
        "VER004": ByHand(
            "a version that was released is not taken back by a patch, and another one is a decision",
            (
                "{message}.",
                "Not released yet: write that version into the changelog and into every place that says a version, then tag it.",
                "Released already: release what breaks nothing under this number, and the rest as the version that is called for.",
            ),
        ),
        "VER006": ByHand(
            "tags are no part of a tree, and which commit was released only the history tells",
            (
                "{message}.",
                "For each of them find the commit that raised the version (`git log -S<version> -- CHANGELOG.md`), then "
                "`git tag --annotate v<version> <commit> --message v<version>` and `git push origin v<version>`.",
            ),
        ),
        "VER007": ByHand(
            "which date or order is right only the releases tell",
            ("Correct {name}: {message}.", "The newest release comes first, each version once, each with its date as yyyy-mm-dd."),
        ),
    }
)


def advised(_: RepositoryContext, finding: Result) -> ByHand:
    """The advice about its rule, with the names of the finding in it."""
    advice = ADVICE[finding.rule]
    about = {"name": finding.object.name, "message": finding.message}
    return ByHand(advice.reason.format(**about), tuple(step.format(**about) for step in advice.steps))
