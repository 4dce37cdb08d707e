"""Exception documents: every accepted form is read, and what is open is told."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from platformkit_pipeline.model.repository.governance import NOTHING_NAMED, Role
from platformkit_pipeline.model.repository.snapshot import RepositorySnapshot
from platformkit_pipeline.model.result import Outcome, Result

Judge = Callable[[str, str], list[Result]]
Observe = Callable[[str], RepositorySnapshot]
PATH = "docs/exceptions/2026-01-20-export.md"
HEADINGS = """# Export
## 1. Rationale
Because.
## Risk assessment
Low.
## Mitigation plan
- Step: watch it
## Expiry date
2026-06-30
## Approvals
- Security/Compliance Owner: Jane Doe, 2026-01-12
- Platform Architect: John Roe (2026-01-13)
"""
FRONT_MATTER = """---
rationale: because
risk: low
mitigation: [watch it]
expiry: 2026-06-30
approvals:
  security_owner: {name: Jane Doe, date: 2026-01-12}
  platform_architect: John Roe 2026-01-13
---
# Export
"""
BOLD = """# Export
**Rationale:** because
**Risk:** low

**Mitigation:**

- Step: watch it

- **Expires**: 2026-06-30 (then it is mended)

## Approvals

Jane Doe (Security/Compliance Owner), 2026-01-12
John Roe, Platform Architect, 2026-01-13
"""
TABLES = """# Export
| Field | Value |
|---|---|
| Rationale | because |
| Risk | low |
| Mitigation | watch it |
| Expiry | 2026-06-30 |

| Role | Name | Date |
|---|---|---|
| Security Owner | Jane Doe | 2026-01-12 |
| Platform Architect | John Roe | 2026-01-13 |
"""
ONE_LINE = """Rationale: because
Risk: low
Mitigation: watch it
Valid until: 2026-06-30
Approved by: Platform Architect John Roe, 2026-01-13; Security Owner Jane Doe, 2026-01-12
"""
LIST_OF_MAPPINGS = """---
approvals:
- {role: Security Owner, name: Jane Doe, date: 2026-01-12}
- {role: Platform Architect, name: John Roe, date: 2026-01-13}
---
Setext
======
Rationale
---------
x y

Risk
----
low

Mitigation
----------
watch

