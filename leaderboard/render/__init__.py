"""The site: pages as plain data, figures, templates, files."""
