"""Observers of a run: beside it, in processes of their own, told what the run leaves on disk.

The supervisor starts one process for a run that is observed (`host`), which reads the training's log and hands what is
new to a process for each observer (`child`). Neither the run's process nor the method's knows of any of them.
"""