Expiry
------
2026-06-30
"""
FORMS = [HEADINGS, FRONT_MATTER, BOLD, TABLES, ONE_LINE, LIST_OF_MAPPINGS]


def file(text: str, path: str = PATH) -> str:
    return f"=== file {path}\n{text}"


@pytest.mark.parametrize("text", FORMS)
def test_every_accepted_form_is_complete(judge: Judge, observe: Observe, text: str) -> None:
    assert [r.outcome for r in judge("EXC001", file(text))] == [Outcome.PASS]
    (document,) = observe(file(text)).exceptions
    assert document.expiry == "2026-06-30"
    assert {(a.role, a.name, a.date) for a in document.approvals} == {
        (Role.SECURITY_OWNER, "Jane Doe", "2026-01-12"),
        (Role.PLATFORM_ARCHITECT, "John Roe", "2026-01-13"),
    }


@pytest.mark.parametrize(
    ("before", "after", "missing"),
    [
        ("Because.", "<why the rule cannot be kept>", "its rationale"),
        ("Because.", "<!-- a reason -->", "its rationale"),
        ("Low.", "TBD", "a risk assessment"),
        ("- Step: watch it", "[Describe the plan]", "a mitigation plan"),
        ("## Mitigation plan\n- Step: watch it\n", "", "a mitigation plan"),
        ("2026-06-30", "<yyyy-mm-dd>", "an expiry date"),
        ("Jane Doe, 2026-01-12", "", "the approval of the Security/Compliance Owner"),
        ("Jane Doe, 2026-01-12", "pending", "the approval of the Security/Compliance Owner"),
        ("Jane Doe, 2026-01-12", "2026-01-12", "the approval of the Security/Compliance Owner"),
        ("John Roe (2026-01-13)", "John Roe", "the day on which the Platform Architect approved"),
        ("John Roe (2026-01-13)", "John Roe (2026-13-13)", "the day on which the Platform Architect approved"),
        ("- Platform Architect: John Roe (2026-01-13)\n", "", "the approval of the Platform Architect"),
        ("John Roe (2026-01-13)", "@jane doe (2026-01-13)", "a second person: one gave both approvals"),
    ],
)
def test_what_is_blank_or_a_placeholder_is_missing(judge: Judge, before: str, after: str, missing: str) -> None:
    assert before in HEADINGS
    (result,) = judge("EXC001", file(HEADINGS.replace(before, after)))
    assert (result.outcome, result.evidence["missing"]) == (Outcome.FAIL, [missing])


def test_a_mention_of_a_role_outside_of_the_approvals_approves_nothing(judge: Judge) -> None:
    text = HEADINGS.replace("- Platform Architect: John Roe (2026-01-13)\n", "").replace(
        "Because.", "The Platform Architect John Roe was asked on 2026-01-13."
    )
    (result,) = judge("EXC001", file(text))
    assert result.evidence["missing"] == ["the approval of the Platform Architect"]


@pytest.mark.parametrize("name", ["export.md", "2026-02-30-export.md", "20260120-export.md", "2026-01-20.md"])
def test_a_file_name_of_another_form_is_told(judge: Judge, name: str) -> None:
    (result,) = judge("EXC001", file(HEADINGS, f"docs/exceptions/{name}"))
    assert result.evidence["missing"] == ["a name of the form <yyyy-mm-dd>-<summary>.md"]


@pytest.mark.parametrize("name", ["README.md", "template.md", "_form.md", "diagram.png"])
def test_explanations_and_templates_are_no_exceptions(observe: Observe, name: str) -> None:
    assert observe(file("# How to write one\n", f"docs/exceptions/{name}")).exceptions == ()


@pytest.mark.parametrize(
    ("expiry", "today", "outcome"),
    [
        ("2026-06-30", "2026-06-30", Outcome.PASS),
        ("2026-06-30", "2026-07-01", Outcome.FAIL),
        ("30.06.2026", "2026-01-01", Outcome.FAIL),
        ("2026-06-31", "2026-01-01", Outcome.FAIL),
        ("when it is mended", "2026-01-01", Outcome.FAIL),
    ],
)
def test_an_exception_holds_through_its_last_day_and_no_date_has_passed(judge: Judge, expiry: str, today: str, outcome: Outcome) -> None:
    (result,) = judge("EXC002", f"{file(HEADINGS.replace('2026-06-30', expiry))}=== today {today}")
    assert result.outcome is outcome


def test_without_a_control_plane_nobody_knows_whether_it_is_recorded(judge: Judge) -> None:
    assert [r.outcome for r in judge("EXC003", file(HEADINGS))] == [Outcome.UNKNOWN]
    assert [r.outcome for r in judge("EXC003", f"{file(HEADINGS)}=== recorded")] == [Outcome.FAIL]
    assert [r.outcome for r in judge("EXC003", f"{file(HEADINGS)}=== recorded {PATH}")] == [Outcome.PASS]


def test_what_an_exception_is_about_is_kept(observe: Observe) -> None:
    text = f"{HEADINGS}\n## Rules\nRLS001 and TEN003, not RLS1\n## Applies to\n- `public.orders`\n- `public.*_old`\n"
    (document,) = observe(file(text)).exceptions
    assert (document.rules, document.objects) == (("RLS001", "TEN003"), ("public.*_old", "public.orders"))


@pytest.mark.parametrize("blank", ["", "TBD", "`TBD`", "<names>", "n/a", "- \n- "])
def test_a_part_that_names_nothing_is_not_read_as_every_object(judge: Judge, observe: Observe, blank: str) -> None:
    text = f"{HEADINGS}\n## Rules\nRLS001\n## Objects\n{blank}\n"
    (document,) = observe(file(text)).exceptions
    assert document.objects == (NOTHING_NAMED,)
    (result,) = judge("EXC001", file(text))
    assert result.evidence["missing"] == ["names in its part Objects"]
    (result,) = judge("EXC001", file(text.replace("## Objects", "## Targets")))
    assert result.evidence["missing"] == ["names in its part Targets"]


@pytest.mark.parametrize(("named", "read"), [("`*`", ("*",)), ("- `*`\n- `public.orders`", ("*", "public.orders"))])
def test_every_object_can_be_named(observe: Observe, named: str, read: tuple[str, ...]) -> None:
    (document,) = observe(file(f"{HEADINGS}\n## Objects\n{named}\n")).exceptions
    assert document.objects == read


def test_an_unreadable_document_is_unknown(judge: Judge) -> None:
    example = file("x " * 200_000)
    for code in ("EXC001", "EXC002"):
        (result,) = judge(code, example)
        assert result.outcome is Outcome.UNKNOWN
        assert "is too large" in result.message
