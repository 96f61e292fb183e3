"""Power cuts: a process is recorded, and its disk rebuilt as a cut at any moment could have left it."""
