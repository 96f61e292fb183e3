"""Translates between the core and OCPP 2.0.1 (edition 3 with errata): a file per functional block.

Nothing here decides about charging. State is limited to what the protocol itself needs: which status was told last, which report is
under way.
"""
