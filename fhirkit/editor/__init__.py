"""What an editor asks about records and case files: what is wrong, what this is, what fits here."""
