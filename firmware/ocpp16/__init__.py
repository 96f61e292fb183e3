"""Translates between the core and OCPP 1.6 (edition 2 with errata): a file per feature profile.

Nothing here decides about charging. State is limited to what the protocol itself needs: which integer the central system gave a
transaction, which status was told last.
"""
