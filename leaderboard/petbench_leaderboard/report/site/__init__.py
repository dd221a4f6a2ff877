"""The report as a site: pages, charts and the slice viewer."""
