"""What a test reports: scores beside baselines, plots, and what each key means."""
