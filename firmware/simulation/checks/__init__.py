"""The rules that must hold whatever happens, and who watches over them. A broken rule is a violation, and ends the run."""
