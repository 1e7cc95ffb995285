"""Accept at once, for the shape alone: native code says "right for certain", or "look closer".

``gate.rs`` is compiled where a Rust compiler is at hand when fhirkit is installed; without it the
walk does all the work, with the same findings.
"""
