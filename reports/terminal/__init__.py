"""What commands print for people: a console that names cannot steer, tables that fit, streams of any encoding.

Pages are `inkling.reports.page`; what is said is computed in `inkling.reports.results` and by the commands.
"""
