"""What the core's state is called in OCPP 2.0.1 (edition 3). Nothing here decides about charging."""
