"""Results as data: points, fronts, reports, rivals, statistics. How they look is `inkling.reports.page`."""
