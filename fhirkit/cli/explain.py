"""`fhirkit explain`: what a rule means, what to do about it, and an example of either kind."""

from __future__ import annotations

import rich_click as click

from fhirkit.cli.console import emit, emit_json
from fhirkit.core.errors import UsageError


def _known() -> tuple[str, ...]:
    """The ids of all rules: of the validator, of case files, of the configuration."""
    from fhirkit.convert.catalogue import CATALOGUE
    from fhirkit.policy.catalogue import CATALOGUE as SETTINGS
    from fhirkit.validate.catalogue import RULES

    return (*RULES, *CATALOGUE, *SETTINGS)


@click.command("explain")
@click.argument("rules", nargs=-1, metavar="[RULE...]")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
def command(rules: tuple[str, ...], as_json: bool) -> None:
    """Explain a rule: its meaning, what to do, where the specification says so, two examples.

    Without a RULE, list them all: those of the validator, of case files, of the configuration.
    """
    known = _known()
    for name in rules:
        if name not in known:
            raise _unknown(name, list(known))
    chosen = rules or known
    if as_json:
        emit_json([_row(name) for name in chosen])
    elif rules:
        emit("\n".join(_text(name) for name in chosen))
    else:
        width = max(map(len, chosen))
        for name in chosen:
            row = _row(name)
            emit(f"{name:{width}}  {row['severity']:11}  {row['meaning']}\n")


def _unknown(name: str, known: list[str]) -> UsageError:
    from difflib import get_close_matches

    close = get_close_matches(name, known, n=3) or [one for one in known if name in one][:3]
    hint = f"did you mean {' or '.join(close)}?" if close else "`fhirkit explain` lists them all"
    return UsageError(f"there is no rule {name[:60]!r}", advice=hint)


def _row(name: str) -> dict[str, object]:
    from fhirkit.convert.catalogue import CATALOGUE
    from fhirkit.policy.catalogue import CATALOGUE as SETTINGS
    from fhirkit.validate.catalogue import RULES
    from fhirkit.validate.explanation import explanation

    rule = RULES.get(name)
    if rule is None:
        case = CATALOGUE[name] if name in CATALOGUE else SETTINGS[name]
        return {
            "rule": name,
            "severity": str(case.severity),
            "issue_type": case.issue_type,
            "meaning": case.meaning,
            "advice": case.cure,
        }
    row: dict[str, object] = {
        "rule": name,
        "severity": str(rule.severity),
        "issue_type": rule.issue_type,
        "incomplete": rule.incomplete,
        "meaning": rule.meaning,
    }
    found = explanation(name)
    if found is not None:
        row |= {"advice": found.advice, "link": found.link}
        row |= {"failing": found.failing or None, "passing": found.passing}
    return {key: value for key, value in row.items() if value is not None}


def _text(name: str) -> str:
    from fhirkit.validate.catalogue import RULES
    from fhirkit.validate.rules_page import rule_text

    rule = RULES.get(name)
    if rule is not None:
        return rule_text(rule)
    row = _row(name)
    return (
        f"# {name}\n{row['meaning']}\n\n- Severity: {row['severity']}\n"
        f"- FHIR issue type: {row['issue_type']}\n- What to do: {row['advice']}\n"
    )
