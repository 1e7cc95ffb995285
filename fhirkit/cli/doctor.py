"""`fhirkit doctor`: whether everything is here that fhirkit needs, and as it should be."""

from __future__ import annotations

import rich_click as click

from fhirkit.cli import exits
from fhirkit.cli.console import emit, emit_json, plain


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
def command(as_json: bool) -> int:
    """Look at this installation and folder: versions with known holes, definitions, caches,
    packages and their lock, settings, remotes, Java and Maven for the local server, proxies,
    certificates.

    Opens no connection. What is merely worth knowing is marked "note" and changes nothing.
    """
    from fhirkit.cli import checkups, reach

    subjects = (
        checkups.versions, checkups.definitions, checkups.settings, checkups.packages,
        checkups.caches, reach.remotes, reach.server, reach.network, checkups.terminal,
    )  # fmt: skip
    found = [finding for subject in subjects for finding in subject()]
    if as_json:
        emit_json([finding.to_dict() for finding in found])
    else:
        for finding in found:
            emit(plain(f"{finding.state:5}  {finding.subject}: {finding.message}\n"))
            if finding.advice:
                emit(plain(f"       try: {finding.advice}\n"))
    wrong = any(finding.state == "wrong" for finding in found)
    return exits.FINDINGS if wrong else exits.CLEAN
