"""What several models have in common: objectives that they derive from, schedules, and checks of their settings."""
