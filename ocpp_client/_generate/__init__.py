"""The parts of the message generator: schemas in, one module of models per feature profile or functional block out.

`read` turns JSON schemas into the specifications of `spec`, with the names of `names`; `plan` says which action belongs
to which module, `layout` where each type stands, and `write` turns it all into Python. Used by development and tests
only.
"""
