"""The definitions that everything emitted is held against: operations, networks, fields, netlists, and their files.

Fast evaluators and searches live elsewhere.
"""
