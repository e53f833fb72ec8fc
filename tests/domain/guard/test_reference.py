# docs/reference/guard.md says all there is: a check, reason, rule or member that is not described fails here (S5).

from pathlib import Path

import msgspec
import pytest

from aftercall.domain.guard.changes import PolicyChange, fitting
from aftercall.domain.guard.codes import CHECKS
from aftercall.domain.guard.decision import Decision
from aftercall.domain.guard.explain import explain, rule_text
from aftercall.domain.guard.policy import Overridable, Policy
from aftercall.engine.policies import packs
from tests.domain.guard.samples import decide, sms, suppression

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "reference" / "guard.md").read_text(encoding="utf-8")
HOW_TO = (DOCS / "how-to" / "compliance.md").read_text(encoding="utf-8")
OVERRIDABLE = {
    code
    for policy in packs()
    for rule in policy.rules
    if isinstance(rule, Overridable)
    for code in rule.checks
}


def section(heading: str) -> str:
    return PAGE.partition(f"\n### `{heading}`")[2].partition("\n##")[0]


def test_the_checks_are_described_in_their_order() -> None:
    checks = PAGE.partition("\n## Checks")[2].partition("\n## Policies")[0]
    assert [line.split("`")[1] for line in checks.splitlines() if line.startswith("### ")] == list(CHECKS)


@pytest.mark.parametrize("code", CHECKS)
def test_a_check_stands_with_its_severity_and_every_reason(code: str) -> None:
    spec = CHECKS[code]
    described = section(code)
    override = ", may be overridden" if code in OVERRIDABLE else ""
    assert f"\n{spec.title}. Severity `{spec.severity}`{override}." in described
    rows = [line for line in described.splitlines() if line.startswith("| `")]
    assert rows == [f"| `{reason}` | {hint} |" for reason, hint in spec.reasons.items()]


@pytest.mark.parametrize("code", CHECKS)
def test_a_checks_address_leads_to_its_section(code: str) -> None:
    page, _, anchor = CHECKS[code].doc_url.partition("#")
    assert page == "docs/reference/guard.md"
    headings = [line for line in PAGE.splitlines() if line.startswith("### `")]
    assert anchor in [heading[4:].replace("`", "").replace(".", "") for heading in headings]


@pytest.mark.parametrize("policy", packs(), ids=lambda policy: policy.id)
def test_a_policy_stands_with_every_rule_and_its_source(policy: Policy) -> None:
    described = section(policy.id)
    assert f": {policy.title}\n\nVersion {policy.version}. {policy.note}\n" in described
    for rule in policy.rules:
        row = next(line for line in described.splitlines() if line.startswith(f"| `{rule.id}` |"))
        source = "ours" if rule.source_url.startswith("docs/") else f"<{rule.source_url}>"
        assert f" | {rule_text(rule)} | " in row
        assert row.endswith(f" | {source} | {'yes' if rule.verified else 'no'} |")
        assert f"- `{rule.id}`: {rule.note}\n" in described


def test_the_record_is_described_member_by_member() -> None:
    record = PAGE.partition("## The decision record")[2].partition("## Checks")[0]
    assert [line.split("`")[1] for line in record.splitlines() if line.startswith("| `")] == list(
        Decision.__struct_encode_fields__
    )


def test_the_changes_in_the_how_to_can_be_made() -> None:
    blocks = [block.partition("```")[0] for block in HOW_TO.split("```json\n")[1:]]
    changes = [msgspec.json.decode(block, type=PolicyChange) for block in blocks]
    assert len(changes) == 4
    assert fitting(packs(), changes) == tuple(changes)


def test_the_explanation_in_the_how_to_is_what_the_guard_says() -> None:
    entry = suppression("keyword", reason="STOP")
    assert explain(decide(sms(category="promotional"), suppressions=(entry,))) in HOW_TO
