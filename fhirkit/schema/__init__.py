"""The compiled schema: StructureDefinitions as plain data that checks run on."""
