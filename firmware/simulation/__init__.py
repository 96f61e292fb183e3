"""The whole program in virtual time: days of charging in seconds, with seeded faults, and its books checked all the while."""
