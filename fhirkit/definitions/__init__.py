"""FHIR packages as published: reading them safely, and the R4 definitions that come with fhirkit."""
