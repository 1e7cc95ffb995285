"""What kind of server: where real servers differ, as settings with names, and some of them bundled.

Every setting is a way in which some server was seen to answer. The profiles are named after the
servers they were measured on; they are no claim about other versions of them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from fhirkit.core.errors import UsageError


@dataclass
class Behaviour:
    """The settings, all with the letter of R4 as their default.

    ``stale_status``: the answer to an update of another version; ``stale_in_transaction``: the
    same inside a transaction. ``client_ids``: ``any``, ``not-numeric`` (HAPI), ``refused`` or
    ``reassigned`` (stored under an id of the server's). ``transactions``: ``atomic``, ``batch``
    (entries succeed or fail alone), ``refused``, or ``unsaid`` (refused, and the statement lists no
    interactions of the system). ``totals``: ``always``, ``asked`` (only for
    ``_total=accurate``) or ``never``. ``counts``: whether ``_summary=count`` is heeded.
    ``locations`` of entries: ``versioned``, ``plain`` or ``none``. ``statement_elements``: whether
    ``_elements`` on the CapabilityStatement is ``heeded``, ``ignored`` or ``refused``.
    ``normalisation``: a name in ``normalise.NORMALISATIONS``, or empty. ``refuses``: a pattern of
    ``Type/id`` that is answered by 422. ``search_memory``: seconds that a search's answer is used
    again for the same search, unless told not to. ``late_index``: seconds until a search shows
    what was written; ``late_reads``: the same of reads. ``refuses_guard``: If-None-Match on an
    update is answered by 400. ``export_pending``: how often an export says that it is not
    finished, each time with ``export_retry_after`` as the Retry-After.
    """

    software: str = "fhirkit chaos"
    page_size: int = 20
    most_page: int = 1000
    identical_update_is_new_version: bool = True
    stale_status: int = 412
    stale_in_transaction: int = 412
    heeds_guard: bool = True
    refuses_guard: bool = False
    heeds_if_match: bool = True
    heeds_if_match_on_delete: bool = True
    if_match_on_new_id: int = 412
    client_ids: str = "any"
    assigned_ids: str = "uuid"
    conditional_create: bool = True
    checks_references: bool = True
    deletes_referenced: bool = False
    delete_status: int = 204
    delete_again_status: int = 204
    delete_missing_in_transaction: int = 204
    deleted_status: int = 410
    transactions: str = "atomic"
    most_entries: int = 10_000
    most_bytes: int = 256 * 1024 * 1024
    entry_etag_is_bare: bool = False
    locations: str = "versioned"
    representation: bool = True
    keeps_request_id: bool = False
    normalisation: str = ""
    refuses: str = ""
    instance_history: bool = True
    type_history: bool = True
    system_history: bool = True
    history_deletions: bool = True
    everything: bool = True
    statement_elements: str = "heeded"
    statement_etag: bool = False
    export: bool = True
    export_counts: bool = True
    export_deleted: bool = True
    export_needs_token: bool = False
    export_pending: int = 1
    export_retry_after: str = "0"
    totals: str = "always"
    counts: bool = True
    unknown_parameter_status: int = 200
    gt_includes_equal: bool = False
    search_memory: float = 0.0
    late_index: float = 0.0
    late_reads: float = 0.0
    content_type: str = "application/fhir+json"
    link_base: str = ""

    def changed(self, settings: dict[str, Any]) -> Behaviour:
        """A copy with other settings; ``UsageError`` for a name or value that is none."""
        known = {one.name: one.type for one in fields(self)}
        for name, value in settings.items():
            if name not in known:
                raise UsageError(
                    f"a server has no setting {name}", advice=f"one of: {', '.join(sorted(known))}"
                )
            wanted = type(getattr(self, name))
            if wanted is float and type(value) is int:
                settings[name] = float(value)
            elif type(value) is not wanted:
                raise UsageError(f"{name} expects {wanted.__name__}")
        return replace(self, **settings)


def parse_setting(text: str) -> tuple[str, Any]:
    """``NAME=VALUE`` from a command line; VALUE as in TOML, or plain text."""
    name, mark, value = text.partition("=")
    if not mark:
        raise UsageError(f"{text}: expected NAME=VALUE")
    import tomllib

    try:
        parsed: Any = tomllib.loads(f"x = {value}")["x"]
    except tomllib.TOMLDecodeError:
        parsed = value
    return name.strip().replace("-", "_"), parsed


PROFILES: dict[str, Behaviour] = {
    "r4": Behaviour(),
    "hapi": Behaviour(
        software="HAPI-like (chaos)",
        page_size=20,
        most_page=200,
        identical_update_is_new_version=False,
        stale_status=409,
        stale_in_transaction=409,
        heeds_guard=False,
        heeds_if_match_on_delete=False,
        if_match_on_new_id=201,
        client_ids="not-numeric",
        assigned_ids="numeric",
        delete_status=200,
        delete_again_status=200,
        entry_etag_is_bare=True,
        keeps_request_id=True,
        totals="asked",
        unknown_parameter_status=400,
        gt_includes_equal=True,
        search_memory=60.0,
    ),
    "helios": Behaviour(
        software="Helios-like (chaos)",
        most_page=1000,
        heeds_guard=False,
        stale_in_transaction=400,
        checks_references=False,
        deletes_referenced=True,
        delete_again_status=404,
        delete_missing_in_transaction=400,
        locations="plain",
        totals="asked",
        statement_elements="ignored",
        content_type="application/json",
    ),
    "own-ids": Behaviour(software="own ids (chaos)", client_ids="refused"),
    "plain": Behaviour(
        software="plain (chaos)",
        heeds_guard=False,
        checks_references=False,
        transactions="batch",
        locations="none",
        representation=False,
        system_history=False,
        type_history=False,
        instance_history=False,
        everything=False,
        statement_elements="refused",
        export=False,
        totals="never",
        deleted_status=404,
    ),
}


def profile_named(name: str) -> Behaviour:
    """A profile by its name; ``UsageError`` for one that is none."""
    if name not in PROFILES:
        raise UsageError(f"there is no profile {name}", advice=f"one of: {', '.join(PROFILES)}")
    return PROFILES[name].changed({})
