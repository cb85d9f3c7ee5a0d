"""What every folder may use: checks, warnings, versions; imports nothing of ours."""
