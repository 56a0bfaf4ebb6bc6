"""Many runs as one campaign, on one machine or a cluster, kept in a database. A single run is `inkling.runs`."""
