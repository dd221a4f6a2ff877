"""Submissions: runs in one file that somebody else can check without trusting, installing or executing anything in it.

::

    my-unet.petbench.zip
    ├── manifest.json                  schema version, and SHA-256 and size of every other file
    └── runs/0/
        ├── plan.json                  what was run: method, parameters, dataset, split, seed, budget, source hash
        ├── run.json                   identity, times, machine, costs
        ├── environment.txt            installed packages, as pip writes them
        ├── scores.json                every score, self-reported
        ├── predictions/sub-04.nii.gz  float32 SUV, one a test participant
        ├── run.log, log.jsonl
        └── weights.pt                 only where asked for; never opened by who verifies
"""
