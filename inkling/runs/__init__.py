"""The path from a table to a folder of verified designs. Fields have `inkling.fields`."""
