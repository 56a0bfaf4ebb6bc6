"""What a field learns from: meshes and rays, generated towns, pictures and series.

The models that learn it live in `inkling.train.fields`.
"""
