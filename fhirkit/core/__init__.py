"""What every other package stands on: errors, issues, exact JSON, files, resource keys."""
