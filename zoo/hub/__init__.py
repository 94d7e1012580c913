"""The Hugging Face Hub: how its repositories are named, read and written. Importing this loads none of its client."""
