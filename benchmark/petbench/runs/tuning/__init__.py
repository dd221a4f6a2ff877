"""The search for a method's settings: trials on the validation participants, then one run that is tested."""
